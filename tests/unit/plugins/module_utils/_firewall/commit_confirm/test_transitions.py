# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a change: every order of the steps of two controllers, of their timers and of what befalls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import transitions
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.transitions import (
    ARMED,
    ChangeState,
    Phase,
    RefusedStep,
)

IDLE = ChangeState("nat")
TIMEOUT = 60.0


@dataclass(frozen=True)
class World:
    """A host in steps. live, boot: what is in force, what the next boot loads; before: what a revert restores.

    steps: how far each controller is (0: not begun); reached: the changes that a new connection came to confirm.
    """

    state: ChangeState = IDLE
    now: float = 0.0
    live: str = ""
    boot: str = ""
    before: str = ""
    steps: tuple[int, int] = (0, 0)
    reached: frozenset[str] = frozenset({""})


# The steps of a controller, in their order. After the first one, each may be the last, as after a kill.
def _arm(world: World, change: str) -> World:
    state = transitions.arm(world.state, change, world.now + TIMEOUT, world.now)
    return replace(world, state=state, before=world.live)


def _apply(world: World, change: str) -> World:
    # The process is ended by the revert, so it does not come to this after one.
    if world.state.phase is not Phase.APPLYING or world.state.change_id != change:
        raise RefusedStep("ended")
    return replace(world, live=change)


def _finish(world: World, change: str) -> World:
    return replace(world, state=transitions.finish(world.state, change))


def _confirm(world: World, change: str) -> World:
    differences = "" if world.live == change else "the table was"
    state = transitions.confirm(world.state, change, world.now, differences)
    return replace(world, state=state, boot=change, reached=world.reached | {change})


STEPS: tuple[Callable[[World, str], World], ...] = (_arm, _apply, _finish, _confirm)


def _begin_revert(world: World, change: str) -> World:
    return replace(world, state=transitions.begin_revert(world.state, change))


def _end_revert(world: World, change: str) -> World:
    state = transitions.end_revert(world.state, change)
    return replace(world, state=state, live=world.before) if state != world.state else world


def _suspend(world: World, _change: str) -> World:
    return replace(world, now=world.now + TIMEOUT)


def next_worlds(world: World) -> Iterator[World]:
    """What can come next: a step of a controller, which is refused or not, a timer at any time, a suspend."""
    for number, change in enumerate("ab"):
        if world.steps[number] < len(STEPS):
            steps = tuple(step + (index == number) for index, step in enumerate(world.steps))
            try:
                yield replace(STEPS[world.steps[number]](world, change), steps=steps)
            except RefusedStep:
                # The run ends here.
                yield replace(world, steps=tuple(len(STEPS) if i == number else s for i, s in enumerate(world.steps)))
        yield _begin_revert(world, change)
        yield _end_revert(world, change)
    if world.now < 3 * TIMEOUT:
        yield _suspend(world, "")


def reachable() -> set[World]:
    seen, waiting = {World()}, [World()]
    while waiting:
        for world in next_worlds(waiting.pop()):
            if world not in seen:
                seen.add(world)
                waiting.append(world)
    return seen


WORLDS = reachable()


def test_there_are_many_ways() -> None:
    assert len(WORLDS) > 500
    assert {world.state.phase for world in WORLDS} == {*Phase}
    assert {world.boot for world in WORLDS} == {"", "a", "b"}


def test_what_the_next_boot_loads_was_proven_and_was_not_reverted() -> None:
    for world in WORLDS:
        assert world.boot in world.reached, world
        if world.state.phase in (Phase.IDLE, Phase.CONFIRMED, Phase.REVERTED):
            assert world.live == world.boot, world


def test_what_is_armed_can_always_be_reverted_to_what_was_proven() -> None:
    for world in WORLDS:
        if world.state.phase in (*ARMED, Phase.REVERTING):
            change = world.state.change_id
            after = _end_revert(_begin_revert(world, change), change)
            assert after.state.phase is Phase.REVERTED, world
            assert after.live == after.boot, world


@pytest.mark.parametrize("change", "ab")
def test_a_step_of_one_change_does_not_touch_another(change: str) -> None:
    for world in WORLDS:
        if world.state.change_id == change:
            continue
        for step in (_begin_revert, _end_revert):
            assert step(world, change) == world
        for refused in (_finish, _confirm):
            with pytest.raises(RefusedStep):
                refused(world, change)


def test_nothing_begins_while_a_change_is_under_way() -> None:
    for world in WORLDS:
        if world.state.phase in (*ARMED, Phase.REVERTING):
            with pytest.raises(RefusedStep, match=world.state.change_id):
                _arm(world, "c")


WAITING = ChangeState("nat", Phase.WAITING, "a", TIMEOUT)


@pytest.mark.parametrize(
    ("state", "change", "now", "differences", "message"),
    [
        (IDLE, "a", 0, "", "no change of nat waits for confirmation. It was reverted, or the host has booted since"),
        (WAITING, "", 0, "", "change a of nat waits for confirmation. To confirm it, name it: change_id: a"),
        (WAITING, "b", 0, "", "change b is not in force and cannot be confirmed: change a of nat is"),
        (WAITING, "a", TIMEOUT, "", "the time to confirm change a is over, and the host reverts it"),
        (WAITING, "a", 20, "the table was", "since it was made, the table was changed by other means. .* in 40 s"),
        (replace(WAITING, phase=Phase.APPLYING), "a", 0, "", "change a was not made to its end"),
        (replace(WAITING, phase=Phase.REVERTING), "a", 0, "", "The host is reverting change a"),
        (replace(WAITING, phase=Phase.REVERTED), "a", 0, "", "Change a was reverted, and the rules before it are in"),
        (replace(WAITING, phase=Phase.CONFIRMED), "b", 0, "", "The latest, a, was confirmed and is in force"),
    ],
)
def test_a_confirmation_that_is_refused_says_what_is_in_force(
    state: ChangeState, change: str, now: float, differences: str, message: str
) -> None:
    with pytest.raises(RefusedStep, match=message):
        transitions.confirm(state, change, now, differences)


def test_a_confirmation_whose_answer_was_lost_is_none_too_many() -> None:
    confirmed = transitions.confirm(WAITING, "a", 0.0)
    assert confirmed.phase is Phase.CONFIRMED
    assert transitions.confirm(confirmed, "a", 2 * TIMEOUT) == confirmed


@pytest.mark.parametrize(
    ("phase", "now", "unfinished"),
    [
        (Phase.IDLE, 2 * TIMEOUT, False),
        (Phase.APPLYING, 0, False),
        (Phase.APPLYING, TIMEOUT, True),
        (Phase.WAITING, TIMEOUT - 1, False),
        (Phase.WAITING, TIMEOUT, True),
        (Phase.REVERTING, 0, True),
        (Phase.REVERTED, 2 * TIMEOUT, False),
        (Phase.CONFIRMED, 2 * TIMEOUT, False),
    ],
)
def test_what_its_timer_has_not_reverted_is_the_next_run_s_to_revert(
    phase: Phase, now: float, unfinished: bool
) -> None:
    assert replace(WAITING, phase=phase).is_unfinished(now) is unfinished
