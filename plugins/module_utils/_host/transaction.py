# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that change together, or not at all: on a disk that is full or read-only, too."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.files import (
    date_back,
    locked_file,
    prefix_of,
    read_text,
    require_regular,
    take_after,
    unfinished,
)

if TYPE_CHECKING:
    from types import TracebackType

    from ansible.module_utils.basic import AnsibleModule
    from typing_extensions import Self


@dataclass(frozen=True)
class _Change:
    """new: the file that takes the place of the target, None where that is removed; former: a second name of what is
    there now, None where nothing is."""

    target: Path
    new: Path | None
    former: Path | None


class FileChanges:
    """Everything new is written beside its target first, and what is there now gets a second name. Then committing and
    taking back are renames, which need no room on the disk.

    Each method raises OSError that names the file.
    """

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._left = ExitStack()
        self._staged: list[_Change] = []
        self._done: list[_Change] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.close()

    def stage(self, path: Path, text: str, new_mode: int | None = None, age: int = 0) -> None:
        """A file of others: it keeps its owner, mode and security context, and a link leads to it still.

        new_mode: of one that is not there; age: seconds by which it is dated back.
        """
        require_regular(path)
        target = Path(os.path.realpath(path))
        new = self._left.enter_context(unfinished(target, text))
        if target.exists():
            take_after(self._module, target, new)
        else:
            new.chmod(0o644 if new_mode is None else new_mode)
        date_back(new, age)
        self._staged.append(_Change(target, new, self._second_name(target)))

    def stage_own(self, path: Path, text: str, mode: int, age: int = 0) -> None:
        """A file that is ours as a whole: it gets this mode, and takes the place of a link."""
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, "It is a directory and has to be a file: move it away", str(path))
        new = self._left.enter_context(unfinished(path, text))
        new.chmod(mode)
        date_back(new, age)
        self._staged.append(_Change(path, new, self._second_name(path)))

    def stage_removal(self, path: Path) -> None:
        if os.path.lexists(path):
            self._staged.append(_Change(path, None, self._second_name(path)))

    def commit(self) -> None:
        """In the order in which they were staged."""
        for change in self._staged:
            if change.new:
                os.replace(change.new, change.target)
            else:
                change.target.unlink()
            self._done.append(change)
        self._sync()

    def take_back(self) -> None:
        """What was committed, in the opposite order."""
        for change in reversed(self._done):
            if change.former:
                os.replace(change.former, change.target)
            else:
                change.target.unlink(missing_ok=True)
        self._sync()
        self._done.clear()

    def _second_name(self, target: Path) -> Path | None:
        """The same file or link by another name, which is gone in the end; a copy where there are no hard links."""
        if not os.path.lexists(target):
            return None
        # The name of an unfinished file: what a run that was killed leaves is removed by the next one.
        former = target.with_name(f"{prefix_of(target)}{secrets.token_hex(4)}.former")
        try:
            os.link(target, former, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EXDEV:
                what = "It is mounted by itself and cannot be replaced; mount its directory instead"
                raise OSError(errno.EBUSY, what, str(target)) from error
            if error.errno not in (errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
                raise OSError(error.errno, error.strerror, str(target)) from error
            copy = self._left.enter_context(unfinished(target, read_text(target)))
            take_after(self._module, target, copy)
            return copy
        self._left.callback(former.unlink, missing_ok=True)
        with suppress(OSError):
            self._left.enter_context(locked_file(former))
        return former

    def _sync(self) -> None:
        for directory in {change.target.parent for change in self._done}:
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
