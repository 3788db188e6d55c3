# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a plan drawn: as Mermaid, which GitHub and GitLab show in Markdown, and as a picture (SVG 1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from ..plan import Plan
from .graph import Network, Node, Way, network

_BOX, _GAP, _LINE, _MARGIN = 190, 170, 16, 20  # pixels: a box's width, between columns, a line of text, around it all
_SHOWN = 26  # characters that a box and a gap have room for

_STYLE = """
svg { --text: #1f2328; --paper: #ffffff; --box: #f6f8fa; --line: #57606a; --open: #1a7f37; --shut: #cf222e;
  background: var(--paper); font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --text: #e6edf3; --paper: #0d1117; --box: #161b22; --line: #8b949e; --open: #3fb950; --shut: #f85149; }
}
rect { fill: var(--box); stroke: var(--line); }
path { fill: none; stroke: var(--open); stroke-width: 1.5; }
.head { fill: var(--open); stroke: none; }
text { fill: var(--text); }
.name { font-weight: 600; }
.shut { fill: var(--shut); }
.label { text-anchor: end; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
"""


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart of the plan."""
    drawn = network(plan)
    keys = {node.name: f"n{number}" for number, node in enumerate(drawn.nodes)}
    lines = ["flowchart LR"]
    lines += [f"    {keys[node.name]}{_mermaid_box(node)}" for node in drawn.nodes]
    for way in drawn.ways:
        arrow = ("<-->" if way.both else "-->") if way.is_open else "-.-x"
        if way.labels:
            arrow += '|"' + "<br/>".join(map(_mermaid_text, way.labels)) + '"|'
        lines.append(f"    {keys[way.source]} {arrow} {keys[way.target]}")
    return "\n".join(lines) + "\n"


def _mermaid_box(node: Node) -> str:
    text = "<br/>".join(map(_mermaid_text, [node.name, *node.lines]))
    return f'["{text}"]' if node.column else f'(["{text}"])'


def _mermaid_text(text: str) -> str:
    """Plain text as it is; what may mean something to Mermaid, whose escapes not every version reads, as a dot."""
    return re.sub(r"[^\w .,:/-]", "·", text)


def svg(plan: Plan) -> str:
    """A picture of the plan that needs nothing from outside, in the colours that its reader prefers."""
    drawn = network(plan)
    places, width, height = _places(drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-label="The ways of mail">',
        f"<style>{_STYLE}</style>",
    ]
    labelled: dict[str, int] = {}
    for way in drawn.ways:
        if way.is_open:
            parts += _drawn_way(way, places, labelled.get(way.target, 0))
            labelled[way.target] = labelled.get(way.target, 0) + len(way.labels)
    shut = {way.target: way.labels[0] for way in drawn.ways if not way.is_open}
    parts += [part for node in drawn.nodes for part in _drawn_box(node, places[node.name], shut.get(node.name, ""))]
    return "\n".join([*parts, "</svg>", ""])


def _places(drawn: Network) -> tuple[dict[str, tuple[float, float]], int, int]:
    """The middle of each node's left side; then the width and height of it all. Columns are centred on one line."""
    columns: dict[int, list[Node]] = {}
    for node in drawn.nodes:
        columns.setdefault(node.column, []).append(node)
    labels: dict[str, int] = {}
    for way in drawn.ways:
        labels[way.target] = labels.get(way.target, 0) + len(way.labels)
    row = max(len(node.lines) + 3 for node in drawn.nodes)
    row = max(row, 2 * max(labels.values(), default=0) + 1) * _LINE + _MARGIN
    rows = max(map(len, columns.values()))
    places: dict[str, tuple[float, float]] = {}
    for column, nodes in columns.items():
        for number, node in enumerate(nodes):
            y = ((rows - len(nodes)) / 2 + number + 0.5) * row
            places[node.name] = (_MARGIN + column * (_BOX + _GAP), y)
    return places, (max(columns) + 1) * (_BOX + _GAP) - _GAP + _MARGIN * 2, int(rows * row)


def _drawn_box(node: Node, place: tuple[float, float], shut: str) -> list[str]:
    x, y = place
    lines = [("name", node.name), *(("", line) for line in node.lines)]
    if shut:
        lines.append(("shut", shut))
    top = y - (len(lines) + 1) * _LINE / 2
    return [
        f'<rect x="{x}" y="{top}" width="{_BOX}" height="{(len(lines) + 1) * _LINE}" rx="6"/>',
        *(
            f'<text class="{kind}" x="{x + 10}" y="{top + _LINE * (number + 1.25)}">{_svg_text(line)}</text>'
            for number, (kind, line) in enumerate(lines)
        ),
    ]


def _drawn_way(way: Way, places: Mapping[str, tuple[float, float]], above: int) -> list[str]:
    """above: how many labels stand at the end of the way already."""
    start_x, start_y = places[way.source]
    end_x, end_y = places[way.target]
    start_x += _BOX
    turn = end_x - _GAP * 0.7  # the ways to one host come together before their labels
    parts = [
        f'<path d="M{start_x},{start_y} C{(start_x + turn) / 2},{start_y} {(start_x + turn) / 2},{end_y} {turn},{end_y}'
        f' H{end_x}"/>',
        f'<path class="head" d="M{end_x},{end_y} l-9,-5 v10 z"/>',
    ]
    if way.both:
        parts.append(f'<path class="head" d="M{start_x},{start_y} l9,-5 v10 z"/>')
    for number, label in enumerate(way.labels, start=above):
        y = end_y - 6 - number * _LINE
        parts.append(f'<text class="label" x="{end_x - 14}" y="{y}">{_svg_text(label)}</text>')
    return parts


def _svg_text(text: str) -> str:
    return escape(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
