# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration, Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import services_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

SMTPD = "smtp inet n - n - 200 smtpd -o syslog_name=postfix/edge\n"
BY_HAND = "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd -o syslog_name=postfix/in\n"


def compiled(master_cf: str = SMTPD, **postscreen: Any) -> Configuration:
    former = Former({}, services_of(master_cf), None)
    return edge_configuration("relay", {"postscreen": postscreen}, former)


def lines(configuration: Configuration) -> list[str]:
    return [service.line() for service in configuration.services]


def test_smtp_server_goes_on_behind_postscreen_as_it_was() -> None:
    assert lines(compiled()) == [
        "smtp inet n - n - 1 postscreen",
        "smtpd pass - - n - 200 smtpd -o syslog_name=postfix/edge",
        "dnsblog unix - - n - 0 dnsblog",
        "tlsproxy unix - - n - 0 tlsproxy",
    ]


def test_postscreen_that_was_made_by_hand_stays() -> None:
    assert lines(compiled(BY_HAND)) == ["dnsblog unix - - y - 0 dnsblog", "tlsproxy unix - - y - 0 tlsproxy"]


def test_lists_with_weights() -> None:
    lists = [
        {"name": "zen.example.net", "weight": 2, "answers": "127.0.0.[2..11]"},
        {"name": "bl.example.net", "weight": 1, "answers": None},
        {"name": "good.example.net", "weight": -4},
    ]
    settings = compiled(dnsbl=lists, dnsbl_threshold=3).settings
    assert settings["postscreen_dnsbl_sites"] == (
        "zen.example.net=127.0.0.[2..11]*2, bl.example.net, good.example.net*-4"
    )
    assert settings["postscreen_dnsbl_threshold"] == "3"


def test_known_clients_are_not_tested() -> None:
    (table,) = compiled(exempt=["192.0.2.0/24", "2001:db8::1"]).tables
    assert table.entries == (("192.0.2.0/24", "permit"), ("2001:db8::1/128", "permit"))


@pytest.mark.parametrize(
    ("master_cf", "says"),
    [
        (SMTPD + "127.0.0.1:25 inet n - n - - smtpd\n", "smtp and 127.0.0.1:25 are all on port 25"),
        ("smtp inet n - n - - spawn\n", "spawn listens on port 25, not Postfix's SMTP server"),
    ],
)
def test_what_is_not_known_on_port_25_is_left_alone(master_cf: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        compiled(master_cf)


def test_every_problem_is_reported_at_once() -> None:
    lists = [{"name": "localhost", "weight": 0}, {"name": "bl.example.net", "answers": "127.0.0.2 127.0.0.3"}]
    with pytest.raises(InvalidError) as caught:
        compiled(dnsbl=lists, dnsbl_threshold=5, exempt=["bl"])
    assert [problem.option for problem in caught.value.problems] == [
        "edge.postscreen.exempt[0]",
        "edge.postscreen.dnsbl[0]",
        "edge.postscreen.dnsbl[0].weight",
        "edge.postscreen.dnsbl[1].answers",
        "edge.postscreen.dnsbl_threshold",
    ]
