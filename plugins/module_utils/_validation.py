# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a module's options, or with the host for them: every problem of a run, each with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Problem:
    """option: the place: an option, what an option holds by its name (as a flow), or a file and what is in it."""

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


class Problems:
    """Collects problems, so that one run shows all of them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def report(self, option: str, message: str, remedy: str) -> None:
        self.found.append(Problem(option, message, remedy))

    def finish(self) -> None:
        """Raise InvalidError if there are any."""
        if self.found:
            raise InvalidError(self.found)


def file_failure(error: OSError) -> str:
    """Which file could not be read or written, and why."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


AS_ROOT = "Run this as root (become: true), and make sure that the file system is writable and not full"
"""The remedy for it."""
