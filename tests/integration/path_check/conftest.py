# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world for each test, in a network of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
# The name servers are those that dns_records is tested against.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dns"))

from recorded_network import RecordedNetwork
from world import World


@pytest.fixture
def world(debian_root: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Not started: a test says what its servers serve."""
    network = RecordedNetwork()
    world = World(network, lambda: tmp_path_factory.mktemp("named"), debian_root("bookworm"))
    yield world
    world.end()
    network.close()
