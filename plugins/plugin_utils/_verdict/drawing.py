# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections drawn: from where, to which address of which host, open or closed, and where something was found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import Finding, kind_of

from .connections import OUTSIDE, TriedConnection, found_at
from .markup import safe

_WIDTH, _ROW, _BOX, _GAP = 790, 56, 200, 24


def drawing(found: Sequence[TriedConnection], findings: Sequence[Finding]) -> str:
    """An SVG element without any outside resource; its colours are the page's. Its marks lead to the findings."""
    parts: list[str] = []
    top = 0.0
    for source, group in groupby(found, key=lambda way: way.source):
        of_source = list(group)
        parts += _fan(source, of_source, findings, top)
        top += len(of_source) * _ROW + _GAP
    height = max(_ROW, top - _GAP)
    start = f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="What was reached, and from where">'
    return "\n".join([start, *parts, "</svg>"])


def listing(found: Sequence[TriedConnection], findings: Sequence[Finding]) -> str:
    """The same in words, for screens that are too small for a drawing."""
    parts = []
    for source, group in groupby(found, key=lambda way: way.source):
        items = []
        for way in group:
            ids = ", ".join(dict.fromkeys(findings[number]["id"] for number in found_at(way, findings)))
            end = f"<b>{safe(way.host)}</b> {safe(way.address)}{safe(_port(way))}"
            found_here = f" <code>{safe(ids)}</code>" if ids else ""
            items.append(f'<li>{end}: <span class="{way.verdict}">{safe(way.words)}</span>{found_here}</li>')
        parts.append(f"<p>From {safe(source)}</p><ul>{''.join(items)}</ul>")
    return "\n".join(parts)


def _port(way: TriedConnection) -> str:
    return "" if way.port == 25 else f" port {way.port}"


def _fan(source: str, of_source: list[TriedConnection], findings: Sequence[Finding], top: float) -> list[str]:
    """A source's box, and the ways from it."""
    middle = top + len(of_source) * _ROW / 2
    inside = of_source[0].host == OUTSIDE
    parts = [_box(0, middle, "inside" if inside else "outside", source)]
    for number, way in enumerate(of_source):
        y = top + number * _ROW + _ROW / 2
        # A closed way ends before the host.
        end = _WIDTH - _BOX - (0 if way.is_open else 24)
        curve = f"M{_BOX},{middle:g} C{_BOX + 50},{middle:g} {_BOX + 30},{y:g} {_BOX + 90},{y:g} L{end},{y:g}"
        parts.append(f'<path class="way {way.verdict}{"" if way.is_open else " closed"}" d="{curve}"/>')
        if not way.is_open:
            parts.append(f'<path class="way {way.verdict}" d="M{end},{y - 9:g} V{y + 9:g}"/>')
        parts.append(f'<text class="{way.verdict}" x="{_BOX + 96}" y="{y - 7:g}">{safe(way.words)}</text>')
        parts.append(_box(_WIDTH - _BOX, y, way.host, f"{way.address}{_port(way)}"))
        parts.append(_mark(_WIDTH, y, found_at(way, findings), findings))
    return parts


def _box(x: float, y: float, title: str, text: str) -> str:
    return (
        f'<rect class="host" x="{x + 1:g}" y="{y - 22:g}" width="{_BOX - 2}" height="44" rx="6"/>'
        f'<text class="title" x="{x + 10:g}" y="{y - 3:g}">{safe(_cut(title, 23))}</text>'
        f'<text x="{x + 10:g}" y="{y + 14:g}">{safe(_cut(text, 28))}</text>'
    )


def _mark(right: float, y: float, numbers: Sequence[int], findings: Sequence[Finding]) -> str:
    """How many findings there are here, in the colour of the gravest."""
    if not numbers:
        return ""
    ids = ", ".join(dict.fromkeys(findings[number]["id"] for number in numbers))
    return (
        f'<a href="#finding-{numbers[0]}" class="mark {kind_of(findings[numbers[0]])}"><title>{safe(ids)}</title>'
        f'<circle cx="{right - 20:g}" cy="{y - 8:g}" r="10"/>'
        f'<text x="{right - 20:g}" y="{y - 3.5:g}">{len(numbers)}</text></a>'
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
