# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as data: what one says, what is accepted, how many there are of each kind, and whether a task fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    SEVERITIES,
    WARNING,
)

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Observation

# Statuses
FINDING = "finding"
UNKNOWN = "unknown"
ACCEPTED = "accepted"

KINDS = (*SEVERITIES, UNKNOWN, ACCEPTED)
"""What a finding is shown as."""

NEVER = "never"
FAIL_ON = (ERROR, WARNING, NEVER)


class Acceptance(TypedDict):
    """A finding that is known. subject: None for any. until: an ISO date, the last day on which it holds, or None."""

    id: str
    subject: str | None
    reason: str
    until: str | None


class Judged(TypedDict):
    """What every finding has. places: the addresses, or else the host names, that it is about."""

    id: str
    severity: str
    status: str
    subject: str
    places: list[str]
    message: str
    remedy: str
    source: str
    expected: object
    observed: object


class Finding(Judged, total=False):
    """reason, until: of its acceptance, also of one that has expired."""

    reason: str
    until: str | None


class Stats(TypedDict):
    """seconds: that looking took; servers: addresses of name servers that were queried."""

    seconds: float
    servers: int
    dialogues: int
    rules: int


class CheckResult(TypedDict):
    """Of inbound.mail.path_check, where it does not fail."""

    changed: bool
    findings: list[Finding]
    summary: dict[str, int]
    proven: list[str]
    report: str
    stats: Stats
    observation: Observation


def is_about(accepted: Acceptance, finding: Finding) -> bool:
    """Whether the finding is the one that was accepted."""
    return accepted["id"] == finding["id"] and (accepted.get("subject") or finding["subject"]) == finding["subject"]


def holds(accepted: Acceptance, today: date) -> bool:
    """Whether the acceptance has not expired."""
    until = accepted.get("until")
    return not until or today <= date.fromisoformat(until)


def kind_of(finding: Finding) -> str:
    """A severity; or UNKNOWN or ACCEPTED, whatever the severity is."""
    return finding["severity"] if finding["status"] == FINDING else finding["status"]


def summary(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings of each severity, and how many that are unknown or accepted."""
    counts = dict.fromkeys(KINDS, 0)
    for finding in findings:
        counts[kind_of(finding)] += 1
    return counts


def fails(counts: Mapping[str, int], fail_on: str) -> bool:
    """Whether findings of this severity, or of a graver one, make a task fail."""
    return fail_on != NEVER and bool(counts[ERROR] or (fail_on == WARNING and counts[WARNING]))
