# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a cutover stands: which steps were done and when, and what that means for the next one."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .clock import Anchor, Clock

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


@dataclass(frozen=True)
class Progress:
    """id: of the two states; ttl: seconds that a resolver may keep a former record, before and after it was lowered;
    times: step -> when it was done, in seconds since 1970; moves_zones: whether a zone goes to other name servers;
    delegation_ttl: seconds that a resolver may go on asking the former ones, once the parents name the new ones;
    states: the id of the former one and of the new one; anchors: step -> where the wait after it is counted from."""

    id: str
    former_ttl: int
    short_ttl: int
    times: Mapping[str, float] = field(default_factory=dict)
    moves_zones: bool = False
    delegation_ttl: int = 0
    states: Mapping[str, str] = field(default_factory=dict)
    anchors: Mapping[str, Anchor] = field(default_factory=dict)

    @property
    def _steps(self) -> list[str]:
        return [step for step in STEPS if step != DELEGATED or self.moves_zones]

    def reached(self, step: str, now: Clock) -> Progress:
        """With this step done now."""
        return replace(
            self,
            times={**self.times, step: now.wall},
            anchors={**self.anchors, step: Anchor(now)},
        )

    def anchored(self, now: Clock) -> Progress:
        """With waits counted from now on whose clock alone would tell how long they have lasted."""
        moved = {
            step: anchor.moved_to(now)
            for step, anchor in ((step, self._anchor(step)) for step in self._awaited(self._undone()))
            if not anchor.is_certain(now)
        }
        return replace(self, anchors={**self.anchors, **moved}) if moved else self

    def next_step(self, now: Clock) -> str:
        step = self._undone()
        return WAIT if self.seconds_to_wait(now) else step

    def seconds_to_wait(self, now: Clock) -> int:
        """Until no resolver keeps what the step before the next one replaced."""
        waits = self._awaited(self._undone())
        left = [ttl - self._anchor(step).elapsed(now) for step, ttl in waits.items()]
        return math.ceil(max(0.0, *left)) if left else 0

    def _undone(self) -> str:
        return next((step for step in self._steps if step not in self.times), DONE)

    def _awaited(self, step: str) -> Mapping[str, int]:
        """The steps that a step waits for -> how many seconds after them. Without one, it may begin at once."""
        if step == SWITCHED:
            return {BESIDE: self.former_ttl}
        if step == NEW:
            former_servers = {DELEGATED: self.delegation_ttl} if self.moves_zones else {}
            return {SWITCHED: self.short_ttl, **former_servers}
        return {}

    def _anchor(self, step: str) -> Anchor:
        """Releases up to 0.8 wrote down the wall clock alone."""
        return self.anchors.get(step) or Anchor(Clock(self.times[step], 0.0))

    def table(self, changes: Sequence[str], now: Clock) -> str:
        """The steps, what has become of each, and what is waited for."""
        undone = self._undone()
        waiting = self.seconds_to_wait(now)
        rows = []
        for number, step in enumerate(self._steps, start=1):
            if step in self.times:
                state = f"done {_local_time(self.times[step])}"
            elif step != undone:
                state = ""
            else:
                state = f"waits until {_local_time(now.wall + waiting)} ({waiting} s)" if waiting else "next"
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


def _local_time(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
