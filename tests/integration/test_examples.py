# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example from boot to verify and a reboot, as `make lab SCENARIO=...` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from debian_lab import Lab
from debian_lab.rehearsal import rehearse

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# On Debian 13 relay-nat-firewall has all that the relay has, and test_site.py and test_verify.py boot the relay.
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/lab.yml") if path.parent.name != "relay")

# What makes these tests of labs.
__all__ = ["Lab"]


def test_there_are_examples() -> None:
    assert FOLDERS
    assert (EXAMPLES / "relay" / "lab.yml").exists()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_example_holds(folder: Path) -> None:
    rehearse(folder, "trixie", "", verbose=False)


def test_the_relay_holds_on_the_oldest_debian_with_the_oldest_ansible_core() -> None:
    rehearse(EXAMPLES / "relay", "bookworm", "core-2.19", verbose=False)
