# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller that describe the inside of a network, and so are for this user alone."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ..module_utils._host import files


def write_private(path: str, text: str) -> None:
    """In one step, with mode 0600. Where the path is a link, what it leads to is written. Raises OSError."""
    files.write_private(Path(os.path.realpath(path)), text)


def read_private(path: str, errors: str = "strict") -> str:
    """Raises OSError, also where something else than a file is in its place, and ValueError if it is not UTF-8.

    errors: as `open` takes it. A FIFO there would otherwise be waited for without end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        raise OSError(errno.EINVAL, "Not a regular file", path)
    with open(handle, encoding="utf-8", errors=errors, newline="") as file:
        return file.read()
