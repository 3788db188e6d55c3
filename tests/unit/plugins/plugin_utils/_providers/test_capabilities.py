# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service can hold, and how changes are cut to what it takes in one piece."""

from __future__ import annotations

from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import Capabilities, Provider
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Change, Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_type, parse_value


def change(name: str, rdtype: str, value: str, ttl: int = 300) -> Change:
    key = Key(parse_name(name), parse_type(rdtype))
    return Change(key, None, RRset(key, ttl, frozenset({parse_value(key.rdtype, value)})))


def test_what_a_service_cannot_hold() -> None:
    capabilities = Capabilities(atomic=True, prerequisites=False, types=frozenset({"A", "MX"}), minimum_ttl=60)
    wanted = change("mail.example.org", "A", "203.0.113.17", ttl=30)
    removed = Change(wanted.key, wanted.after, None)
    changes = [
        wanted,
        removed,
        change("example.org", "TXT", "text"),
        change("example.org", "MX", "10 mail.example.org"),
    ]
    assert capabilities.problems(changes) == [
        "A mail.example.org has a TTL of 30 s, it takes 60 s or more",
        "it has no TXT records (example.org)",
    ]


class TakesThree(Provider):
    service = "three at a time"
    capabilities = Capabilities(atomic=True, prerequisites=False, batch=3)

    async def close(self) -> None: ...
    async def read(self, zone, keys): ...
    async def apply(self, zone, batch): ...
    async def contents(self, zone): ...
    async def servers(self, zone): ...
    async def shows(self, zone, server, changes): ...


def test_what_is_at_one_name_stays_together() -> None:
    names = ["a", "b", "b", "c", "c", "d"]
    changes = [
        change(f"{name}.example.org", rdtype, value)
        for name, (rdtype, value) in zip(names, [("A", "203.0.113.1"), ("AAAA", "2001:db8::1")] * 3, strict=True)
    ]
    batches = TakesThree().batches(parse_name("example.org"), changes)
    assert [[str(change.key.name)[0] for change in batch] for batch in batches] == [["a", "b", "b"], ["c", "c", "d"]]
    assert TakesThree().batches(parse_name("example.org"), []) == []
