# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that were tried: from where, to which address of which host, open or closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import Finding
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Observation

# More than that are a list, not a drawing.
_MOST_NAME_SERVERS = 12


class TriedConnection(NamedTuple):
    """A connection that was tried. should_open: None if nothing was expected of it. names: public ones of the host."""

    source: str
    host: str
    address: str
    port: int
    status: str
    should_open: bool | None
    names: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        return self.status in (seen.OPEN, seen.ANSWERED)

    @property
    def verdict(self) -> str:
        """Of the drawing's classes: good, bad or unknown."""
        if self.status == seen.NO_ROUTE or self.should_open is None:
            return "unknown"
        return "good" if self.is_open == self.should_open else "bad"

    @property
    def words(self) -> str:
        if self.status == seen.NO_ROUTE:
            return "could not be tried"
        if self.is_open:
            word = "answers" if self.status == seen.ANSWERED else "open"
            return f"{word}, and must be closed" if self.should_open is False else word
        how = {seen.REFUSED: "refused", seen.TIMEOUT: "no answer"}.get(self.status, self.status)
        if self.port == _DNS:
            return how
        return f"closed ({how}), and must be open" if self.should_open else f"closed ({how})"


_DNS = 53
OUTSIDE = "outside"
"""What ways to the internet lead to, in place of a host."""


def tried_connections(observation: Observation, expectations: Expectations) -> list[TriedConnection]:
    """From the vantage to name servers and to every address that was tried, and from hosts inside to the outside."""
    return [
        *_to_name_servers(observation),
        *_to_exchangers(observation, expectations),
        *_to_outside(observation, expectations),
    ]


def _to_name_servers(observation: Observation) -> list[TriedConnection]:
    """One for each address, however many zones it has; the worst of what it said of them."""
    found: dict[str, TriedConnection] = {}
    for zone in observation["zones"]:
        for server in zone["servers"]:
            status = server["status"]
            if status == seen.ANSWERED and (server["rcode"] != "NOERROR" or not server["authoritative"]):
                status = server["rcode"] if server["rcode"] != "NOERROR" else "without authority"
            way = TriedConnection(
                observation["vantage"], server["name"], server["address"] or "no address", _DNS, status, True
            )
            if way.address not in found or not way.is_open:
                found[way.address] = way
    return list(found.values())[:_MOST_NAME_SERVERS]


def _to_exchangers(observation: Observation, expectations: Expectations) -> Iterator[TriedConnection]:
    """In the order of hosts as they are expected."""
    expected: dict[tuple[str, int], tuple[str, bool]] = {}
    names: dict[str, set[str]] = {}
    for exchanger in expectations["smtp"]:
        names.setdefault(exchanger["host"], set()).add(str(exchanger.get("fqdn", "")))
        for address in exchanger["addresses"]:
            expected[address, exchanger.get("port", SMTP_PORT)] = exchanger["host"], True
    for port in expectations["ports"]:
        expected[port["address"], port.get("port", SMTP_PORT)] = port["host"], port["open"]
    tried = {
        (one["address"], one["port"]): ("", one["status"])
        for one in observation["connections"]
        if one["source"] == observation["vantage"] and one["local_address"] != one["address"]
    }
    tried |= {(one["address"], one["port"]): (one["host"], one["status"]) for one in observation["dialogues"]}
    for end in [*(end for end in expected if end in tried), *(end for end in tried if end not in expected)]:
        host, should_open = expected.get(end, (tried[end][0], True if tried[end][0] else None))
        called = frozenset(names.get(host, ()))
        yield TriedConnection(observation["vantage"], host or end[0], *end, tried[end][1], should_open, called)


def _to_outside(observation: Observation, expectations: Expectations) -> Iterator[TriedConnection]:
    should_open = {one["source"]: one["open"] for one in expectations["egress"]}
    for one in observation["connections"]:
        if one["source"] in should_open and one["source"] != observation["vantage"]:
            yield TriedConnection(
                one["source"], OUTSIDE, one["address"], one["port"], one["status"], should_open[one["source"]]
            )


def found_at(way: TriedConnection, findings: Sequence[Finding]) -> list[int]:
    """Which of the findings are about the end of the way, or about its start where the way leads outside."""
    called = {way.source} if way.host == OUTSIDE else {way.host, way.address, *way.names} - {""}
    # Releases before 0.9.0 wrote no places.
    return [number for number, one in enumerate(findings) if called & {*one.get("places", [one["subject"]])}]
