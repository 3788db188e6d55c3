# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However the clock of the controller is set, no TTL is taken for passed before it has, and every wait has an end."""

from __future__ import annotations

import random

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._controller_clock import read_clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.clock import Clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import Progress

NOW = 1_800_000_000.0
YEAR = 31_536_000.0
TTL = 3600


def beside(clock: Clock) -> Progress:
    return Progress("a", TTL, 60).reached("beside", clock)


@pytest.mark.parametrize("set_by", [-YEAR, -60.0, 0.0, 60.0, YEAR])
def test_a_clock_that_is_set_while_a_ttl_runs_changes_nothing(set_by: float) -> None:
    progress = beside(Clock(NOW, 500.0, "boot"))
    assert progress.seconds_to_wait(Clock(NOW + 600 + set_by, 1100.0, "boot")) == TTL - 600
    assert progress.next_step(Clock(NOW + TTL + set_by, 500.0 + TTL, "boot")) == "switched"


def test_after_a_restart_a_clock_that_runs_ahead_counts_as_far_as_the_uptime() -> None:
    progress = beside(Clock(NOW, 500.0, "boot"))
    assert progress.seconds_to_wait(Clock(NOW + YEAR, 100.0, "other boot")) == TTL - 100


def test_clocks_that_a_time_service_adjusts_count_over_a_restart_and_on_another_controller() -> None:
    progress = beside(Clock(NOW, 500.0, "boot", synchronized=True))
    assert progress.next_step(Clock(NOW + TTL, 1.0, "other boot", synchronized=True)) == "switched"
    assert progress.seconds_to_wait(Clock(NOW + TTL, 1.0, "other boot")) == TTL - 1


def test_a_clock_that_was_wrong_when_a_step_was_recorded_does_not_hold_a_cutover_for_ever() -> None:
    """It stood a year ahead, and is right since the restart."""
    restarted = Clock(NOW - YEAR, 100.0, "other boot")
    progress = beside(Clock(NOW, 500.0, "boot")).anchored(restarted)
    assert progress.seconds_to_wait(restarted) == TTL
    assert progress.next_step(Clock(NOW - YEAR, 100.0 + TTL, "other boot")) == "switched"


def test_what_was_waited_before_a_restart_counts() -> None:
    first = Clock(NOW, 500.0, "boot")
    restarted = Clock(NOW + 1000, 900.0, "other boot")
    progress = beside(first).anchored(restarted)
    again = Clock(NOW + 1100, 50.0, "third boot")
    assert progress.anchored(again).seconds_to_wait(again) == TTL - 900 - 50


def test_a_file_of_an_earlier_release_counts_by_the_clock_and_the_uptime() -> None:
    progress = Progress("a", TTL, 60, {"beside": NOW})
    assert progress.seconds_to_wait(Clock(NOW + YEAR, 100.0, "boot")) == TTL - 100
    assert progress.next_step(Clock(NOW + TTL, 1e6, "boot")) == "switched"


@pytest.mark.parametrize("seed", range(20))
def test_no_history_of_one_controller_ends_a_wait_early_or_never(seed: int) -> None:
    """Restarts, clocks that are set to anything while no time service runs, runs at any time."""
    chance = random.Random(seed)
    passed, uptime, offset, boot = 0.0, chance.uniform(0, 9999), 0.0, 0
    progress = beside(Clock(NOW, uptime, "0"))
    for _run in range(200):
        step = chance.uniform(0, 600)
        passed += step
        uptime += step
        if chance.random() < 0.2:
            uptime, boot = chance.uniform(0, min(step, 60)), boot + 1
        if chance.random() < 0.3:
            offset = chance.choice([-YEAR, -3600.0, 0.0, 3600.0, YEAR])
        now = Clock(NOW + passed + offset, uptime, str(boot))
        progress = progress.anchored(now)
        assert progress.seconds_to_wait(now) >= int(TTL - passed)
        if progress.next_step(now) == "switched":
            break
    else:
        pytest.fail("the wait has no end")


def test_the_clock_of_this_controller_goes_on() -> None:
    first, second = read_clock(), read_clock()
    assert second.uptime >= first.uptime
    assert second.boot == first.boot
