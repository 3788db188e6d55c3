# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work done apart from the host: in a network without a way out, with mounts and processes of its own.

Everything in there ends with the work, and with the module if that is killed: the kernel ends all processes of a PID
namespace with its first one (pid_namespaces(7)), and mounts go with the last process that sees them
(mount_namespaces(7)). Nothing of it is left on the host's disk.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from typing import TYPE_CHECKING, NoReturn

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Callable

_CLONE_NEWNS, _CLONE_NEWPID, _CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
# What the child says of the work in its first line.
_DONE, _NOT_ALLOWED, _FAILED = "done", "not allowed", "failed"


class IsolationError(RuntimeError):
    """The host does not allow it; says why."""


def isolated(work: Callable[[], str], seconds: float) -> str:
    """What ``work`` returns, done in namespaces of its own within that many seconds.

    Raises IsolationError where the host does not allow it, HostError where the work failed or took longer.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _separate(work, writing)
    os.close(writing)
    try:
        text = _read_all(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        # It has ended by itself unless it took too long. Its namespaces end with it.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if text is None:
        raise HostError(f"it was not done after {seconds:g} seconds")
    kind, _newline, result = text.partition("\n")
    if kind == _NOT_ALLOWED:
        raise IsolationError(result)
    if kind != _DONE:
        raise HostError(result or "it was ended by another process")
    return result


def mount_memory(target: str, size: str) -> None:
    """An empty file system in memory. Raises OSError."""
    _mount("tmpfs", target, "tmpfs", 0, f"mode=0755,size={size}")


def mount_over(source: str, target: str) -> None:
    """A file or directory in place of another one. Raises OSError."""
    _mount(source, target, "", _MS_BIND, "")


def _separate(work: Callable[[], str], writing: int) -> NoReturn:
    """In the child: take leave of the host's namespaces, and wait for the process that works in the new ones."""
    kind = _NOT_ALLOWED
    try:
        _end_with_parent()
        # Standard output is for the module's result, and that is the parent's to give.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # Only children are in the new PID namespace; the first one is its init.
        first = os.fork()
        if first == 0:
            _end_with_parent()
            _mount("", "/", "", _MS_REC | _MS_PRIVATE, "")
            kind = _FAILED
            _write_all(writing, f"{_DONE}\n{work()}")
            os._exit(0)
        os.close(writing)
        os.waitpid(first, 0)
    except BaseException as failure:  # No exception may reach the module, which runs in the parent.
        if isinstance(failure, IsolationError):
            kind = _NOT_ALLOWED
        _write_all(writing, f"{kind}\n{failure or type(failure).__name__}")
    finally:
        # Without the handlers of the module, which has them in its own process.
        os._exit(0)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if libc.mount(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _read_all(reading: int, deadline: float) -> str | None:
    """None if it has not come to its end by then."""
    parts: list[bytes] = []
    while True:
        ready, _writable, _failed = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)


def _write_all(writing: int, text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(writing, data) :]
