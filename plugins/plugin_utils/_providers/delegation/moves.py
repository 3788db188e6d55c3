# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones that move, as the options of the task name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from ..._records.names import parse_name
from ..dns_action import validated
from ..options import ArgumentSpec

if TYPE_CHECKING:
    from dns.name import Name

_MOVE_SPEC: ArgumentSpec = {
    "zone": {"type": "str", "required": True},
    "former": {"type": "list", "elements": "str", "required": True},
    "new": {"type": "list", "elements": "str", "required": True},
    "records": {"type": "list", "elements": "dict", "default": []},
}


class OurRecord(TypedDict):
    name: str
    type: str


class MoveOptions(TypedDict):
    """A zone of the options; former, new: keys of the endpoints; records: ours in the zone."""

    zone: str
    former: list[str]
    new: list[str]
    records: list[OurRecord]


@dataclass(frozen=True)
class Move:
    """A zone, the endpoints that it leaves and those that have it then, and (name, type) of our records in it."""

    zone: Name
    former: list[str]
    new: list[str]
    ours: frozenset[tuple[Name, str]]


def moves_of(zones: list[object]) -> list[Move]:
    """Raises InvalidOptions, InvalidName."""
    places = {f"zones[{index}]": zone for index, zone in enumerate(zones)}
    moves = cast(dict[str, MoveOptions], validated(_MOVE_SPEC, places)).values()
    return [
        Move(
            parse_name(move["zone"]),
            move["former"],
            move["new"],
            frozenset((parse_name(record["name"]), record["type"]) for record in move["records"]),
        )
        for move in moves
    ]
