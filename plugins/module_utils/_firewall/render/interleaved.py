# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is among targets of different weights."""

from __future__ import annotations

from functools import reduce
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def interleaved(weights: Sequence[int]) -> list[int]:
    """The index of the target for each turn of a round, which comes around again.

    Each has as many turns as its weight says, divided by what all weights have in common. No run of one target, also
    from a round to the next one, is longer than the weights make it: a sender who tries again soon comes to another.
    """
    common = reduce(gcd, weights)
    turns = [weight // common for weight in weights]
    most, *others = sorted(range(len(turns)), key=lambda index: -turns[index])
    between = [index for index in others for _turn in range(turns[index])]
    if turns[most] <= len(between):
        # Every second place, then those between: equal ones are in one half, two places apart.
        in_order = [most] * turns[most] + between
        found = [most] * len(in_order)
        found[::2] = in_order[: len(found[::2])]
        found[1::2] = in_order[len(found[::2]) :]
        return found
    if not between:
        return [most]
    found = []
    for place, index in enumerate(between):
        run = (place + 1) * turns[most] // len(between) - place * turns[most] // len(between)
        found += [*[most] * run, index]
    return found
