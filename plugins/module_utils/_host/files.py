# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, read as they are and replaced in one step: a reader sees the former text or the new one."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible.module_utils.basic import AnsibleModule


def read_text(path: Path) -> str:
    """Bytes that are no UTF-8 come back as they were when it is written; newlines are not translated."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def read_if_present(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return read_text(path) if path.is_file() else ""


def printable(text: str) -> str:
    """Such a text for a diff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write_text(path: Path, text: str, age: int = 0) -> None:
    """Not in one step: for files that have no readers yet. age: seconds by which it is dated back."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    _date_back(path, age)


def replace_text(module: AnsibleModule, path: Path, text: str, new_mode: int | None = None, age: int = 0) -> None:
    """An existing file keeps its owner, mode and security context, and a link leads to it still.

    new_mode: of a file that was not there. Raises OSError that names the path.
    """
    target = Path(os.path.realpath(path))
    require_regular(path)
    with _unfinished(target) as new:
        write_text(new, text, age)
        exists = target.exists()
        module.atomic_move(str(new), str(target))
    _date_back(target, age)
    if new_mode is not None and not exists:
        target.chmod(new_mode)


def require_regular(path: Path) -> None:
    """Raise OSError where something else than a file would be replaced, as /dev/null, to which a masked file leads."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, f"It leads to {os.path.realpath(path)}, which is not a regular file", str(path))


def write_private(path: Path, text: str, age: int = 0) -> None:
    """With mode 0600, whatever was there; a link is replaced. Also after a crash, the former text or the new is there.

    Not by the module's atomic_move, which makes a new file readable for all users. Raises OSError that names the path.
    """
    with _unfinished(path) as new:
        write_text(new, text, age)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(new, path)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A new file beside it, which its owner alone can read and which is gone in the end.

    Beside it and not in a directory of Ansible's: a disk that is full shows before the file is replaced.
    """
    new = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        new = Path(name)
        yield new
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        if new:
            new.unlink(missing_ok=True)


def _date_back(path: Path, seconds: int) -> None:
    if seconds:
        then = time.time() - seconds
        os.utime(path, (then, then))
