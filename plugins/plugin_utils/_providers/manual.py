# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For a DNS service that nobody writes to from here: says what somebody has to enter there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .._records.names import name_text
from .._records.rrsets import DEFAULT_TTL, Goal, RRset, zone_file
from .._records.values import type_text, value_text

if TYPE_CHECKING:
    from dns.name import Name


def instructions(goals: Mapping[Name, Collection[Goal]]) -> dict[str, Any]:
    """table: what shall be there, a dict for each value, and what to remove; zone_files: zone -> text to paste.

    A goal that removes has `state: absent` in the table, and a value of '' where all values go.
    """
    table: list[dict[str, Any]] = []
    zone_files = {}
    for zone in sorted(goals):
        wanted = []
        for goal in sorted(goals[zone], key=lambda goal: (goal.key.name, type_text(goal.key.rdtype))):
            row = {"zone": name_text(zone), "name": name_text(goal.key.name), "type": type_text(goal.key.rdtype)}
            ttl = DEFAULT_TTL if goal.ttl is None else goal.ttl
            for values, state, its_ttl in ((goal.present, "present", ttl), (goal.absent, "absent", None)):
                texts = [value_text(goal.key.rdtype, value) for value in sorted(values)]
                table += [{**row, "value": text, "ttl": its_ttl, "state": state} for text in texts]
            if goal.present:
                wanted.append(RRset(goal.key, ttl, goal.present))
            elif goal.exclusive:
                table.append({**row, "value": "", "ttl": None, "state": "absent"})
        zone_files[name_text(zone)] = zone_file(wanted)
    return {"table": table, "zone_files": zone_files}
