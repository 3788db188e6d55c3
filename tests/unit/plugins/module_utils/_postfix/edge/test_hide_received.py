# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration, Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import services_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

MASTER_CF = "smtp inet n - y - - smtpd\nrelay unix - - y - - smtp -o syslog_name=postfix/relay\n"
SERVERS = ["203.0.113.10", "2001:db8::10"]


def compiled(former: dict[str, str] | None = None, master_cf: str = MASTER_CF) -> Configuration:
    before = Former(former or {}, services_of(master_cf), None)
    return edge_configuration("relay", {"hide_received": {"addresses": SERVERS}}, before)


def is_taken_out(header: str) -> bool:
    """As Postfix looks at it, with Python's words for POSIX's."""
    (table,) = compiled().tables
    patterns = [key.strip("/").replace("[^[:space:]]", r"\S") for key, _action in table.entries]
    return any(re.search(pattern, header, re.IGNORECASE | re.DOTALL) for pattern in patterns)


@pytest.mark.parametrize(
    "header",
    [
        "Received: from mailbox.example.org (mailbox.example.org [203.0.113.10])\n\tby mail.example.org (Postfix)",
        "Received: from mailbox (unknown [IPv6:2001:db8::10])\n\tby mail.example.org (Postfix)",
        "Received: from [192.168.1.5] (pc5.lan [192.168.1.5])\n\t(using TLSv1.3)\n\tby mailbox.example.org",
        "Received: from pc (unknown [172.31.0.9])\n\tby mailbox.example.org",
        "Received: from localhost (localhost [127.0.0.1])\n\tby mailbox.example.org",
        "Received: from EX01.corp.example (10.1.2.3) by EX02.corp.example (10.1.2.4) with Microsoft SMTP Server",
        "Received: from pc (unknown [IPv6:fd12:3456::5])\n\tby mailbox.example.org",
        "Received: by mailbox.example.org (Postfix, from userid 1000)\n\tid 1234",
    ],
)
def test_lines_of_hosts_inside_are_taken_out(header: str) -> None:
    assert is_taken_out(header)


@pytest.mark.parametrize(
    "header",
    [
        "Received: from [192.168.1.5] (home.example.com [198.51.100.7])\n\tby mx.example.com (Postfix)",
        "Received: from mailbox (unknown [203.0.113.100])\n\tby mx.example.com",
        "Received: from x (unknown [172.32.0.9])\n\tby mx.example.com",
        "Received: by 2002:a05:600c:1 with SMTP id 1",
        "X-Note: Received: from pc (unknown [10.0.0.1])",
    ],
)
def test_other_lines_stay(header: str) -> None:
    assert not is_taken_out(header)


def test_mail_to_the_servers_keeps_all_lines_and_the_checks_of_the_host() -> None:
    (service,) = compiled().services
    assert service.line() == "relay unix - - y - - smtp -o syslog_name=postfix/relay -o smtp_header_checks="
    with_checks = compiled({"smtp_header_checks": "pcre:/etc/postfix/a, pcre:/etc/postfix/b"})
    assert with_checks.services[0].command.endswith(
        "-o { smtp_header_checks=pcre:/etc/postfix/a, pcre:/etc/postfix/b }"
    )
    assert with_checks.settings["smtp_header_checks"].endswith(
        "hide_received, pcre:/etc/postfix/a, pcre:/etc/postfix/b"
    )
    by_hand = MASTER_CF.replace("\n", " -o smtp_header_checks=pcre:/c\n")
    assert compiled(master_cf=by_hand).services == ()


def test_no_way_to_the_servers_of_its_own() -> None:
    with pytest.raises(InvalidError, match="relay/unix: no such service"):
        compiled(master_cf=MASTER_CF.partition("relay")[0])
