# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a change that has to be confirmed, and the steps from one to the next. Nothing here reads a host.

A change has an ID of its own, and every step names the change that it is about: so no step of one change, however late
it comes, is taken for one of another. Only a confirmation leads to what outlives a reboot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError


class Phase(Enum):
    """IDLE: no change waits, and none is remembered. APPLYING and WAITING: armed, so the host reverts it in time."""

    IDLE = "idle"
    APPLYING = "applying"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REVERTING = "reverting"
    REVERTED = "reverted"


ARMED = (Phase.APPLYING, Phase.WAITING)


@dataclass(frozen=True)
class ChangeState:
    """Where the latest change of a table is. until: seconds of CLOCK_BOOTTIME, which goes on in suspend."""

    table: str
    """Its name as the module has it."""
    phase: Phase = Phase.IDLE
    change_id: str = ""
    until: float = 0.0

    def is_unfinished(self, now: float) -> bool:
        """Whether it has to be reverted before anything else, as its own timer did not do so, or not to the end."""
        return self.phase is Phase.REVERTING or (self.phase in ARMED and now >= self.until)


class RefusedStep(HostError):
    """A step that the state of the table does not allow; says what is in force."""


def arm(state: ChangeState, change_id: str, until: float, now: float) -> ChangeState:
    """A change begins."""
    if state.phase in ARMED:
        raise RefusedStep(
            f"change {state.change_id} of {state.table} waits for its confirmation, and the host reverts it "
            f"{_remaining(state, now)}. This run changed nothing"
        )
    if state.phase is Phase.REVERTING:
        raise RefusedStep(f"the host is reverting change {state.change_id} of {state.table}. This run changed nothing")
    return ChangeState(state.table, Phase.APPLYING, change_id, until)


def finish(state: ChangeState, change_id: str) -> ChangeState:
    """All of it is in force, and it waits for the confirmation."""
    if state.phase is Phase.APPLYING and state.change_id == change_id:
        return replace(state, phase=Phase.WAITING)
    raise RefusedStep(f"change {change_id} was not finished in time. {_in_force(state, change_id)}")


def confirm(state: ChangeState, change_id: str, now: float, differences: str = "") -> ChangeState:
    """It stays. differences: what is in force otherwise than the change left it; empty if nothing is."""
    same = state.change_id == change_id
    if state.phase is Phase.CONFIRMED and same:
        # The answer to the first confirmation was lost on its way.
        return state
    if not same or state.phase not in ARMED:
        raise RefusedStep(_in_force(state, change_id))
    if now >= state.until:
        raise RefusedStep(f"the time to confirm change {change_id} is over, and the host reverts it")
    if state.phase is Phase.APPLYING:
        raise RefusedStep(
            f"change {change_id} was not made to its end, so it cannot be confirmed. The host reverts it "
            f"{_remaining(state, now)}"
        )
    if differences:
        raise RefusedStep(
            f"change {change_id} is not confirmed: since it was made, {differences} changed by other means. The host "
            f"reverts it {_remaining(state, now)}"
        )
    return replace(state, phase=Phase.CONFIRMED)


def begin_revert(state: ChangeState, change_id: str) -> ChangeState:
    """What the timer of a change does, at whatever time it comes."""
    is_due = state.change_id == change_id and state.phase in ARMED
    return replace(state, phase=Phase.REVERTING) if is_due else state


def end_revert(state: ChangeState, change_id: str) -> ChangeState:
    """What was there before is in force again."""
    is_due = state.change_id == change_id and state.phase is Phase.REVERTING
    return replace(state, phase=Phase.REVERTED) if is_due else state


def _remaining(state: ChangeState, now: float) -> str:
    seconds = max(0, round(state.until - now))
    return f"in {seconds} s" if seconds else "now"


def _in_force(state: ChangeState, change_id: str) -> str:
    """What a step that comes too late finds in the place of its change."""
    if state.phase in ARMED and not change_id:
        return (
            f"change {state.change_id} of {state.table} waits for confirmation. To confirm it, name it: "
            f"change_id: {state.change_id}"
        )
    if state.phase in ARMED:
        return (
            f"change {change_id} is not in force and cannot be confirmed: change {state.change_id} of {state.table} "
            "is, and waits for its own confirmation"
        )
    latest = {
        Phase.IDLE: "It was reverted, or the host has booted since",
        Phase.CONFIRMED: f"The latest, {state.change_id}, was confirmed and is in force",
        Phase.REVERTING: f"The host is reverting change {state.change_id}",
        Phase.REVERTED: f"Change {state.change_id} was reverted, and the rules before it are in force",
    }[state.phase]
    return f"no change of {state.table} waits for confirmation. {latest}"
