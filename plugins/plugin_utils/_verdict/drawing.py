# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to port 25 as they were found, drawn: from where, to which address of whom, open or shut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen

from .markup import safe

_WIDTH, _ROW, _BOX = 790, 56, 200


class Way(NamedTuple):
    """A connection that was tried. should_open: None if nothing was expected of it."""

    host: str
    address: str
    port: int
    status: str
    should_open: bool | None

    @property
    def is_open(self) -> bool:
        return self.status == seen.OPEN

    @property
    def verdict(self) -> str:
        """Of the drawing's classes: good, bad or unknown."""
        if self.status == seen.NO_ROUTE or self.should_open is None:
            return "unknown"
        return "good" if self.is_open == self.should_open else "bad"

    @property
    def words(self) -> str:
        if self.status == seen.NO_ROUTE:
            return "could not be tried"
        if self.is_open:
            return "open, and must be shut" if self.should_open is False else "open"
        how = {seen.REFUSED: "refused", seen.TIMEOUT: "no answer"}.get(self.status, self.status)
        return f"shut ({how}), and must be open" if self.should_open else f"shut ({how})"


def ways(observation: Mapping[str, Any], expectations: Mapping[str, Any]) -> list[Way]:
    """From the vantage to every address that was tried, in the order of hosts as they are expected."""
    expected: dict[tuple[str, int], tuple[str, bool]] = {}
    for exchanger in expectations.get("smtp") or []:
        for address in exchanger["addresses"]:
            expected[address, exchanger.get("port", 25)] = exchanger["host"], True
    for port in expectations.get("ports") or []:
        expected[port["address"], port.get("port", 25)] = port["host"], port["open"]
    tried = {
        (one["address"], one["port"]): ("", one["status"])
        for one in observation["connections"]
        if one["source"] == observation["vantage"] and one["local_address"] != one["address"]
    }
    tried |= {(one["address"], one["port"]): (one["host"], one["status"]) for one in observation["dialogues"]}
    found = []
    for end in [*(end for end in expected if end in tried), *(end for end in tried if end not in expected)]:
        host, should_open = expected.get(end, (tried[end][0], True if tried[end][0] else None))
        found.append(Way(host or end[0], *end, tried[end][1], should_open))
    return found


def drawing(vantage: str, found: list[Way]) -> str:
    """An SVG element without any outside resource; its colours are the page's."""
    height = max(1, len(found)) * _ROW
    middle = height / 2
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Who was reached from {safe(vantage)}">',
        _box(0, middle, "outside", vantage),
    ]
    for number, way in enumerate(found):
        y = number * _ROW + _ROW / 2
        # A shut way ends before the host.
        end = _WIDTH - _BOX - (0 if way.is_open else 24)
        curve = f"M{_BOX},{middle} C{_BOX + 50},{middle} {_BOX + 30},{y} {_BOX + 90},{y} L{end},{y}"
        parts.append(f'<path class="way {way.verdict}{"" if way.is_open else " shut"}" d="{curve}"/>')
        if not way.is_open:
            parts.append(f'<path class="way {way.verdict}" d="M{end},{y - 9} V{y + 9}"/>')
        parts.append(f'<text class="{way.verdict}" x="{_BOX + 96}" y="{y - 7}">{safe(way.words)}</text>')
        port = "" if way.port == 25 else f" port {way.port}"
        parts.append(_box(_WIDTH - _BOX, y, way.host, f"{way.address}{port}"))
    return "\n".join([*parts, "</svg>"])


def _box(x: float, y: float, title: str, text: str) -> str:
    return (
        f'<rect class="host" x="{x + 1}" y="{y - 22}" width="{_BOX - 2}" height="44" rx="6"/>'
        f'<text class="title" x="{x + 10}" y="{y - 3}">{safe(_cut(title))}</text>'
        f'<text x="{x + 10}" y="{y + 14}">{safe(_cut(text))}</text>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= 27 else f"{text[:26]}…"
