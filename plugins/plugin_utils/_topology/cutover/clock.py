# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a TTL has been running: counted by the kernel, because a clock can be set while a cutover waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """What a controller knows of the time at one moment.

    wall: seconds since 1970, by a clock that can be set; uptime: seconds since the start of the system, with suspend,
    which no program can set; boot: the id of that start, empty where the system has none; synchronized: whether the
    kernel has the wall clock adjusted by a time service (adjtimex(2)).
    """

    wall: float
    uptime: float
    boot: str = ""
    synchronized: bool = False


@dataclass(frozen=True)
class Anchor:
    """Where a wait is counted from. waited: seconds that had passed before."""

    clock: Clock
    waited: float = 0.0

    def elapsed(self, now: Clock) -> float:
        """Seconds, never more than have passed.

        Within one start of the system its uptime counts. Over a restart, or on another controller, the wall clock
        counts if it was synchronized both times. Otherwise it can be wrong, and the uptime is the most that counts.
        """
        if self._is_same_boot(now):
            return self.waited + max(0.0, now.uptime - self.clock.uptime)
        passed = max(0.0, now.wall - self.clock.wall)
        return self.waited + (passed if self._is_synchronized(now) else min(passed, now.uptime))

    def is_certain(self, now: Clock) -> bool:
        """Whether `elapsed` rests on more than a wall clock that can have been wrong."""
        return self._is_same_boot(now) or self._is_synchronized(now)

    def moved_to(self, now: Clock) -> Anchor:
        """The same wait counted from now on, with what has passed."""
        return Anchor(now, self.elapsed(now))

    def _is_same_boot(self, now: Clock) -> bool:
        return bool(now.boot) and self.clock.boot == now.boot

    def _is_synchronized(self, now: Clock) -> bool:
        return self.clock.synchronized and now.synchronized
