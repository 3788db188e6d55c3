# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task that writes DNS records returns, as the documentation of the modules dns_records and mx has it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NotRequired, TypedDict

from .._records.names import name_text
from .._records.rrsets import Change, Key, RRset, zone_file
from .._records.values import type_text

if TYPE_CHECKING:
    from dns.name import Name

    from .base import Provider
    from .prune import Leftover

# What can become of a change.
APPLIED = "applied"  # written, and read back
PREDICTED = "predicted"  # nothing is written in this run: it would be
NOT_APPLIED = "not_applied"  # not written
UNKNOWN = "unknown"  # sent, but it is not known whether it was written


@dataclass
class ZoneResult:
    """changes: each with what became of it; unchanged: how many RRsets were as declared;
    warnings: what the administrator should know all the same; error: why the zone is not as declared."""

    zone: Name
    changes: dict[Key, tuple[Change, str]] = field(default_factory=dict)
    unchanged: int = 0
    leftover: list[Leftover] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


class RRsetName(TypedDict):
    zone: str
    name: str
    type: str


class Row(RRsetName):
    """A value to enter or to remove (state: present, absent); ttl: seconds, None where it is removed."""

    value: str
    ttl: int | None
    state: str


class Instructions(TypedDict):
    table: list[Row]
    zone_files: dict[str, str]


class WrongAnswer(RRsetName):
    """answer: the RRset with ttl and values, None where there is none."""

    server: str
    answer: dict[str, object] | None


class UnknownZone(TypedDict):
    zone: str
    message: str


class Answers(TypedDict):
    done: bool | None
    waiting: list[WrongAnswer]
    unknown: list[UnknownZone]


class ManualResult(Instructions, Answers):
    """What the task returns under `manual`."""


class ChangeResult(RRsetName):
    """before, after: the RRset with ttl and values, None where it does not exist; status: what became of the change."""

    action: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    status: str


class Diff(TypedDict):
    before_header: str
    after_header: str
    before: str
    after: str


class TaskStats(TypedDict):
    """queries, messages: see Traffic; seconds: of the whole task."""

    zones: int
    rrsets: int
    unchanged: int
    queries: int
    messages: int
    seconds: float


class LeftoverResult(RRsetName):
    addresses: list[str]
    reason: str


class ZoneError(TypedDict):
    zone: str
    message: str


class TaskResult(TypedDict):
    """What the modules dns_records and mx return, as their documentation has it."""

    changed: bool
    changes: list[ChangeResult]
    stats: TaskStats
    atomic: NotRequired[bool]
    diff: NotRequired[Diff]
    leftover: NotRequired[list[LeftoverResult]]
    manual: NotRequired[ManualResult]
    warnings: NotRequired[list[str]]
    failed: NotRequired[bool]
    errors: NotRequired[list[ZoneError]]
    msg: NotRequired[str]


def as_result(results: Sequence[ZoneResult], provider: Provider, started: float) -> TaskResult:
    """What the task returns. `started`: time.monotonic() at its begin."""
    changes = [(result.zone, change, status) for result in results for change, status in result.changes.values()]
    made = [change for _zone, change, status in changes if status in (APPLIED, PREDICTED)]
    errors: list[ZoneError] = [
        {"zone": name_text(result.zone), "message": result.error} for result in results if result.error
    ]
    outcome: TaskResult = {
        "changed": bool(made),
        "changes": [
            {
                "zone": name_text(zone),
                "name": name_text(change.key.name),
                "type": type_text(change.key.rdtype),
                "action": change.action,
                "before": _rrset_result(change.before),
                "after": _rrset_result(change.after),
                "status": status,
            }
            for zone, change, status in changes
        ],
        "atomic": provider.capabilities.atomic,
        "diff": {
            "before_header": "records before",
            "after_header": "records after",
            "before": zone_file(change.before for change in made),
            "after": zone_file(change.after for change in made),
        },
        "stats": {
            "zones": len(results),
            "rrsets": len(changes) + sum(result.unchanged for result in results),
            "unchanged": sum(result.unchanged for result in results),
            "queries": provider.traffic.queries,
            "messages": provider.traffic.messages,
            "seconds": round(time.monotonic() - started, 3),
        },
    }
    leftover: list[LeftoverResult] = [
        {
            "zone": name_text(result.zone),
            "name": name_text(rrset.key.name),
            "type": type_text(rrset.key.rdtype),
            "addresses": rrset.texts(),
            "reason": reason,
        }
        for result in results
        for rrset, reason in result.leftover
    ]
    if leftover:
        outcome["leftover"] = leftover
    if warnings := [warning for result in results for warning in result.warnings]:
        outcome["warnings"] = warnings
    if errors:
        outcome["failed"] = True
        outcome["errors"] = errors
        outcome["msg"] = _summary(errors, len(results))
    return outcome


def _summary(errors: Sequence[ZoneError], zones: int) -> str:
    """One message for all zones that failed: the first few in full, the rest by number."""
    shown = [str(error["message"]) for error in errors[:5]]
    more = len(errors) - len(shown)
    if more:
        shown.append(f"and {more} more zones, listed under errors")
    head = f"{len(errors)} of {zones} zones failed: " if zones > 1 else ""
    return head + "\n".join(shown)


def _rrset_result(rrset: RRset | None) -> dict[str, object] | None:
    return rrset.as_result() if rrset is not None else None
