# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a declaration, so that the administrator can fix it: all of it, not only the first problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...module_utils._validation import Problem
from .plan import PlanWarning


@dataclass(frozen=True)
class DeclarationProblem(Problem):
    """option: a variable of the inventory; host: whose, empty if it is about the whole inventory."""

    host: str = field(kw_only=True)

    def as_result(self) -> PlanWarning:
        return {"host": self.host, "variable": self.option, "message": self.message, "remedy": self.remedy}


@dataclass
class Report:
    """The problems found so far: with an error there is no plan, a warning goes with it."""

    errors: list[DeclarationProblem] = field(default_factory=list)
    warnings: list[DeclarationProblem] = field(default_factory=list)

    def error(self, host: str, variable: str, message: str, remedy: str) -> None:
        _add(self.errors, DeclarationProblem(variable, message, remedy, host=host))

    def concerns(self, host: str, variable: str) -> bool:
        """Whether there is an error about the variable already: what follows from it need not be said too."""
        return any((problem.host, problem.option) == (host, variable) for problem in self.errors)

    def warning(self, host: str, variable: str, message: str, remedy: str) -> None:
        _add(self.warnings, DeclarationProblem(variable, message, remedy, host=host))


class Unfit(ValueError):
    """A value that cannot be what its variable wants. message: what is wrong; remedy: what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Several(Unfit):
    """Several values in one variable that are unfit, each with its place in front."""

    def __init__(self, problems: list[Unfit]) -> None:
        super().__init__("; ".join(problem.message for problem in problems), problems[0].remedy)
        self.problems = problems


def _add(problems: list[DeclarationProblem], problem: DeclarationProblem) -> None:
    if problem not in problems:
        problems.append(problem)


def as_lines(problems: Iterable[DeclarationProblem]) -> str:
    """Two lines a problem: where and what, then, indented, what to do."""
    return "\n".join(
        f"- {problem.host or 'all hosts'}, {problem.option}: {problem.message}\n    {problem.remedy}"
        for problem in problems
    )
