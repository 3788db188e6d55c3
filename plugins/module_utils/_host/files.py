# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, read as they are and replaced in one step: a reader sees the former text or the new one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible.module_utils.basic import AnsibleModule

# In the name of each unfinished file, after that of the file it is to replace: a run that was killed leaves them.
_MARK = "inbound_mail-"
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_text(path: Path) -> str:
    """Bytes that are no UTF-8 come back as they were when it is written; newlines are not translated.

    Raises OSError, and HostError where something else than a file is there, which could be waited for without end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(handle).st_mode)
    if kind != stat.S_IFREG:
        os.close(handle)
        raise HostError(
            f"{path} is {_KINDS.get(kind, 'no file')} and has to be a file. Move it away and restore the file, "
            "then run this again"
        )
    with open(handle, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def read_if_present(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return read_text(path) if path.is_file() else ""


def read_configuration(path: Path) -> str | None:
    """The text of a file that others write too, None where there is none.

    Raises OSError, and HostError where its text has been lost: what is written into it then could not be undone.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise HostError(
            f"{path} has NUL bytes in line {line}, as a crash of the system leaves them. Restore it from a backup, "
            "then run this again. Nothing was changed"
        )
    return text


def printable(text: str) -> str:
    """Such a text for a diff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write_text(path: Path, text: str, age: int = 0) -> None:
    """Not in one step: for files that have no readers yet. For its owner alone, even while it is written.

    age: seconds by which it is dated back. Raises OSError that names the path.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        date_back(path, age)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def replace_text(module: AnsibleModule, path: Path, text: str, new_mode: int | None = None, age: int = 0) -> None:
    """An existing file keeps its owner, mode and security context, and a link leads to it still.

    new_mode: of a file that was not there. Raises OSError that names the path.
    """
    require_regular(path)
    target = Path(os.path.realpath(path))
    with unfinished(target, text) as new:
        if target.exists():
            take_after(module, target, new)
        else:
            new.chmod(_mode_of_new_files() if new_mode is None else new_mode)
        date_back(new, age)
        os.replace(new, target)


def require_regular(path: Path) -> None:
    """Raise OSError where something else than a file would be replaced, as /dev/null, to which a masked file leads."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, f"It leads to {os.path.realpath(path)}, which is not a regular file", str(path))


def write_private(path: Path, text: str, age: int = 0) -> None:
    """With mode 0600, whatever was there; a link is replaced. Raises OSError that names the path."""
    with unfinished(path, text) as new:
        date_back(new, age)
        os.replace(new, path)


def take_after(module: AnsibleModule, target: Path, new: Path) -> None:
    """Give a new file what the one that it replaces has: owner, group, mode, security context."""
    there = target.stat()
    os.chown(new, there.st_uid, there.st_gid)
    new.chmod(stat.S_IMODE(there.st_mode))
    if module.selinux_enabled():
        module.set_context_if_different(str(new), module.selinux_context(str(target)), changed=False)


@contextmanager
def unfinished(path: Path, text: str) -> Iterator[Path]:
    """A new file beside it with this text, on the disk, which its owner alone can read and which is gone in the end.

    Beside it and not in a directory of Ansible's: a disk that is full shows before the file is replaced. Raises OSError
    that names the path.
    """
    new = None
    try:
        with _locked(path.parent):
            remove_unfinished(path)
            handle, name = tempfile.mkstemp(prefix=prefix_of(path), dir=path.parent)
            new = Path(name)
            # For as long as this run is there: what another one finds without it is left over.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
            yield new
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        if new:
            new.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what runs that were killed have left beside the file; what this user may not remove stays."""
    for name in os.listdir(path.parent):
        if name.startswith(prefix_of(path)):
            left = path.parent / name
            # Another run that has it is no error either (BlockingIOError).
            with contextlib.suppress(OSError), ExitStack() as stack:
                if not left.is_symlink():
                    stack.enter_context(locked_file(left))
                left.unlink()


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """No other process has it so meanwhile. Raises OSError where one has."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def prefix_of(path: Path) -> str:
    """With which the names of its unfinished files begin."""
    return f".{path.name}.{_MARK}"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Where the file system has locks: no other run looks for what is left over meanwhile."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _mode_of_new_files() -> int:
    """As a program that just creates a file leaves it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def date_back(path: Path, seconds: int) -> None:
    if seconds:
        then = time.time() - seconds
        os.utime(path, (then, then))
