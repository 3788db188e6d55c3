# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that the lab runs on: its commands, locks, processes, mounts and folders."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RUN_FOLDER = Path("/run/inbound-mail-lab")  # gone when the machine reboots, as are the namespaces it describes


class LabError(Exception):
    """Something in the lab that should have worked did not."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def cache_folder() -> Path:
    """Where images and hosts' disks lie: `${INBOUND_MAIL_CACHE:-${XDG_CACHE_HOME:-~/.cache}/inbound-mail}/lab`."""
    base = os.environ.get("INBOUND_MAIL_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "inbound-mail")
    return Path(base).resolve() / "lab"


def command(*words: str | Path, stdin: str | None = None) -> str:
    """Run a command of the machine and return what it prints; LabError with its own words if it fails."""
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shown = " ".join(str(word) for word in words)
        raise LabError(f"{shown}: exit status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@contextlib.contextmanager
def locked(path: Path, busy: Callable[[], str], shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`, alone or with others that share it; if it is taken, say `busy()` once and wait."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            say(busy())
            fcntl.flock(file, mode)
        yield


def await_true(condition: Callable[[], bool], within: float, every: float = 0.05) -> bool:
    """Ask until it is so, for `within` seconds at most. Asks at least once."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def process_start(pid: int) -> str | None:
    """When a process began, in clock ticks since boot: with the pid, its identity. None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def await_end(pid: int, within: float) -> bool:
    """Whether a process ends within that many seconds. Reaps it if it is a child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(descriptor):
        ended = bool(select.select([descriptor], [], [], within)[0])
    if ended:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return ended


def end(pid: int, first: signal.Signals, within: float) -> None:
    """End one process: ask with a signal, and kill it if it has not ended after that many seconds."""
    for number, patience in ((first, within), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if await_end(pid, patience):
            return
    raise LabError(f"process {pid} does not end, not even by SIGKILL")


def mounts_below(folder: Path) -> list[Path]:
    """Mount points in a folder, the innermost first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    paths = [Path(point.encode().decode("unicode_escape")) for point in points]
    return sorted((path for path in paths if folder in path.parents), key=lambda path: -len(path.parts))


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and a polite kill wait until this is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
