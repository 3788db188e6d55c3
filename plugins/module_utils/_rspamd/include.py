# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of rspamd.conf.local that includes a file of ours; taken out, the rest is what it was byte for byte."""

from __future__ import annotations

import re

_NO_FILE = "# There was no such file before.\n"
_NO_NEWLINE = "# The line above was the last one and had no newline.\n"


class DamagedBlockError(ValueError):
    """A block of ours has lost its end, so nobody can tell which lines are ours."""


def with_include(text: str | None, owner: str, path: str) -> str:
    """``text``: the file's, None if there is none. ``path`` as rspamd is to read it."""
    before, block, after = _split(text or "", owner)
    notes = "".join(note for note in (_NO_FILE, _NO_NEWLINE) if note in block)
    if not block:
        if text is None:
            notes = _NO_FILE
        elif before and not before.endswith("\n"):
            before += "\n"
            notes = _NO_NEWLINE
    return f'{before}{_begin(owner)}{notes}.include(duplicate=merge) "{path}"\n{_end(owner)}{after}'


def without_include(text: str | None, owner: str) -> str | None:
    """What was there before; None if there was no file."""
    before, block, after = _split(text or "", owner)
    if not block:
        return text
    if _NO_NEWLINE in block and not after:
        before = before[:-1]
    return None if _NO_FILE in block and not before + after else before + after


def _begin(owner: str) -> str:
    return f"# BEGIN inbound.mail {owner} (written by Ansible, a change between these lines is overwritten)\n"


def _end(owner: str) -> str:
    return f"# END inbound.mail {owner}\n"


def _split(text: str, owner: str) -> tuple[str, str, str]:
    """The text before the block, the block (empty if there is none) and the text after it."""
    begins = list(re.finditer(rf"^# BEGIN inbound\.mail {owner}(?: .*)?\n", text, re.MULTILINE))
    if not begins:
        return text, "", ""
    start = begins[0].start()
    end = text.find(_end(owner), start)
    if end < 0 or len(begins) > 1:
        raise DamagedBlockError(f"a line '# BEGIN inbound.mail {owner}' has no line '# END inbound.mail {owner}'")
    end += len(_end(owner))
    return text[:start], text[start:end], text[end:]
