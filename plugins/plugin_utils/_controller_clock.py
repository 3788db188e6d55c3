# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller's system knows of the time."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from ._topology.cutover.clock import Clock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# struct timex (adjtimex(2)) is smaller on every architecture; all zero it changes nothing.
_TIMEX_BYTES = 512
_TIME_ERROR = 5


def read_clock() -> Clock:
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        # Not Linux: the uptime still counts what has passed since the start.
        boot = ""
    return Clock(time.time(), _uptime(), boot, _synchronized())


def _uptime() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _synchronized() -> bool:
    """As adjtimex(2) answers; False where it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR
