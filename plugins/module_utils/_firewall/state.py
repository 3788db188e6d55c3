# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of a table, and the way from one state to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class State:
    """All of a host that belongs to a table; empty where there is nothing."""

    table: str
    """The table in the kernel, as text."""
    file: str
    sysctl_file: str
    sysctls: Mapping[str, str]
    """The kernel's values of those that the table is about."""
    at_boot: bool


@dataclass(frozen=True)
class Change:
    """A change to the table of that name; ``script`` is what nft has to do for it."""

    name: str
    before: State
    after: State
    script: str
