# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake DNS service with providers for octoDNS (see its BaseProvider), as unpleasant as real ones can be:
they remember what they have read, print and log their token, make one change after the other and break in the middle.

The service is a file: JSON of zone -> name -> type -> what octoDNS calls the data of a record.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from octodns.provider.base import BaseProvider
from octodns.record import Create, Delete, Record


class Fake(BaseProvider):
    """file: of the service; breaks_after: so many changes in one piece; rival: what somebody else writes right after
    something but a removal; minimum_ttl: lower ones are raised without a word; keeps_ttl: it always stores this one;
    blind_to: a type that it leaves out."""

    SUPPORTS = {"A", "AAAA", "ALIAS", "CNAME", "MX", "NS", "TXT"}
    SUPPORTS_GEO = False
    SUPPORTS_DYNAMIC = True
    SUPPORTS_ROOT_NS = False

    def __init__(
        self,
        id: str,  # noqa: A002
        file: str,
        token: str,
        breaks_after: int | None = None,
        rival: dict[str, Any] | None = None,
        minimum_ttl: int = 0,
        keeps_ttl: int | None = None,
        blind_to: str = "",
        **more: Any,
    ) -> None:
        self.log = logging.getLogger(f"Fake[{id}]")
        self.log.error("token=%s", token)
        super().__init__(id, **more)
        self.file, self.token, self.breaks_after, self.rival = Path(file), token, breaks_after, rival
        self.minimum_ttl, self.keeps_ttl, self.blind_to = minimum_ttl, keeps_ttl, blind_to
        self._remembered: dict[str, Any] = {}

    def populate(self, zone: Any, target: bool = False, lenient: bool = False) -> bool | None:
        print("read with", self.token, "as target" if target else "as source")
        if zone.name not in self._remembered:
            self._remembered[zone.name] = json.loads(self.file.read_text()).get(zone.name)
        for name, types in (self._remembered[zone.name] or {}).items():
            for rdtype, data in types.items():
                zone.add_record(Record.new(zone, name, {"type": rdtype, **data}, lenient=lenient), lenient=lenient)
        return None if self._remembered[zone.name] else False

    def _process_desired_zone(self, desired: Any) -> Any:
        for record in desired.records:
            if record.ttl < self.minimum_ttl:
                raised = record.copy()
                raised.ttl = self.minimum_ttl
                desired.add_record(raised, replace=True)
        return super()._process_desired_zone(desired)

    def _include_change(self, change: Any) -> bool:
        return change.record._type != self.blind_to

    def _apply(self, plan: Any) -> None:
        self.log.warning("write with %s", self.token)
        for done, change in enumerate(plan.changes):
            if done == self.breaks_after:
                raise RuntimeError(f"https://api.example.net/?{urlencode({'token': self.token})} timed out")
            record = change.record
            self._write(plan.desired.name, record.name, record._type, change)
        if self.rival and not all(isinstance(change, Delete) for change in plan.changes):
            zones = json.loads(self.file.read_text())
            zones[plan.desired.name] |= self.rival
            self.file.write_text(json.dumps(zones))

    def _write(self, zone: str, name: str, rdtype: str, change: Any) -> None:
        zones = json.loads(self.file.read_text())
        types = zones[zone].setdefault(name, {})
        assert (rdtype in types) != isinstance(change, Create)
        if isinstance(change, Delete):
            del types[rdtype]
        else:
            types[rdtype] = {**change.new.data, "ttl": self.keeps_ttl or change.new.ttl}
        self.file.write_text(json.dumps(zones))


class Whole(Fake):
    """Writes the whole zone from what it is told to be in it."""

    def _apply(self, plan: Any) -> None:
        zones = json.loads(self.file.read_text())
        zones[plan.desired.name] = {record.name: {record._type: record.data} for record in plan.desired.records}
        self.file.write_text(json.dumps(zones))
