# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests share a booted lab, in which order labs come, and the part of them that one machine of several runs."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest
from debian_lab import RELEASES

SHARED_FOLDERS = ("firewall_keepers",)
"""Folders of which all files use one lab."""

LONGEST_FIRST = ("test_cutover", "firewall_keepers", "test_postfix", "test_scanning", "test_firewall_boot", "test_edge")
"""So that at the end no lab works alone for long. The others follow in alphabetical order."""


def lab_of(test: str) -> str:
    """The lab that a test shares with others: its file, or its folder, and the Debian release.

    test: its node id, as tests/integration/test_edge.py::test_limits[trixie-25]
    """
    path, _colons, name = test.partition("::")
    file = PurePath(path)
    if file.stem == "test_examples":
        return f"{file.stem}-{name}"
    shared = file.parent.name if file.parent.name in SHARED_FOLDERS else file.stem
    parameters = re.split(r"[-\[\]]", name)
    return "-".join([shared, *(release for release in RELEASES if release in parameters)])


def order(lab: str) -> tuple[int, str]:
    file = lab.partition("-")[0]
    return (LONGEST_FIRST.index(file) if file in LONGEST_FIRST else len(LONGEST_FIRST), lab)


def share(labs: set[str], shard: str) -> set[str]:
    """The labs of one shard, `i/n` with i from 1 to n. Raises pytest.UsageError if there is no such shard."""
    number, _slash, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise pytest.UsageError(f"--shard {shard}: must be i/n, as 1/3, with i from 1 to n")
    return set(sorted(labs, key=order)[int(number) - 1 :: int(count)])
