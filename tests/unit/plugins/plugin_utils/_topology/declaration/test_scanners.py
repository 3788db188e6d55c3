# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans a relay's mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

INVENTORY = """
all: {{vars: {{mail_domains: [{{name: example.org}}], mail_dns: {{default: {{provider: manual}}}}}}}}
mail_servers: {{hosts: {{mailbox: {{mail_topology: relay, mail_relays: [edge], mail_addresses: [192.168.0.10]}}}}}}
mail_relays: {{hosts: {{edge: {{mail_topology: direct, mail_fqdn: mx.example.org, mail_addresses: [9.9.0.17]{more}}}}}}}
"""


def inventory(scanner: str = "") -> str:
    return INVENTORY.format(more=f", mail_scanner: {scanner}" if scanner else "")


@pytest.mark.parametrize(
    ("scanner", "planned"),
    [
        ("rspamd", {"type": "rspamd", "antivirus": False, "unavailable": "tempfail"}),
        (
            "{type: rspamd, antivirus: true, unavailable: accept}",
            {"type": "rspamd", "antivirus": True, "unavailable": "accept"},
        ),
        (
            "{type: milter, address: 'inet:192.0.2.5:8891'}",
            {"type": "milter", "address": "inet:192.0.2.5:8891", "unavailable": "tempfail"},
        ),
    ],
)
def test_plan_has_the_scanner(
    plan_of: Callable[[str], dict[str, Any]], scanner: str, planned: dict[str, object]
) -> None:
    assert plan_of(inventory(scanner))["relay"]["edge"]["scanner"] == planned


def test_nothing_is_scanned_unless_declared(plan_of: Callable[[str], dict[str, Any]]) -> None:
    assert "scanner" not in plan_of(inventory())["relay"]["edge"]


@pytest.mark.parametrize(
    ("scanner", "messages"),
    [
        ("spamassassin", ["type: 'spamassassin' is no type of scanner"]),
        ("[rspamd]", ["is a list, not a dictionary"]),
        ("{address: 'inet:192.0.2.5:8891'}", ["has no 'type'"]),
        ("{type: rspamd, anti_virus: true}", ["there is no key 'anti_virus'"]),
        ("{type: rspamd, address: 'inet:192.0.2.5:8891'}", ["address: rspamd on the relay itself needs none"]),
        ("{type: milter}", ["has no 'address', and it is a milter"]),
        ("{type: milter, address: '192.0.2.5'}", ["address: '192.0.2.5' is not an address of a milter"]),
        (
            "{type: smtp, address: 'filter:25', antivirus: true, unavailable: accept}",
            [
                "address: 'filter' is a name",
                "antivirus: a scanner of type smtp has its own way to viruses",
                "unavailable: mail waits in the queue while an SMTP filter is away, it cannot go past it",
            ],
        ),
        ("{type: rspamd, unavailable: drop}", ["unavailable: 'drop' is no answer while the scanner is away"]),
    ],
)
def test_every_error_is_told(
    errors_of: Callable[[str], list[dict[str, str]]], scanner: str, messages: list[str]
) -> None:
    errors = errors_of(inventory(scanner))

    assert [error["message"] for error in errors] == messages
    assert {(error["host"], error["variable"]) for error in errors} == {("edge", "mail_scanner")}
