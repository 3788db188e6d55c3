# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of rspamd.conf.local that includes a file of ours; taken out, the rest is what it was byte for byte."""

from __future__ import annotations

from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import split, with_lines, without_lines

_NO_FILE = "# There was no such file before."


def with_include(text: str | None, owner: str, path: str) -> str:
    """``text``: the file's, None if there is none; ``path`` as rspamd is to read it. Raises DamagedBlockError."""
    lines = [f'.include(duplicate=merge) "{path}"']
    if text is None or _NO_FILE in split(text, owner)[1]:
        lines.insert(0, _NO_FILE)
    return with_lines(text or "", owner, lines, lambda _line: False)


def without_include(text: str | None, owner: str) -> str | None:
    """What was there before, None if there was no file. Raises DamagedBlockError."""
    if text is None:
        return None
    rest = without_lines(text, owner)
    return None if not rest and _NO_FILE in split(text, owner)[1] else rest
