# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller that describe the inside of a network, and so are for this user alone."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress


def write_private(path: str, text: str) -> None:
    """In one step, with mode 0600: a reader sees the file as it was or as it will be, also after a crash.

    Where the path is a link, what it leads to is written. Raises OSError.
    """
    target = os.path.realpath(path)
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        raise
