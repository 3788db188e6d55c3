# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dictionaries in a list, as people write them, to typed ones by a table of their keys."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..problems import Several, Unfit
from .readers import described


@dataclass(frozen=True)
class KeySpec:
    """A key of a dictionary in a list: type and meaning as the documentation has them."""

    type: str
    meaning: str
    read: Callable[[Any], Any]
    required: bool = False


@dataclass
class Reading:
    entries: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Unfit] = field(default_factory=list)


def read_entries(value: object, keys: Mapping[str, KeySpec], what: str, example: str) -> Reading:
    reading = Reading()
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise Unfit(f"is {described(value)}, not a list of {what}", f"Write a list, as {example}")
    seen: set[str] = set()
    for index, fields in enumerate(value):
        place = f"[{index}]" + (f" ({label(fields)})" if label(fields) else "") + ": "
        try:
            entry = read_entry(fields, keys, place)
        except Several as several:
            reading.problems += several.problems
            continue
        if entry["name"] in seen:
            reading.problems.append(Unfit(f"{place}{entry['name']} is there twice", "Make one entry of the two"))
        seen.add(entry["name"])
        reading.entries.append(entry)
    return reading


def read_entry(fields: object, keys: Mapping[str, KeySpec], place: str) -> dict[str, Any]:
    if not isinstance(fields, Mapping):
        raise Several([Unfit(f"{place}is {described(fields)}, not a dictionary", "Write {name: example.org}")])
    problems: list[Unfit] = [unknown_key(str(name), keys, place) for name in fields if name not in keys]
    problems += [
        Unfit(f"{place}has no '{name}'", f"Add '{name}', a {key.type}")
        for name, key in keys.items()
        if key.required and name not in fields
    ]
    entry = {}
    for name, key in keys.items():
        if name not in fields:
            continue
        try:
            entry[name] = key.read(fields[name])
        except Several as several:
            problems += [Unfit(f"{place}{name}: {unfit.message}", unfit.remedy) for unfit in several.problems]
        except Unfit as unfit:
            problems.append(Unfit(f"{place}{name}: {unfit.message}", unfit.remedy))
    if problems:
        raise Several(problems)
    return entry


def unknown_key(name: str, keys: Mapping[str, Any], place: str) -> Unfit:
    near = difflib.get_close_matches(name, list(keys), n=1)
    remedy = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(keys)}"
    return Unfit(f"{place}there is no key '{name}'", remedy)


def label(fields: object) -> str:
    name = fields.get("name") if isinstance(fields, Mapping) else None
    return name if isinstance(name, str) else ""
