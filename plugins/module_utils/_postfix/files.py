# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of Postfix's configuration, written so that it takes them at once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host import files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ansible.module_utils.basic import AnsibleModule

# Seconds by which files are dated back. Postfix reads a main.cf or table that changed within the last two seconds again
# and again until it is older, as it may be half written (dict_load_file_xt, dict_thash_open); ours never are. A master
# that waits so while it reloads does not see which processes become busy, and then lets new connections wait for them.
SETTLED = 3

# Files that are larger are linked into the copy.
_COPY_AT_MOST = 1 << 20


def copy_directory(source: Path, target: Path, leave_out: Collection[str] = ()) -> None:
    """Copy a directory; what is large or not readable for all users is linked to where it lies."""
    for path in source.iterdir():
        if path.name in leave_out:
            continue
        new = target / path.name
        if path.is_dir() and not path.is_symlink():
            new.mkdir()
            copy_directory(path, new)
        elif path.is_file() and path.stat().st_mode & 0o004 and path.stat().st_size <= _COPY_AT_MOST:
            try:
                shutil.copy2(path, new)
            except OSError as error:
                # What cannot be written is the copy, and shutil names the other one.
                raise OSError(error.errno, error.strerror, str(new)) from error
        else:
            new.symlink_to(path)


def write_text(path: Path, text: str) -> None:
    """A file that has no readers yet."""
    files.write_text(path, text, SETTLED)


def write_secret(path: Path, text: str) -> None:
    """In one step, for root alone."""
    files.write_private(path, text, SETTLED)


def replace_text(module: AnsibleModule, path: Path, text: str, new_mode: int | None = None) -> None:
    """In one step; an existing file keeps its owner, mode and security context."""
    files.replace_text(module, path, text, new_mode, SETTLED)
