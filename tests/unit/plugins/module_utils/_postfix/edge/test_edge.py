# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

NEW = {"smtpd_forbid_bare_newline", "smtpd_forbid_bare_newline_reject_code", "smtpd_forbid_unauth_pipelining"}


def settings(former: dict[str, str] | None = None, known: set[str] | None = None, **declared: Any) -> dict[str, str]:
    return dict(edge_configuration("relay", declared, Former(former or {}, {}, known)).settings)


@pytest.mark.parametrize(
    ("former", "known", "expected"),
    [
        ({}, NEW, {"smtpd_forbid_bare_newline": "normalize", "smtpd_forbid_unauth_pipelining": "yes"}),
        ({}, {"smtpd_forbid_bare_newline"}, {"smtpd_forbid_bare_newline": "yes"}),
        ({"smtpd_forbid_bare_newline": "no"}, {"smtpd_forbid_bare_newline"}, {"smtpd_forbid_bare_newline": "yes"}),
        ({"smtpd_forbid_bare_newline": "reject"}, NEW, {"smtpd_forbid_unauth_pipelining": "yes"}),
        (
            {"smtpd_data_restrictions": "reject_multi_recipient_bounce"},
            set(),
            {
                "smtpd_data_restrictions": "reject_unauth_pipelining, reject_multi_recipient_bounce",
                "smtpd_discard_ehlo_keywords": "chunking",
            },
        ),
    ],
)
def test_smuggling_is_kept_off_as_far_as_this_postfix_can(
    former: dict[str, str], known: set[str], expected: dict[str, str]
) -> None:
    assert settings(former, known) == expected


def test_mailboxes_take_messages_of_the_declared_size() -> None:
    assert settings(message_size=60000000)["mailbox_size_limit"] == "60000000"
    assert "mailbox_size_limit" not in settings(message_size=1000000)
    assert "mailbox_size_limit" not in settings({"mailbox_size_limit": "0"}, message_size=60000000)
    with pytest.raises(InvalidError, match="a mailbox of 51200000 bytes cannot hold a message of 60000000"):
        settings({"virtual_mailbox_limit": "51200000"}, message_size=60000000)


def test_hosts_of_ours_have_no_limit() -> None:
    limits = {"connections_per_minute": 30, "exempt": ["192.0.2.1", "2001:db8::/64"]}
    found = settings(client_limits=limits)
    assert found["smtpd_client_connection_rate_limit"] == "30"
    assert found["smtpd_client_event_limit_exceptions"] == "$mynetworks, 192.0.2.1/32, [2001:db8::]/64"
    assert not [name for name in settings(client_limits={"exempt": []}) if "limit" in name]


def test_dane_takes_the_place_of_what_is_weaker_only() -> None:
    assert settings({"smtp_tls_security_level": "may"}, tls_outgoing="dane")["smtp_tls_security_level"] == "dane"
    assert "smtp_tls_security_level" not in settings(tls_outgoing="may")
    with pytest.raises(InvalidError, match="native leaves DNS out"):
        settings({"smtp_host_lookup": "native"}, tls_outgoing="dane")
    with pytest.raises(InvalidError, match="encrypt demands more than dane"):
        settings({"smtp_tls_security_level": "encrypt"}, tls_outgoing="dane")


def test_every_problem_is_reported_at_once() -> None:
    limits = {"connections": -1, "exempt": ["mail.example.org"]}
    with pytest.raises(InvalidError) as caught:
        settings(message_size=10, client_limits=limits, queue_lifetime="5", bounce_lifetime="101d")
    assert [problem.option for problem in caught.value.problems] == [
        "edge.message_size",
        "edge.client_limits.connections",
        "edge.client_limits.exempt[0]",
        "edge.queue_lifetime",
        "edge.bounce_lifetime",
    ]
