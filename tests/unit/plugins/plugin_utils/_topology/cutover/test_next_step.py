# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.clock import Clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.next_step import next_step
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import Progress

TIMES = {"beside": 1000.0, "delegated": 1100.0, "switched": 1400.0, "new": 1500.0, "verified": 1600.0}


def progress(done: str, *, moves_zones: bool = False) -> Progress:
    """After the steps that `done` names, in words."""
    return Progress("", 300, 60, {step: TIMES[step] for step in done.split()}, moves_zones)


@pytest.mark.parametrize(
    ("done", "now", "stage", "verify"),
    [
        ("", 1000, "beside", False),
        ("beside", 1200, "", False),
        ("beside", 1300, "switched", False),
        ("beside switched", 1400, "", False),
        ("beside switched", 1460, "new", False),
        ("beside switched new", 1500, "", True),
        ("beside switched new verified", 1600, "", True),
    ],
)
def test_each_stage_begins_when_the_ttl_before_it_has_passed(done: str, now: float, stage: str, verify: bool) -> None:
    step = next_step(progress(done), Clock(now, 1e9), may_wait=True)
    assert (step["stage"], step["delegation"], step["verify"]) == (stage, "", verify)


@pytest.mark.parametrize(("done", "delegation"), [("", "check"), ("beside", "wait"), ("beside delegated", "")])
def test_delegation_is_checked_first_and_then_waited_for(done: str, delegation: str) -> None:
    step = next_step(progress(done, moves_zones=True), Clock(1100, 1e9), may_wait=True)
    assert step["delegation"] == delegation


@pytest.mark.parametrize(("may_wait", "pause"), [(True, 100), (False, 0)])
def test_a_run_that_may_not_wait_does_not(may_wait: bool, pause: int) -> None:
    step = next_step(progress("beside"), Clock(1200, 1e9), may_wait=may_wait)
    assert (step["pause"], step["stage"]) == (pause, "")
