# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of main.cf, edited so that every change can be taken back byte for byte.

Settings of ours stand in one block per owner; a line of somebody else's that sets the same parameter is commented
out where it stands, with a prefix that names the owner. So main.cf itself says what was there before, there is no
record beside it that could be lost or go stale, and Postfix never warns of a parameter that is set twice.

Format: postconf(5) and the section "main.cf file format" of the Postfix basic configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_BEGIN = re.compile(r"# BEGIN inbound\.mail (?P<owner>\S+)(?: |$)")
_SETTING = re.compile(r"(?P<name>[^\s=#][^\s=]*)\s*=(?P<value>.*)", re.DOTALL)
_NO_NEWLINE = "# The line above was the last one and had no newline.\n"


class DamagedBlockError(ValueError):
    """A block of ours has lost its end, so nobody can tell which lines are ours."""


@dataclass(frozen=True)
class LogicalLine:
    """What Postfix reads as one line: a setting with its continuation lines, or something that sets nothing."""

    name: str
    """The parameter, or nothing for a comment, an empty line, or a line that Postfix cannot read."""
    text: str
    """The bytes in the file, with the newlines."""

    @property
    def value(self) -> str:
        """The value as Postfix sees it: comments and newlines inside it are gone, inner white space is one blank."""
        kept = [line for line in _physical_lines(self.text) if not _is_comment_or_blank(line)]
        match = _SETTING.match("".join(kept))
        return " ".join(match["value"].split()) if match else ""


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Cut the text so that the pieces, put together again, are the text."""
    current = ""
    between = ""
    for line in _physical_lines(text):
        if _is_comment_or_blank(line):
            between += line
        elif line[0].isspace() and current:
            # Comments and empty lines do not end a setting; only a line that begins with text does.
            current += between + line
            between = ""
        else:
            yield from _pieces(current, between)
            current, between = line, ""
    yield from _pieces(current, between)


def settings_of(text: str) -> dict[str, str]:
    """Every parameter that the text sets, with its value; the last one counts."""
    return {line.name: line.value for line in logical_lines(text) if line.name}


def with_settings(text: str, owner: str, settings: Mapping[str, str]) -> str:
    """Set exactly these parameters for this owner; what it owned before and does not name now is put back."""
    head, block, tail = _split(text, owner)
    if not settings:
        return without_settings(text, owner)
    head, tail = (_comment_out(_put_back(part, owner), owner, settings) for part in (head, tail))
    ended_without_newline = _NO_NEWLINE in block
    if not block and head and not head.endswith("\n"):
        head += "\n"
        ended_without_newline = True
    return head + _block(owner, settings, ended_without_newline) + tail


def without_settings(text: str, owner: str) -> str:
    """Take this owner's settings away and put back what they stood in for."""
    head, block, tail = _split(text, owner)
    if _NO_NEWLINE in block and not tail:
        head = head[:-1]
    return _put_back(head, owner) + _put_back(tail, owner)


def owned_by_others(text: str, owner: str) -> dict[str, str]:
    """Parameters in the blocks of other owners: parameter -> owner."""
    found = {}
    for other in _owners(text):
        if other != owner:
            found.update(dict.fromkeys(settings_of(_split(text, other)[1]), other))
    return found


def _physical_lines(text: str) -> list[str]:
    # str.splitlines() also cuts at form feeds and other characters that are no line ends to Postfix.
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _is_comment_or_blank(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _pieces(setting: str, after: str) -> Iterator[LogicalLine]:
    if setting:
        match = _SETTING.match(setting)
        yield LogicalLine(match["name"] if match else "", setting)
    if after:
        yield LogicalLine("", after)


def _owners(text: str) -> list[str]:
    return [match["owner"] for match in map(_BEGIN.match, _physical_lines(text)) if match]


def _split(text: str, owner: str) -> tuple[str, str, str]:
    """The text before the owner's block, the block (empty if there is none) and the text after it."""
    lines = _physical_lines(text)
    begins = [n for n, line in enumerate(lines) if (match := _BEGIN.match(line)) and match["owner"] == owner]
    if not begins:
        return text, "", ""
    end = next((n for n in range(begins[0], len(lines)) if lines[n].rstrip() == f"# END inbound.mail {owner}"), None)
    if end is None or len(begins) > 1:
        raise DamagedBlockError(
            f"line {begins[-1] + 1} begins the block of 'inbound.mail {owner}', and no line "
            f"'# END inbound.mail {owner}' ends it before the next one or the end of the file"
        )
    return "".join(lines[: begins[0]]), "".join(lines[begins[0] : end + 1]), "".join(lines[end + 1 :])


def _block(owner: str, settings: Mapping[str, str], ended_without_newline: bool) -> str:
    lines = [f"# BEGIN inbound.mail {owner} (written by Ansible, a change between these lines is overwritten)\n"]
    if ended_without_newline:
        lines.append(_NO_NEWLINE)
    # An empty value must not leave white space at the end of the line.
    lines += [f"{name} = {value}".rstrip() + "\n" for name, value in settings.items()]
    lines.append(f"# END inbound.mail {owner}\n")
    return "".join(lines)


def _prefix(owner: str) -> str:
    return f"#inbound.mail {owner}: "


def _comment_out(text: str, owner: str, names: Collection[str]) -> str:
    return "".join(
        "".join(_prefix(owner) + physical for physical in _physical_lines(line.text))
        if line.name in names
        else line.text
        for line in logical_lines(text)
    )


def _put_back(text: str, owner: str) -> str:
    prefix = _prefix(owner)
    return "".join(line.removeprefix(prefix) for line in _physical_lines(text))
