# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.filter.unproven_exchangers import FilterModule

unproven = FilterModule().filters()["unproven_exchangers"]
EXCHANGER = {
    "host": "mail",
    "fqdn": "mail.example.org",
    "addresses": ["203.0.113.17", "2001:db8::17"],
    "domains": ["example.org", "example.net"],
}


def step(domain: str, code: int, text: str = "Ok", what: str = "postmaster") -> dict[str, Any]:
    return {"what": what, "domain": domain, "command": "", "code": code, "text": text}


TAKES = [step("example.org", 250, what="postmaster-from-null-sender"), step("example.net", 250)]


def seen(address: str, steps: list[dict[str, Any]], status: str = "open", ended: str = "") -> dict[str, Any]:
    return {"address": address, "port": 25, "status": status, "ended": ended, "steps": steps}


@pytest.mark.parametrize(
    ("dialogues", "sentences"),
    [
        ([seen("203.0.113.17", TAKES), seen("2001:db8::17", TAKES)], []),
        # A vantage without IPv6.
        ([seen("203.0.113.17", TAKES), seen("2001:db8::17", [], "no-route")], []),
        (
            [seen("203.0.113.17", [], "no-route")],
            ["mail.example.org (203.0.113.17, 2001:db8::17) could not be reached from this vantage."],
        ),
        ([], ["mail.example.org (203.0.113.17, 2001:db8::17) could not be reached from this vantage."]),
        # One domain was taken, then the server hung up.
        (
            [seen("203.0.113.17", TAKES[:1], ended="the server closed the connection: 421 too much")],
            [
                "mail.example.org (203.0.113.17) did not take mail for example.net: the server closed the connection: "
                "421 too much."
            ],
        ),
        # It hung up at what strangers ask, when it had taken its own.
        ([seen("203.0.113.17", [*TAKES, step("example.org", 421, "bye", "stranger")], ended="closed")], []),
        (
            [seen("203.0.113.17", [TAKES[0], step("example.net", 450, "4.7.1 later")])],
            ["mail.example.org (203.0.113.17) did not take mail for example.net: 450 4.7.1 later."],
        ),
        # From the null sender refused, from others taken: another rule says that bounces are lost.
        ([seen("203.0.113.17", [step("example.org", 550, what="postmaster-from-null-sender"), *TAKES])], []),
    ],
)
def test_what_was_not_seen(dialogues: list[dict[str, Any]], sentences: list[str]) -> None:
    assert unproven({"dialogues": dialogues}, [EXCHANGER]) == sentences


def test_exchanger_without_domains_has_to_answer() -> None:
    other = {**EXCHANGER, "domains": []}
    assert unproven({"dialogues": [seen("203.0.113.17", [])]}, [other]) == []
    assert len(unproven({"dialogues": []}, [other])) == 1
