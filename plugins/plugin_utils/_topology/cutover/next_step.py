# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook does next, as data: it decides nothing by itself."""

from __future__ import annotations

from typing import Literal, TypedDict

from .clock import Clock
from .progress import BESIDE, DELEGATED, DONE, NEW, SWITCHED, VERIFIED, Progress


class NextStep(TypedDict):
    """stage: what `site` brings about now, empty if nothing; delegation: whether the delegation of zones that move is
    checked, or waited for; pause: seconds to wait before the step after it; verify: whether `verify` runs."""

    stage: str
    delegation: Literal["", "check", "wait"]
    pause: int
    verify: bool


def next_step(progress: Progress, now: Clock, *, may_wait: bool) -> NextStep:
    """may_wait: whether this run waits, or ends where it would have to."""
    step = progress.next_step(now)
    return {
        "stage": step if step in (BESIDE, SWITCHED, NEW) else "",
        "delegation": _delegation(progress, step),
        "pause": progress.seconds_to_wait(now) if may_wait else 0,
        "verify": step in (VERIFIED, DONE),
    }


def _delegation(progress: Progress, step: str) -> Literal["", "check", "wait"]:
    """Before anything is configured, the new DNS host has to be ready for the zone; a delegation follows that."""
    if not progress.moves_zones:
        return ""
    if step == BESIDE:
        return "check"
    return "wait" if step == DELEGATED else ""
