# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.scanning import Scanning, scanning_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.validation import is_chrooted

RSPAMD = "{ inet:127.0.0.1:11332, default_action=tempfail, protocol=6 }"


def scanning(former: dict[str, str] | None = None, **scanner: Any) -> Scanning:
    check = OptionReader()
    found = scanning_of("relay", {"scanner": {"unavailable": "tempfail", **scanner}}, former or {}, check)
    check.finish()
    return found


@pytest.mark.parametrize(
    ("former", "milters"),
    [
        ("", RSPAMD),
        ("inet:localhost:8891", f"{RSPAMD}, inet:localhost:8891"),
        ("inet:localhost:8891, inet:localhost:11332", f"{RSPAMD}, inet:localhost:8891"),
        ("inet:127.0.0.1:11332", RSPAMD),
        ("{ unix:/a, default_action=accept } inet:b:1", f"{RSPAMD}, {{ unix:/a, default_action=accept }} inet:b:1"),
    ],
)
def test_milters_of_the_host_stay_after_ours(former: str, milters: str) -> None:
    assert scanning({"smtpd_milters": former}, type="rspamd").settings == {"smtpd_milters": milters}


def test_milter_that_may_be_gone_past() -> None:
    found = scanning(type="milter", address="unix:/a.sock", unavailable="accept")

    assert found.settings == {"smtpd_milters": "{ unix:/a.sock, default_action=accept, protocol=6 }"}
    assert not found.trusted


def test_filter_gets_everything_but_what_it_brings_back() -> None:
    found = scanning({"smtpd_end_of_data_restrictions": "theirs"}, type="smtp", address="[2001:db8::5]:10025")

    assert found.tables[0].entries == (
        ("2001:db8::5/128", "DUNNO"),
        ("0.0.0.0/0", "FILTER relay:[2001:db8::5]:10025"),
        ("::/0", "FILTER relay:[2001:db8::5]:10025"),
    )
    assert found.settings["smtpd_end_of_data_restrictions"] == (
        "check_client_access cidr:${config_directory}/inbound_mail/relay/unscanned, theirs"
    )
    assert [str(network) for network in found.trusted] == ["2001:db8::5/128"]


@pytest.mark.parametrize(
    "scanner",
    [
        {"type": "milter"},
        {"type": "milter", "address": "nonsense"},
        {"type": "rspamd", "address": "inet:192.0.2.5:11332"},
        {"type": "smtp", "address": "192.0.2.5:10025", "unavailable": "accept"},
    ],
)
def test_declarations_that_cannot_be(scanner: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"relay\.scanner"):
        scanning(**scanner)


@pytest.mark.parametrize(
    ("services", "confined"),
    [
        ("smtp inet n - y - - smtpd", True),
        ("smtp inet n - n - - smtpd", False),
        ("smtp inet n - - - - smtpd", False),
        ("smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd", True),
        ("smtp inet n - n - - smtpd\n10025 inet n - y - - smtpd", False),
    ],
)
def test_confinement_of_the_smtp_server(services: str, confined: bool) -> None:
    assert is_chrooted(services) is confined
