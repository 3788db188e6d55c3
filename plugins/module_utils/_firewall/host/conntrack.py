# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that the kernel goes on translating to a server that a forward no longer names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

# As conntrack(8) lists it: the addresses of the one direction, then those of the other, from which answers come.
_ENTRY = re.compile(r"dst=(?P<public>\S+) sport=\d+ dport=(?P<port>\d+).*? src=(?P<target>\S+) dst=")


class Forwarded(NamedTuple):
    """Connections to a public address and port that go to a target."""

    public_address: str
    port: int
    target: str


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
        ends = ("--orig-dst", forwarded.public_address, "--orig-port-dst", str(forwarded.port))
        # None may be left by now, which it says by its exit status.
        self._commands.run("conntrack", "-D", "-p", "tcp", *ends, "--reply-src", forwarded.target)


def parse(listing: str) -> set[Forwarded]:
    """What a listing of translated TCP connections has."""
    return {
        Forwarded(match["public"], int(match["port"]), match["target"])
        for match in map(_ENTRY.search, listing.splitlines())
        if match
    }


def stale(flows: Iterable[Flow], seen: Iterable[Forwarded]) -> list[Forwarded]:
    """Those that a forward of the flows would no longer begin so."""
    targets: dict[tuple[str, int], set[str]] = {}
    for flow in flows:
        if flow.action == "forward":
            for port in flow.ports:
                targets.setdefault((flow.public_address, port), set()).update(one.address for one in flow.targets)
    return sorted(one for one in seen if one.target not in targets.get(one[:2], {one.target}))
