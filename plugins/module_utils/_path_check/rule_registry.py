# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules: each has an id that stays, a severity, the source that it rests on, and one pure function that judges.

A rule is registered where it is written, with the decorator `rule`; the documentation is generated from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case

ERROR = "error"
WARNING = "warning"
NOTICE = "notice"
SEVERITIES = (ERROR, WARNING, NOTICE)

PLAN = "the plan"


@dataclass(frozen=True)
class Found:
    """What a rule found. subject: the name, address or host it is about; unknown: it could not be seen from here.

    severity: where it is graver than the rule's. places: the addresses, or else the host names, that it is about, by
    default the subject.
    """

    subject: str
    message: str
    remedy: str
    expected: object = None
    observed: object = None
    unknown: bool = False
    severity: str = ""
    places: Sequence[str] = ()


if TYPE_CHECKING:
    Judge = Callable[[Case], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """what: one sentence for the documentation. hint: how to fix it in general; the finding says it in particular."""

    id: str
    severity: str
    source: str
    what: str
    hint: str
    judge: Judge


RULES: dict[str, Rule] = {}


def rule(name: str, severity: str, source: str, what: str, hint: str) -> Callable[[Judge], Judge]:
    """Registers the function as the judge of the rule of that id. Raises ValueError for an id that is taken."""

    def register(judge: Judge) -> Judge:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = Rule(name, severity, source, what, hint, judge)
        return judge

    return register
