# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match wins, with lookups instead of a list that every packet walks down.

A list of entries is cut into ranks. Within a rank the order means nothing, so that its entries can share a hash table;
ranks are asked one after the other, and the first one that knows a packet decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDE = "wide"
_ALL = "all"


@dataclass(frozen=True)
class Entry:
    """Packets from a source to a destination and port, and what happens to them."""

    source: Peer
    destination: Peer
    family: int
    port: int
    result: str
    translated_to: tuple[Peer, ...] = ()
    """For a destination that was translated: where the packets really go, which is what other entries see."""


class _Highest:
    """The highest rank so far, and the highest of those that say something else than that one."""

    def __init__(self) -> None:
        self._best: tuple[int, str] = (-1, "")
        self._other = -1

    def add(self, rank: int, result: str) -> None:
        if result == self._best[1]:
            self._best = (max(rank, self._best[0]), result)
        elif rank >= self._best[0]:
            self._best, self._other = (rank, result), self._best[0]
        else:
            self._other = max(rank, self._other)

    def disagreeing(self, result: str) -> int:
        """The highest rank of an entry with another result; -1 if there is none."""
        return self._other if result == self._best[1] else self._best[0]


def ranked(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries in ranks: one that disagrees with an earlier one comes after it if a packet could match both.

    Two single addresses that differ never match one packet; of everything else it is assumed that it could. That
    needs a look at a few dictionary keys for each entry, whatever their number.
    """
    seen: dict[tuple[int, str, str], _Highest] = {}
    ranks: list[list[Entry]] = []
    for entry in entries:
        sources = {_key(entry.source)}
        destinations = {_key(peer) for peer in entry.translated_to or (entry.destination,)}
        rank = 1 + max(
            seen[key].disagreeing(entry.result) if key in seen else -1
            for source in sources
            for destination in destinations
            for key in _overlapping(entry.port, source, destination)
        )
        for source in sources | {_ALL}:
            for destination in destinations | {_ALL}:
                seen.setdefault((entry.port, source, destination), _Highest()).add(rank, entry.result)
        if rank == len(ranks):
            ranks.append([])
        ranks[rank].append(entry)
    return ranks


def _key(peer: Peer) -> str:
    return str(peer) if peer.kind == "host" else _WIDE


def _overlapping(port: int, source: str, destination: str) -> Iterable[tuple[int, str, str]]:
    for one in [_ALL] if source == _WIDE else [source, _WIDE]:
        for other in [_ALL] if destination == _WIDE else [destination, _WIDE]:
            yield port, one, other
