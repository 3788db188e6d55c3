# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries share a lookup: those that look at the same fields of a packet."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import network_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.first_match import Entry

ADDRESS = {4: "ip", 6: "ip6"}
_ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}


class Shape(NamedTuple):
    """What entries of one lookup have in common: which fields of a packet are looked at.

    source, destination: a Peer.kind; original: whether the destination is the one before it was translated; shared:
    whether a translation is a chain's, which chooses among several addresses; verdict: whether one is looked up.
    """

    source: str
    destination: str
    family: int
    original: bool
    shared: bool
    verdict: bool

    @property
    def name(self) -> str:
        destination = "public" if self.original else self.destination
        return f"{self.source}_to_{destination}{self.family or ''}{'_shared' if self.shared else ''}"

    @property
    def networks(self) -> int:
        return (self.source, self.destination).count("network")

    @property
    def condition(self) -> str:
        """IPv4 and IPv6 are told apart by the addresses, or in words where there are none."""
        if self.original:
            return "ct status dnat "
        has_address = {"host", "network"} & {self.source, self.destination}
        return f"meta nfproto ipv{self.family} " if self.family and not has_address else ""

    def fields(self) -> list[tuple[str, str]]:
        """Type and name of each field, in their order."""
        address = ADDRESS.get(self.family)
        ends = (
            (self.source, "iifname", f"{address} saddr"),
            (self.destination, "oifname", "ct original ip daddr" if self.original else f"{address} daddr"),
        )
        found = [
            ("ifname", interface) if kind == "interface" else (_ADDRESS_TYPE[self.family], where)
            for kind, interface, where in ends
            if kind != "any"
        ]
        return [*found, ("inet_service", "tcp dport")]

    def elements(self, entries: Iterable[Entry]) -> Iterable[tuple[str, str]]:
        """Keys and results; networks that lie in one another become one, as a set takes no overlap."""
        if not self.networks:
            for entry in entries:
                yield _key(entry.source, entry.destination, entry.port), entry.result
            return
        grouped: dict[tuple[Peer, int, str], list[ipaddress.IPv4Network]] = {}
        from_network = False
        for entry in entries:
            from_network = entry.source.kind == "network"
            ranged, other = entry.source, entry.destination
            if not from_network:
                ranged, other = other, ranged
            grouped.setdefault((other, entry.port, entry.result), []).append(ranged.network)  # type: ignore[arg-type]
        source: Peer | str
        destination: Peer | str
        for (other, port, result), networks in grouped.items():
            for network in map(network_text, ipaddress.collapse_addresses(networks)):
                source, destination = (network, other) if from_network else (other, network)
                yield _key(source, destination, port), result

    def rule(self, entry: Entry, statement: str) -> str:
        """A rule for one entry alone."""
        address = ADDRESS[entry.family]
        match = f"{address} saddr {entry.source} {address} daddr {entry.destination} tcp dport {entry.port}"
        return " ".join(filter(None, (match, statement, entry.result)))


def shape_of(entry: Entry, translation: bool) -> Shape:
    shared = translation and entry.result.startswith("goto ")
    original = bool(entry.translated_to)
    return Shape(entry.source.kind, entry.destination.kind, entry.family, original, shared, shared or not translation)


def _key(source: Peer | str, destination: Peer | str, port: int) -> str:
    fields = []
    for end in (source, destination):
        if isinstance(end, str):
            fields.append(end)
        elif end.kind == "interface":
            fields.append(f'"{end}"')
        elif end.kind != "any":
            fields.append(str(end))
    return " . ".join([*fields, str(port)])
