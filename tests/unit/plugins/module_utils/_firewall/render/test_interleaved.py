# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from itertools import groupby, product
from math import gcd

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.interleaved import interleaved


def longest_run(turns: list[int]) -> int:
    """Of one target, over the end of a round too."""
    return max(len([*run]) for _target, run in groupby(turns * 3)) if len({*turns}) > 1 else 1


@pytest.mark.parametrize("weights", [*product(range(1, 8), repeat=2), *product(range(1, 8), repeat=3), (7, 5, 1, 1, 9)])
def test_shares_are_kept_and_no_run_is_longer_than_it_must_be(weights: tuple[int, ...]) -> None:
    turns = interleaved(weights)
    common = gcd(*weights)
    assert Counter(turns) == {index: weight // common for index, weight in enumerate(weights)}
    most = max(weights)
    assert longest_run(turns) == -(-most // (sum(weights) - most))


def test_weights_are_divided_by_what_they_have_in_common() -> None:
    assert interleaved([50, 50]) == [0, 1]
    assert interleaved([2, 2]) == [0, 1]
    assert interleaved([30, 10]) == [0, 0, 0, 1]
    assert interleaved([1, 1, 2]) == [2, 0, 2, 1]
