# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what was observed with what was expected; needs no network, and gives the same answer every time."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    RULES,
    SEVERITIES,
    WARNING,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules import (
    addresses,
    backup_mx,
    coverage,
    decommissioned,
    delegation,
    delivery,
    mx_rrset,
    mx_targets,
    pending_requests,
    reachability,
    reverse_dns,
    smtp,
    split_horizon,
    tls,
    ttl,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case

# Importing them registers their rules.
RULE_MODULES = (
    delegation,
    mx_rrset,
    mx_targets,
    addresses,
    ttl,
    split_horizon,
    reachability,
    smtp,
    tls,
    reverse_dns,
    backup_mx,
    decommissioned,
    pending_requests,
    delivery,
    coverage,
)

FINDING = "finding"
UNKNOWN = "unknown"
ACCEPTED = "accepted"

NEVER = "never"
FAIL_ON = (ERROR, WARNING, NEVER)

_LONGEST_MESSAGE = 1000


def judge(case: Case, accepted: Sequence[dict[str, Any]], today: date) -> list[dict[str, Any]]:
    """Findings as in the module's documentation, the gravest first.

    accepted: id, subject (or empty for any), reason, until (an ISO date, the last day on which it holds, or empty).
    """
    findings = []
    for rule in RULES.values():
        for found in rule.judge(case):
            finding = {
                "id": rule.id,
                "severity": found.severity or rule.severity,
                "status": UNKNOWN if found.unknown else FINDING,
                "subject": harmless(found.subject),
                "message": harmless(found.message, _LONGEST_MESSAGE),
                "remedy": harmless(found.remedy, _LONGEST_MESSAGE),
                "source": rule.source,
                "expected": found.expected,
                "observed": found.observed,
            }
            for one in accepted if not found.unknown else ():
                if _is_about(one, finding) and finding["status"] != ACCEPTED:
                    # One that has expired says so, and counts.
                    finding |= {"reason": one["reason"], "until": one.get("until")}
                    finding["status"] = ACCEPTED if _holds(one, today) else FINDING
            findings.append(finding)
    order = {status: number for number, status in enumerate((FINDING, UNKNOWN, ACCEPTED))}
    findings.sort(key=lambda one: (order[one["status"]], SEVERITIES.index(one["severity"]), one["id"], one["subject"]))
    return findings


def _is_about(accepted: dict[str, Any], finding: dict[str, Any]) -> bool:
    return accepted["id"] == finding["id"] and (accepted.get("subject") or finding["subject"]) == finding["subject"]


def _holds(accepted: dict[str, Any], today: date) -> bool:
    return not accepted.get("until") or today <= date.fromisoformat(accepted["until"])


def summary(findings: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many findings of each severity, and how many that are unknown or accepted."""
    counts = dict.fromkeys((*SEVERITIES, UNKNOWN, ACCEPTED), 0)
    for finding in findings:
        counts[finding["severity"] if finding["status"] == FINDING else finding["status"]] += 1
    return counts


def fails(counts: dict[str, int], fail_on: str) -> bool:
    return fail_on != NEVER and bool(counts[ERROR] or (fail_on == WARNING and counts[WARNING]))
