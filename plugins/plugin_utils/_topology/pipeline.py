# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of an inventory to its plan: read, check, compile. Pure, without Ansible."""

from __future__ import annotations

from collections.abc import Iterable

from ...module_utils._validation import InvalidError
from .checks.check import check
from .compile.compile import plan_of
from .declaration.model import Inventory, read
from .plan import Plan
from .problems import DeclarationProblem, Report
from .topology import Topology


class DeclarationError(InvalidError):
    """The declaration does not hold together. errors and warnings: everything that was found in it."""

    def __init__(self, errors: list[DeclarationProblem], warnings: list[DeclarationProblem]) -> None:
        super().__init__(errors)
        self.errors = errors
        self.warnings = warnings


def compile_plan(inventory: Inventory, known: Iterable[DeclarationProblem] = ()) -> Plan:
    """The plan, plain data; plugins/modules/plan.py describes it. known: errors that were met before.

    Raises DeclarationError.
    """
    report = Report(errors=list(known))
    topology = Topology(read(inventory, report))
    check(topology, report)
    warnings = _in_order(report.warnings, topology)
    if report.errors:
        raise DeclarationError(_in_order(report.errors, topology), warnings)
    return plan_of(topology, warnings)


def _in_order(problems: list[DeclarationProblem], topology: Topology) -> list[DeclarationProblem]:
    """Those about all hosts first, then host by host."""
    places = {name: place for place, name in enumerate(topology.hosts)}
    return sorted(problems, key=lambda problem: places.get(problem.host, -1))
