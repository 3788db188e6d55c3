# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between runs on one host: of a table, and of what all tables have in common."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("/run/inbound.mail")
# Seconds between two attempts.
_PAUSE = 0.1


def table_lock(name: str) -> Path:
    return FOLDER / f"firewall-{name}.lock"


# No table can have this name.
BOOT_FILES_LOCK = FOLDER / "firewall-boot-files.lock"


@contextmanager
def locked(file: Path, doing: str, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock (flock(2)), which ends with the process at the latest. Raises HostError that says who holds it.

    doing: what the holder does, for others. patience: seconds to wait for the lock.
    """
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(handle, patience)
        # Information alone: also where /run is full, the lock is held.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}, {doing}, since {_clock()}\n".encode(), 0)
        yield
        with suppress(OSError):
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _acquire(handle: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 1000, 0).decode("utf-8", "replace").strip() or "a process that just began"
                raise HostError(
                    f"another run is at work on this firewall: {holder}. This run changed nothing. Wait for its end "
                    "and run the task again; if it hangs, end that process"
                ) from error
        time.sleep(_PAUSE)


def _clock() -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime())
