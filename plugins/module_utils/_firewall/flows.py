# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows in the one form that every backend renders from."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network

# An address comes up several times in a list of flows, and to read it is half of what a flow costs here.
_ADDRESSES = 65536


@dataclass(frozen=True)
class Peer:
    """One end of a flow: an interface, a network (of one address or many), or any host.

    Any host of one family (``0.0.0.0/0``) has the family and no network.
    """

    interface: str = ""
    network: Network | None = None
    family: int = 0

    @cached_property
    def kind(self) -> str:
        """``interface``, ``host``, ``network`` or ``any``."""
        if self.interface:
            return "interface"
        if self.network is None:
            return "any"
        return "host" if self.network.prefixlen == self.network.max_prefixlen else "network"

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        if self.network is None:
            return self.interface
        text = network_text(self.network)
        return text.partition("/")[0] if self.kind == "host" else text

    def covers(self, other: Peer) -> bool:
        """Whether everything that comes from the other one is known to come from this one."""
        if self.kind == "any":
            return self.family in (0, other.family)
        if self.network is not None and other.network is not None:
            mine, theirs = self.network, other.network
            return mine.version == theirs.version and theirs.subnet_of(mine)  # type: ignore[arg-type]
        return self.kind == "interface" and self.interface == other.interface


ANY_HOST = Peer()


def network_text(network: Network) -> str:
    """The network as nft and iptables list it, which Python may write otherwise where IPv4 is embedded in IPv6."""
    if network.version == 4:
        return str(network)
    return f"{socket.inet_ntop(socket.AF_INET6, network.network_address.packed)}/{network.prefixlen}"


@lru_cache(maxsize=_ADDRESSES)
def host_peer(address: str) -> Peer:
    """The peer of one address, which has been read before. Raises ValueError if it is none."""
    network = parse_network(address)
    if network is None:
        raise ValueError(f"{address!r} is not an address")
    return Peer(network=network, family=network.version)


@dataclass(frozen=True)
class Limits:
    """What one client may do: new connections per unit of time (``10/minute``), and connections at one time."""

    rate: str = ""
    connections: int = 0


@dataclass(frozen=True)
class Target:
    """A server that connections are forwarded to, and its share of them."""

    address: str
    weight: int = 1


@dataclass(frozen=True)
class Flow:
    """One declared flow after every check. The first one that matches a connection decides on it."""

    name: str
    action: str
    sources: tuple[Peer, ...] = (ANY_HOST,)
    destinations: tuple[Peer, ...] = (ANY_HOST,)
    ports: tuple[int, ...] = (25,)
    targets: tuple[Target, ...] = ()
    public_address: str = ""
    egress_address: str = ""
    hairpin: bool = False
    translate_source: bool = False
    limits: Limits = Limits()
    log: bool = False

    def pairs(self) -> Iterator[tuple[Peer, Peer, int]]:
        """Every combination of source and destination of one family, with that family (0: both)."""
        for source in self.sources:
            for destination in self.destinations:
                if not source.family or not destination.family or source.family == destination.family:
                    yield source, destination, source.family or destination.family

    @property
    def families(self) -> set[int]:
        """The IP versions that the flow is about."""
        if self.action in ("forward", "snat"):
            return {4}
        found = {family for _source, _destination, family in self.pairs()}
        return {4, 6} if 0 in found else found


@dataclass(frozen=True)
class FlowList:
    """All flows of a table in their order, the interfaces that lead outside, and the other ones that have a name."""

    flows: tuple[Flow, ...] = ()
    outside: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def routed_families(self) -> set[int]:
        """The IP versions that the host has to route for these flows."""
        passing = [flow for flow in self.flows if flow.action in ("forward", "accept", "snat")]
        return {family for flow in passing for family in flow.families}


@lru_cache(maxsize=_ADDRESSES)
def parse_network(value: str, strict: bool = True) -> Network | None:
    """The network that the text means, None if it means none; strict: no bits set behind the prefix."""
    if "%" in value:
        # An address of one link, which is never routed.
        return None
    try:
        # What most are. inet_pton(3) takes the same spellings as ipaddress, in a third of the time.
        return ipaddress.IPv4Network(socket.inet_pton(socket.AF_INET, value))
    except (OSError, ValueError):
        pass
    try:
        return ipaddress.ip_network(value, strict=strict)
    except ValueError:
        return None
