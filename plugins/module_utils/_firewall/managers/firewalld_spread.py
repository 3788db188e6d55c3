# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which policies of firewalld hold the rules between two zones, so that many of them change in little time.

For each rule that comes or goes firewalld reads all rules of all policies again. To open or close a whole policy is one
step. So many new rules are brought by a policy of their own, which begins to exist by a reload, and many old ones go
with the policy that they are in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_WITHOUT_RULES = 80
"""What a step takes where there are no rules, in rules that are read again."""
PATIENCE = 100_000
"""Rules that are read again before a reload is the smaller evil: some ten seconds, in which firewalld does no more."""


class Held(NamedTuple):
    """What a policy has now."""

    rules: frozenset[str]
    is_open: bool


class Spread(NamedTuple):
    """The rules of each policy by its name, and what it takes to bring them there, in rules that are read again."""

    policies: dict[str, frozenset[str]]
    effort: int


def spread(wanted: Collection[str], main: str, live: Mapping[str, Held]) -> Spread:
    """The least effort without a reload. main: the policy that has all of them at the next boot."""
    everything = frozenset(wanted)
    return min(_possible(everything, main, live), key=lambda one: one.effort)


def _possible(everything: frozenset[str], main: str, live: Mapping[str, Held]) -> Iterator[Spread]:
    """One of the policies changes, and the others stay as they are if they let nothing else through."""
    for changing in sorted(live, key=lambda name: name != main):
        policies: dict[str, frozenset[str]] = {}
        rest = everything
        for name, held in sorted(live.items()):
            if name != changing and held.is_open and held.rules <= rest:
                policies[name] = held.rules
                rest -= held.rules
        steps = len(live[changing].rules ^ rest) if rest else 0
        total = sum(len(held.rules) for held in live.values()) + len(everything)
        yield Spread({**policies, **({changing: rest} if rest else {})}, steps * (_WITHOUT_RULES + total))
