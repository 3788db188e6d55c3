# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of Postfix's configuration: read as they are, and written so that it takes them at once."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ansible.module_utils.basic import AnsibleModule

# Seconds after which Postfix takes a file for settled.
_SETTLED = 3

# Files that are larger are linked into the copy.
_COPY_AT_MOST = 1 << 20


def copy_directory(source: Path, target: Path, leave_out: Collection[str] = ()) -> None:
    """Copy a directory; what is large or not for everybody to read is linked to where it lies."""
    for path in source.iterdir():
        if path.name in leave_out:
            continue
        new = target / path.name
        if path.is_dir() and not path.is_symlink():
            new.mkdir()
            copy_directory(path, new)
        elif path.is_file() and path.stat().st_mode & 0o004 and path.stat().st_size <= _COPY_AT_MOST:
            shutil.copy2(path, new)
        else:
            new.symlink_to(path)


def read_text(path: Path) -> str:
    # Bytes that are no UTF-8 come back as they were; newlines are not translated.
    return path.read_bytes().decode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Such a text for a diff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def write_secret(path: Path, text: str) -> None:
    """In one step, for root alone; not by the module's atomic_move, which gives a new file to everybody to read."""
    with _unfinished(path) as new:
        write_text(new, text)
        new.replace(path)


def write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    settle(path)


def replace_text(module: AnsibleModule, path: Path, text: str, mode: int | None) -> None:
    """In one step; an existing file keeps its owner, mode and security context."""
    target = Path(os.path.realpath(path))
    with _unfinished(target) as new:
        write_text(new, text)
        exists = target.exists()
        module.atomic_move(str(new), str(target))
    settle(target)
    if mode is not None and not exists:
        target.chmod(mode)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A new file beside it, which root alone can read and which is gone in the end. Raises OSError that names the path.

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


def settle(path: Path) -> None:
    """Date the file as one that has been so for a while.

    Postfix reads a main.cf or table that changed within the last two seconds again and again until it is older, as it
    may be half written (dict_load_file_xt, dict_thash_open); ours never are. A master that waits so while it reloads
    does not see which processes become busy, and then lets new connections wait for them.
    """
    then = time.time() - _SETTLED
    os.utime(path, (then, then))
