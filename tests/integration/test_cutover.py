# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail is moved from one state to another while it comes in all the time, also when something goes wrong on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from moves import Moves, Stream, arrived, direct, relay

# Messages a second.
RATE = 10


@pytest.fixture(scope="module")
def moves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moves]:
    with Moves.up(tmp_path_factory.mktemp("cutover")) as moves:
        yield moves


def test_a_move_loses_doubles_and_returns_nothing(moves: Moves) -> None:
    lab = moves.lab
    former = moves.declare(direct("first"))
    lab.playbook("inbound.mail.site")
    stream = Stream(lab, RATE)
    moves.declare(relay("first"))
    moves.cutover(former)
    assert lab.run("sender", "dig +short MX example.org @203.0.113.54").stdout == "10 mx.example.org.\n"
    assert lab.run("sender", "dig +short A first.example.org @203.0.113.54").stdout == ""
    assert lab.run("sender", "nc -z -w 3 198.51.100.10 25", check=False).returncode != 0
    tokens = stream.end()
    assert stream.bounced() == ""
    assert arrived(lab) == Counter(tokens)
