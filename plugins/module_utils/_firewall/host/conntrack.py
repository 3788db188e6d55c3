# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that the kernel goes on translating to a server that a forward no longer names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import host_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow, Peer
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

# As conntrack(8) lists it: the addresses of the one direction, then those of the other, from which answers come.
_ENTRY = re.compile(
    r"src=(?P<client>\S+) dst=(?P<public>\S+) sport=\d+ dport=(?P<port>\d+).*? src=(?P<target>\S+) dst="
)


class Forwarded(NamedTuple):
    """Connections to a public address and port that go to a target: those of a client, or of all if that is empty."""

    public_address: str
    port: int
    target: str
    client: str


class Conntrack:
    """conntrack(8)."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    @property
    def is_installed(self) -> bool:
        return bool(self._commands.path("conntrack"))

    def forwarded(self) -> set[Forwarded]:
        """The TCP connections whose destination is translated."""
        return parse(self._commands.must("conntrack", "-L", "-p", "tcp", "--dst-nat"))

    def end(self, forwarded: Forwarded) -> None:
        """Delete their entries: their next packet begins a new connection, or belongs to none."""
        ends = ["--orig-dst", forwarded.public_address, "--orig-port-dst", str(forwarded.port)]
        if forwarded.client:
            ends += ["--orig-src", forwarded.client]
        # None may be left by now, which it says by its exit status.
        self._commands.run("conntrack", "-D", "-p", "tcp", *ends, "--reply-src", forwarded.target)


def parse(listing: str) -> set[Forwarded]:
    """What a listing of translated TCP connections has."""
    return {
        Forwarded(match["public"], int(match["port"]), match["target"], match["client"])
        for match in map(_ENTRY.search, listing.splitlines())
        if match
    }


def stale(
    flows: Iterable[Flow], seen: Iterable[Forwarded], interfaces_toward: Callable[[Iterable[str]], Mapping[str, str]]
) -> list[Forwarded]:
    """Those that a forward of the flows would no longer begin so.

    interfaces_toward: the interfaces that routes to addresses leave by; asked only where targets depend on them.
    """
    forwards: dict[tuple[str, int], list[Flow]] = {}
    for flow in flows:
        if flow.action == "forward":
            for port in flow.ports:
                forwards.setdefault((flow.public_address, port), []).append(flow)
    connections: dict[tuple[str, int, str], list[Forwarded]] = {}
    for one in seen:
        if one[:2] in forwards:
            connections.setdefault(one[:3], []).append(one)
    by_interface = {
        one.client
        for key, its in connections.items()
        if len(forwards[key[:2]]) > 1 and any(peer.interface for flow in forwards[key[:2]] for peer in flow.sources)
        for one in its
    }
    interfaces = interfaces_toward(sorted(by_interface)) if by_interface else {}
    found = []
    for key, its in connections.items():
        gone = [one for one in its if one.target not in _targets(forwards[key[:2]], one.client, interfaces)]
        # One command for all of them, where none is to stay.
        found += [Forwarded(*key, "")] if len(gone) == len(its) else gone
    return sorted(found)


def _targets(flows: Sequence[Flow], client: str, interfaces: Mapping[str, str]) -> set[str]:
    """Where the first of the flows that is for the client leads; where all lead, if none is known to be."""
    for flow in flows:
        if any(_is_from(peer, client, interfaces) for peer in flow.sources):
            return {target.address for target in flow.targets}
    return {target.address for flow in flows for target in flow.targets}


def _is_from(peer: Peer, client: str, interfaces: Mapping[str, str]) -> bool:
    if peer.interface:
        return peer.interface == interfaces.get(client)
    return peer.covers(host_peer(client))
