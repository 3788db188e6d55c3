# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from the network, made harmless: a server may send anything, and it is shown on a terminal."""

from __future__ import annotations

_LONGEST = 400


def harmless(text: str, longest: int = _LONGEST) -> str:
    """One line of printable characters, `longest` at most; everything else is escaped as Python writes it.

    So no terminal escape sequence, line break or change of writing direction gets through.
    """
    cut = text[:longest]
    safe = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in cut)
    return safe + ("..." if len(text) > longest else "")


def listed(items: list[str], most: int = 8) -> str:
    """`a, b and c`; of a long list the beginning and how many more there are."""
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def counted(number: int, word: str) -> str:
    """`1 address`, `2 addresses`."""
    if number == 1:
        return f"1 {word}"
    return f"{number} {word}es" if word.endswith("s") else f"{number} {word}s"
