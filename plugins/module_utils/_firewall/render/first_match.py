# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match wins, with lookups instead of a list that every packet walks down.

A list of entries is cut into ranks. Within a rank the order means nothing, so that its entries can share a hash table;
ranks are asked one after the other, and the first one that knows a packet decides.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer

_WIDE = "wide"
_ALL = "all"


class Entry(NamedTuple):
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

    __slots__ = ("_other", "_rank", "_result")

    def __init__(self) -> None:
        self._rank, self._result = -1, ""
        self._other = -1

    def add(self, rank: int, result: str) -> None:
        if result == self._result:
            self._rank = max(rank, self._rank)
        elif rank >= self._rank:
            self._other = self._rank
            self._rank, self._result = rank, result
        else:
            self._other = max(rank, self._other)

    def disagreeing(self, result: str) -> int:
        """The highest rank of an entry with another result; -1 if there is none."""
        return self._other if result == self._result else self._rank


def ranked(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries in ranks: one that disagrees with an earlier one comes after it if a packet could match both.

    Two single addresses that differ never match one packet; of everything else it is assumed that it could. That
    needs a look at a few dictionary keys for each entry, whatever their number.
    """
    if _agree(entries):
        return [list(entries)] if entries else []
    seen: defaultdict[tuple[int, str, str], _Highest] = defaultdict(_Highest)
    ranks: list[list[Entry]] = []
    for entry in entries:
        port, result, source = entry.port, entry.result, _key(entry.source)
        destinations = {_key(peer) for peer in entry.translated_to or (entry.destination,)}
        rank = 0
        for destination in destinations:
            for key in _overlapping(port, source, destination):
                if key in seen:
                    rank = max(rank, 1 + seen[key].disagreeing(result))
        for one in (source, _ALL):
            for other in (*destinations, _ALL):
                seen[port, one, other].add(rank, result)
        if rank == len(ranks):
            ranks.append([])
        ranks[rank].append(entry)
    return ranks


def _agree(entries: Iterable[Entry]) -> bool:
    """Whether all go to single addresses, and those to the same one have the same result, as with most forwards."""
    results: dict[tuple[int, Peer], str] = {}
    for entry in entries:
        for peer in entry.translated_to or (entry.destination,):
            if peer.kind != "host" or results.setdefault((entry.port, peer), entry.result) != entry.result:
                return False
    return True


def _key(peer: Peer) -> str:
    return str(peer) if peer.kind == "host" else _WIDE


def _overlapping(port: int, source: str, destination: str) -> Iterable[tuple[int, str, str]]:
    for one in [_ALL] if source == _WIDE else [source, _WIDE]:
        for other in [_ALL] if destination == _WIDE else [destination, _WIDE]:
            yield port, one, other
