# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what a module was told, said so that the administrator can mend it: all of it, not the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what was declared, or with the host it is declared for.

    option: where: an option, what an option holds by its name (as a flow), or a file and what is in it.
    """

    option: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.option}: {self.message}. {self.remedy}"


class InvalidError(ValueError):
    """What was declared cannot be applied; carries every problem, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def file_failure(error: OSError) -> str:
    """Which file could not be read or written, and why."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


AS_ROOT = "See that this runs as root (become: true), and that the file system can be written to and is not full"
"""The remedy for it."""
