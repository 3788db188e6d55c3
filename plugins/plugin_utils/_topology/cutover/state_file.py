# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a cutover stands: which steps were done and when, in a small file, and what that means for the next one."""

from __future__ import annotations

import glob
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._private_file import write_private
from ..plan import PlannedCutover

FORMAT_VERSION = 1

BESIDE, DELEGATED, SWITCHED, NEW, VERIFIED = "beside", "delegated", "switched", "new", "verified"
STEPS = (BESIDE, DELEGATED, SWITCHED, NEW, VERIFIED)
"""In this order; each is written down when it is done. All but DELEGATED and VERIFIED are stages of the plan; DELEGATED
is only there if a zone moves."""
SWITCHING = "switching"
"""Written down when the records are about to be led to the new way: from then on some of them may be."""
MARKS = (*STEPS, SWITCHING)
WAIT, DONE = "wait", "done"
"""What comes next if it is none of the steps."""

_WHAT = {
    BESIDE: "make the new way beside the former one, lower the TTL",
    DELEGATED: "have zones delegated to their new name servers, by the operator of the parent zone",
    SWITCHED: "probe the new way, then lead the records there",
    NEW: "wait for open sessions and queues, remove the former way",
    VERIFIED: "verify that all is as declared and nothing is left",
}
_STANDS = {
    BESIDE: "Mail comes in on the former way. If this step stops, it goes on doing so",
    DELEGATED: "Mail comes in on the former way. The former name servers and the new ones answer the same, so it goes "
    "on doing so whichever are asked",
    SWITCHED: "Mail comes in on the former way, and the new one takes it too. If this step stops, both go on doing so",
    NEW: "The records lead to the new way, and the former one takes mail too. If this step stops, the new one goes on "
    "taking mail",
    VERIFIED: "Mail comes in on the new way, and the former one is removed",
    DONE: "Mail comes in on the new way, and the former one is removed. There is nothing left to do",
}


class OtherStates(Exception):
    """The file is about two other states."""


class UnreadableProgress(Exception):
    """The file is not one that was written here."""


@dataclass(frozen=True)
class Progress:
    """id: of the two states; ttl: seconds that a resolver may keep a former record, before and after it was lowered;
    times: step -> when it was done, in seconds since 1970; moves_zones: whether a zone goes to other name servers;
    delegation_ttl: seconds that a resolver may go on asking the former ones, once the parents name the new ones;
    states: the id of the former one and of the new one."""

    id: str
    former_ttl: int
    short_ttl: int
    times: Mapping[str, float] = field(default_factory=dict)
    moves_zones: bool = False
    delegation_ttl: int = 0
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def _steps(self) -> list[str]:
        return [step for step in STEPS if step != DELEGATED or self.moves_zones]

    def next_step(self, now: float) -> str:
        step = self._undone()
        return WAIT if self.seconds_to_wait(now) else step

    def seconds_to_wait(self, now: float) -> int:
        """Until no resolver keeps what the step before the next one replaced."""
        until = self._until(self._undone())
        return math.ceil(max(0.0, until - now)) if until else 0

    def _undone(self) -> str:
        return next((step for step in self._steps if step not in self.times), DONE)

    def _until(self, step: str) -> float | None:
        """When a step may begin. None: at once, or once the one before it is done."""
        if step == SWITCHED:
            return self.times[BESIDE] + self.former_ttl
        if step == NEW:
            former_servers = self.times[DELEGATED] + self.delegation_ttl if self.moves_zones else 0
            return max(self.times[SWITCHED] + self.short_ttl, former_servers)
        return None

    def table(self, changes: Sequence[str], now: float) -> str:
        """The steps, what has become of each, and what is waited for."""
        undone = self._undone()
        waiting = self.seconds_to_wait(now)
        rows = []
        for number, step in enumerate(self._steps, start=1):
            if step in self.times:
                state = f"done {_clock(self.times[step])}"
            elif step != undone:
                state = ""
            else:
                state = f"waits until {_clock(now + waiting)} ({waiting} s)" if waiting else "next"
            rows.append((f"{number}", _WHAT[step] + self._wait_text(step), state))
        width = max(len(row[1]) for row in rows)
        lines = [f"{number}  {what.ljust(width)}  {state}".rstrip() for number, what, state in rows]
        records = [f"   {change}" for change in changes] or ["   none: the way behind them changes"]
        return "\n".join(["Records that change", *records, "Steps of the cutover", *lines, f"{_STANDS[undone]}."])

    def _wait_text(self, step: str) -> str:
        ttl = {SWITCHED: self.former_ttl, NEW: self.short_ttl}.get(step, 0)
        texts = [f"a TTL of {ttl} s"] if ttl else []
        if step == NEW and self.delegation_ttl:
            texts.append(f"{self.delegation_ttl} s from the delegation")
        return f" (after {' and '.join(texts)})" if texts else ""


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def read_progress(path: str, cutover: PlannedCutover) -> Progress:
    """Where the cutover stands that a plan's `cutover` is about: at its beginning if there is no file.

    Raises OtherStates if the file is about others and those are not where they began, UnreadableProgress.
    """
    moves_zones = bool(cutover["zones"])
    fresh = Progress(
        cutover["id"],
        cutover["former_ttl"],
        cutover["short_ttl"],
        moves_zones=moves_zones,
        states={"former": cutover["states"]["former"], "new": cutover["states"]["new"]},
    )
    try:
        held = _read(path)
        times = {step: float(held["times"][step]) for step in MARKS if step in held["times"]}
        progress = Progress(
            str(held["id"]),
            int(held["former_ttl"]),
            int(held["short_ttl"]),
            times,
            moves_zones,
            int(held.get("delegation_ttl", 0)),
            dict(fresh.states),
        )
    except FileNotFoundError:
        return fresh
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableProgress(
            f"{path} does not say where the cutover stands ({error}). Name another file (mail_cutover_state), or "
            "remove it: the cutover then begins anew, with the records led to the former way."
        ) from error
    if progress.id == fresh.id:
        return progress
    if SWITCHING not in progress.times:
        # Nothing led to the new way yet. The records are written and waited for again.
        return fresh
    where = "ended" if VERIFIED in progress.times else "not ended"
    raise OtherStates(
        f"{path} is about a cutover to another state than the declared one. It has {where}, and its records were "
        "switched. "
        + (
            "Write the plan of the state that you come from anew (inbound.mail.plan), and remove the file."
            if VERIFIED in progress.times
            else "Declare that state again and let it end. To go back instead, see docs/cutover.md."
        )
    )


def _read(path: str) -> dict[str, Any]:
    """Raises OSError, ValueError, KeyError, TypeError."""
    with open(path, encoding="utf-8") as file:
        held: dict[str, Any] = json.load(file)
    if held["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format_version {held['format_version']}")
    return held


def unfinished(places: Iterable[str], state: str) -> str | None:
    """Why the state of this id must not be made so at once: a cutover to it, or away from it, has not ended.

    places: files that say where a cutover stands, and folders with such files.
    """
    files = (
        file
        for place in places
        for file in (glob.glob(os.path.join(place, "*.cutover")) if os.path.isdir(place) else [place])
    )
    for path in dict.fromkeys(map(os.path.realpath, files)):
        try:
            held = _read(path)
            times, states = dict(held["times"]), dict(held["states"])
        except (OSError, ValueError, KeyError, TypeError):
            # None that was begun, or one of a release that did not write down its states.
            continue
        if VERIFIED in times:
            continue
        if states.get("new") == state:
            return (
                f"A cutover to the declared state has not ended ({path}), and mail may still come in on the former "
                "way: this would remove it at once. Run inbound.mail.cutover again, which goes on where it stood. If "
                "the former way does not count any more, remove that file and run this again."
            )
        if states.get("former") == state and SWITCHING in times:
            return (
                f"A cutover away from the declared state has not ended ({path}), and its records were switched: this "
                "would cut off who follows them. Declare the other state again and let it end, or go back by a cutover "
                "too (docs/cutover.md). If the other way does not count any more, remove that file and run this again."
            )
    return None


def write_progress(path: str, progress: Progress) -> None:
    """In one step and for this user alone. Raises OSError."""
    held = {
        "format_version": FORMAT_VERSION,
        "id": progress.id,
        "former_ttl": progress.former_ttl,
        "short_ttl": progress.short_ttl,
        "delegation_ttl": progress.delegation_ttl,
        "states": dict(progress.states),
        "times": dict(progress.times),
    }
    write_private(path, json.dumps(held, indent=2) + "\n")
