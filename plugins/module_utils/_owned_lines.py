# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of ours in a file that others own, so that every change can be undone byte for byte.

They stand in one block per owner; a line that others wrote for the same thing is commented out where it stands, with a
prefix that names the owner. So the file itself says what was there before, there is no record beside it that could be
lost or go stale, and nothing is ever there twice.

main.cf and master.cf are made of logical lines: one that begins with text, and those that continue it and begin with
white space (postconf(5), master(5)). What a line is for, its name, is for the file's own module to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MARK = re.compile(r"# (?P<verb>BEGIN|END) inbound\.mail(?: (?P<owner>\S+))?(?:\s|$)")
_NO_NEWLINE = "# The line above was the last one and had no newline.\n"


class DamagedBlockError(ValueError):
    """A block of ours has lost a line that begins or ends it, so it is unknown which lines are ours."""


@dataclass(frozen=True)
class LogicalLine:
    """What Postfix reads as one line, with its continuation lines; or comments and empty lines between two."""

    text: str
    """The bytes in the file, with the newlines."""
    sets: bool
    """Whether it is more than comments and empty lines."""

    @property
    def content(self) -> str:
        """The line as Postfix sees it: comments and newlines inside it are gone, inner white space is one blank."""
        kept = [line for line in _physical_lines(self.text) if not _is_comment_or_blank(line)]
        return " ".join("".join(kept).split())


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Cut the text so that the pieces, put together again, are the text."""
    current = ""
    between = ""
    for line in _physical_lines(text):
        if _is_comment_or_blank(line):
            between += line
        elif line[0].isspace() and current:
            # Comments and empty lines do not end a line; only one that begins with text does.
            current += between + line
            between = ""
        else:
            yield from _pieces(current, between)
            current, between = line, ""
    yield from _pieces(current, between)


def with_lines(text: str, owner: str, lines: Iterable[str], ours: Callable[[LogicalLine], bool]) -> str:
    """Have exactly these lines for this owner; what it owned before and does not need now is put back.

    ours: whether a line that others wrote is for the same as one of these.
    """
    lines = list(lines)
    if not lines:
        return without_lines(text, owner)
    head, block, tail = split(text, owner)
    head, tail = (_comment_out(_put_back(part, owner), owner, ours) for part in (head, tail))
    ended_without_newline = _NO_NEWLINE in block
    if not block and head and not head.endswith("\n"):
        head += "\n"
        ended_without_newline = True
    return head + _block(owner, lines, ended_without_newline) + tail


def without_lines(text: str, owner: str) -> str:
    """Take this owner's lines away and put back what they stood in for."""
    head, block, tail = split(text, owner)
    if _NO_NEWLINE in block and not tail:
        head = head[:-1]
    return _put_back(head, owner) + _put_back(tail, owner)


def blocks_of_others(text: str, owner: str) -> Iterator[tuple[str, str]]:
    """Every other owner that has a block, and the block."""
    for other in _blocks(_physical_lines(text)):
        if other != owner:
            yield other, split(text, other)[1]


def split(text: str, owner: str) -> tuple[str, str, str]:
    """The text before the owner's block, the block (empty if there is none) and the text after it.

    Raises DamagedBlockError, also for a block of another owner: a lost line may have made them one.
    """
    lines = _physical_lines(text)
    block = _blocks(lines).get(owner)
    if block is None:
        return text, "", ""
    begin, end = block
    return "".join(lines[:begin]), "".join(lines[begin : end + 1]), "".join(lines[end + 1 :])


def _blocks(lines: list[str]) -> dict[str, tuple[int, int]]:
    """Owner -> the numbers of the first and the last line of its block, from 0. Raises DamagedBlockError."""
    found: dict[str, tuple[int, int]] = {}
    owner, begin = "", 0
    for number, line in enumerate(lines):
        mark = _MARK.match(line)
        if mark is None:
            continue
        verb, named = mark["verb"], mark["owner"] or ""
        if verb == "BEGIN" and not owner and named and named not in found:
            owner, begin = named, number
        elif verb == "END" and owner and named == owner:
            found[owner] = (begin, number)
            owner = ""
        else:
            raise DamagedBlockError(_damage(number, verb, named, owner, begin, found))
    if owner:
        raise DamagedBlockError(
            f"line {begin + 1} begins the block of 'inbound.mail {owner}', and no line "
            f"'# END inbound.mail {owner}' ends it before the end of the file"
        )
    return found


def _damage(number: int, verb: str, named: str, owner: str, begin: int, found: dict[str, tuple[int, int]]) -> str:
    """What is wrong with the mark in that line. owner: of the block that began and has not ended, or nothing."""
    where = f"line {number + 1} {'begins' if verb == 'BEGIN' else 'ends'} a block of 'inbound.mail {named}'"
    if owner:
        return (
            f"line {begin + 1} begins the block of 'inbound.mail {owner}', and no line "
            f"'# END inbound.mail {owner}' ends it before line {number + 1}, which is '# {verb} inbound.mail {named}'"
        )
    if verb == "END":
        return f"{where}, and no line '# BEGIN inbound.mail {named}' before it begins it"
    if named in found:
        return f"{where}, and another one stands in line {found[named][0] + 1}"
    return f"line {number + 1} begins a block of 'inbound.mail' without the name of its owner"


def _physical_lines(text: str) -> list[str]:
    # str.splitlines() also cuts at form feeds and other characters that are no line ends to Postfix.
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _is_comment_or_blank(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _pieces(line: str, after: str) -> Iterator[LogicalLine]:
    if line:
        yield LogicalLine(line, True)
    if after:
        yield LogicalLine(after, False)


def _block(owner: str, lines: list[str], ended_without_newline: bool) -> str:
    written = [f"# BEGIN inbound.mail {owner} (written by Ansible, a change between these lines is overwritten)\n"]
    if ended_without_newline:
        written.append(_NO_NEWLINE)
    # An empty value must not leave white space at the end of the line.
    written += [line.rstrip() + "\n" for line in lines]
    written.append(f"# END inbound.mail {owner}\n")
    return "".join(written)


def _prefix(owner: str) -> str:
    return f"#inbound.mail {owner}: "


def _comment_out(text: str, owner: str, ours: Callable[[LogicalLine], bool]) -> str:
    return "".join(
        "".join(_prefix(owner) + physical for physical in _physical_lines(line.text))
        if line.sets and ours(line)
        else line.text
        for line in logical_lines(text)
    )


def _put_back(text: str, owner: str) -> str:
    prefix = _prefix(owner)
    return "".join(line.removeprefix(prefix) for line in _physical_lines(text))
