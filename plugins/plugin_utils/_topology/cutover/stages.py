# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan of a former state and that of a new one to the plans in between: each is one that `site` carries out.

In all of them but the last, every host takes mail as both plans say, and no device shuts what either lets through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from ....module_utils._path_check.expectations import ExpectedPort, ExpectedRecord
from ..declaration.domains import INTERNAL
from ..declaration.variables import RETIRED
from ..plan import (
    Plan,
    PlannedCutover,
    PlannedExpectations,
    PlannedFlow,
    PlannedRecord,
    RecordName,
    RecordToRemove,
    Request,
    RetiredRoles,
    Zones,
)
from ..problems import DeclarationProblem
from .coexistence import both_open, conflicts
from .sessions import sessions_to_end

BESIDE = "beside"
"""The new way is there beside the former one; the records lead to the former one, with a short TTL."""
SWITCHED = "switched"
"""The same, and the records lead to the new way."""
NEW = "new"
"""The new way alone, as the new plan has it; what only the former one had is removed."""
STAGES = (BESIDE, SWITCHED, NEW)

SHORT_TTL = 60
"""Seconds that a record may be kept while it is about to change, unless told otherwise."""
FROM = "mail_cutover_from"

_ADDRESSES = ("A", "AAAA")


class RRsetPlace(NamedTuple):
    """Where an RRset stands."""

    endpoint: str
    zone: str
    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


Records = dict[RRsetPlace, PlannedRecord]
AnyRecord = PlannedRecord | RecordToRemove


class ZoneMove(NamedTuple):
    """A zone that leaves DNS endpoints, and those that have it in the end: its delegation has to change."""

    zone: str
    former: list[str]
    new: list[str]


class Inventoried(NamedTuple):
    """Names of the inventory: who may be a mail host, with those of mail_retired, and who a device."""

    mail_hosts: Collection[str]
    devices: Collection[str]


class Transition:
    """former, new: plans; short_ttl: seconds."""

    def __init__(self, former: Plan, new: Plan, short_ttl: int = SHORT_TTL) -> None:
        self._former = former
        self._new = new
        self._short_ttl = short_ttl
        self._before = _records(former)
        self._after = _records(new)
        self.zone_moves = _zone_moves(self._before, self._after)
        self._left = {(endpoint, move.zone) for move in self.zone_moves for endpoint in move.former}
        # While resolvers may still ask the one or the other, both answer the same.
        self._before, self._after = (
            _with_copies(self._before, self._after),
            _with_copies(self._after, self._before),
        )
        self._moving = {
            place
            for place in self._before.keys() | self._after.keys()
            if self._values(place, 0) != self._values(place, 1)
        }

    # What cannot be done

    def problems(self, inventoried: Inventoried) -> list[DeclarationProblem]:
        """Everything that keeps the two from standing beside each other, or that Ansible could not wait for."""
        return [
            *self._given_up(),
            *self._moved_views(),
            *_records_of_others(self._former, self._new),
            *conflicts(self._former, self._new),
            *self._not_in_inventory(inventoried),
        ]

    def _given_up(self) -> Iterator[DeclarationProblem]:
        wanted = {place.name for place in self._after if place.type == "MX"}
        for name in dict.fromkeys(place.name for place in self._before if place.type == "MX"):
            if name not in wanted:
                yield DeclarationProblem(
                    "mail_domains",
                    f"{name} is in the former state and not in the new one: a cutover moves domains and gives none up",
                    f"Declare {name} again, and take it out when the cutover has ended",
                    host="",
                )

    def _moved_views(self) -> Iterator[DeclarationProblem]:
        before, after = (_endpoints_by_zone(records, of_view=True) for records in (self._before, self._after))
        for zone in before.keys() - after.keys():
            if any(place.zone == zone for place in self._after):
                yield DeclarationProblem(
                    "mail_dns",
                    f"the zone {zone} leaves the endpoint '{INTERNAL}', and no delegation tells when it is no longer "
                    "asked",
                    f"Let {zone} be at '{INTERNAL}' too until the cutover has ended",
                    host="",
                )

    def _not_in_inventory(self, inventoried: Inventoried) -> Iterator[DeclarationProblem]:
        for host in _mail_hosts(self._former):
            if host not in inventoried.mail_hosts:
                yield DeclarationProblem(
                    FROM,
                    "the former state needs it, and the inventory no longer has it among the mail hosts",
                    f"Keep it in its group, or put it into the group {RETIRED}, until the cutover has ended",
                    host=host,
                )
        for device in self._former["flows"]:
            if device not in inventoried.devices:
                yield DeclarationProblem(
                    FROM,
                    "the former state has flows on it, and it is in neither mail_gateways nor mail_firewalls any more",
                    "Keep it in its group until the cutover has ended: its flows are removed in the end",
                    host=device,
                )

    # What is to be done

    @property
    def id(self) -> str:
        """The same for the same two plans."""
        return _digest([_made(plan) for plan in (self._former, self._new)])

    @property
    def former_ttl(self) -> int:
        """Seconds that a resolver may keep a record of the former state that is about to change; 0 if none is."""
        return max((self._before[place]["ttl"] for place in self._moving & self._before.keys()), default=0)

    @property
    def short_ttl(self) -> int:
        """The same, when its TTL is lowered."""
        return min(self.former_ttl, self._short_ttl)

    def plan(self, stage: str) -> Plan:
        """What `site` carries out in the stage: a plan, with `cutover` beside the rest."""
        if stage == NEW:
            plan: Plan = {
                **self._new,
                "dns": self._dns(self._new_record),
                "expect": self._expected_in_the_end(),
                "manual": [*self._new["manual"], *self._to_take_back()],
            }
        else:
            first, second = (self._former, self._new) if stage == BESIDE else (self._new, self._former)
            record = self._record_beside if stage == BESIDE else self._switched_record
            plan = {**self._new, "dns": self._dns(record), **both_open(first, second, self._former["flows"])}
        return {**plan, "cutover": self._about(stage)}

    def _to_take_back(self) -> Iterator[Request]:
        """What the owner of a device was asked for, and what only the former state needed."""
        owners = {request["owner"] for request in self._new["manual"]}
        for request in self._former["manual"]:
            if "flows" in request and request["owner"] not in owners:
                what = f"Take back what was asked before: {request['what']}"
                yield {**request, "what": what, "why": "only the former state needed it"}

    def _about(self, stage: str) -> PlannedCutover:
        gone: RetiredRoles = {
            "relay": [host for host in self._former["relay"] if host not in self._new["relay"]],
            "server": [host for host in self._former["server"] if host not in self._new["server"]],
        }
        return {
            "stage": stage,
            "id": self.id,
            "states": {"former": state_id(self._former), "new": state_id(self._new)},
            "former_ttl": self.former_ttl,
            "short_ttl": self.short_ttl,
            "changes": self._changes(),
            "zones": [
                {"zone": move.zone, "former": move.former, "new": move.new, "records": self._records_in(move.zone)}
                for move in self.zone_moves
            ],
            # Whose settings go, and whose queues have to be empty before.
            "retired": gone if stage == NEW else {"relay": [], "server": []},
            "sessions": sessions_to_end(self._former, self._new) if stage == NEW else {},
            "domains": sorted({place.name for place in self._before if place.type == "MX"}),
            "former_exchanges": self._former_exchanges() if stage == NEW else [],
        }

    def _changes(self) -> list[str]:
        changes = (
            f"{place}{' (inside)' if place.endpoint == INTERNAL else ''}: "
            f"{_shown(self._before.get(place))} becomes {_shown(self._after.get(place))}"
            for place in [*self._before, *(place for place in self._after if place not in self._before)]
            if place in self._moving
        )
        return list(dict.fromkeys(changes))

    def _records_in(self, zone: str) -> list[RecordName]:
        """Which RRsets of a zone are ours."""
        ours = dict.fromkeys((place.name, place.type) for place in [*self._before, *self._after] if place.zone == zone)
        return [{"name": name, "type": type_} for name, type_ in ours]

    # DNS

    def _values(self, place: RRsetPlace, state: int) -> frozenset[str]:
        record = (self._before, self._after)[state].get(place)
        return frozenset(value.lower() for value in record["values"]) if record else frozenset()

    def _dns(self, of: Callable[[RRsetPlace], AnyRecord | None]) -> dict[str, Zones]:
        found: dict[str, dict[str, list[AnyRecord]]] = {}
        for place in dict.fromkeys([*self._after, *self._before]):
            held = found.setdefault(place.endpoint, {}).setdefault(place.zone, [])
            record = of(place)
            if record is not None:
                held.append(record)
        kept = ((endpoint, {zone: held for zone, held in zones.items() if held}) for endpoint, zones in found.items())
        return {endpoint: zones for endpoint, zones in kept if zones}

    def _short(self, place: RRsetPlace, record: PlannedRecord) -> PlannedRecord:
        return {**record, "ttl": min(record["ttl"], self._short_ttl)} if place in self._moving else record

    def _record_beside(self, place: RRsetPlace) -> PlannedRecord | None:
        if place in self._before:
            return self._short(place, self._before[place])
        # A new name is entered before anything leads to it, so that no resolver caches that it does not exist.
        is_new_name = place.type in _ADDRESSES and not self._is_owned(place, self._before)
        return self._short(place, self._after[place]) if is_new_name else None

    def _switched_record(self, place: RRsetPlace) -> AnyRecord | None:
        if place in self._after:
            return self._short(place, self._after[place])
        if self._is_owned(place, self._after):
            # The name stays: an address that it has no more would go on leading mail the former way.
            return _absent(self._before[place])
        return self._short(place, self._before[place])

    def _new_record(self, place: RRsetPlace) -> AnyRecord | None:
        if (place.endpoint, place.zone) in self._left:
            # It keeps what it has, which is the new state: a resolver that still asked it would be led right.
            return None
        if place in self._after:
            return self._after[place]
        return _absent(self._before[place]) if self._is_owned(place, self._after) else None

    @staticmethod
    def _is_owned(place: RRsetPlace, records: Records) -> bool:
        return any((one.endpoint, one.name) == (place.endpoint, place.name) for one in records)

    def _former_exchanges(self) -> list[str]:
        """Names that an endpoint has no record for any more; another one may, as the view from inside."""
        gone = (
            place.name for place in self._before if place.type in _ADDRESSES and not self._is_owned(place, self._after)
        )
        return list(dict.fromkeys(gone))

    # What must hold in the end

    def _expected_in_the_end(self) -> PlannedExpectations:
        """What the new plan expects, and that nothing is left of the former one."""
        expect = self._new["expect"].copy()
        known = {(one["view"], one["name"], one["type"]) for one in expect["records"]}
        expect["records"] = [
            *expect["records"],
            *(
                _without_values(one)
                for one in self._former["expect"]["records"]
                if one["zone"] and (one["view"], one["name"], one["type"]) not in known
            ),
        ]
        used = {port["address"] for port in expect["ports"]}
        forwarded = {flow["public_address"] for flow in _forwards(self._former)}
        expect["ports"] = [
            *expect["ports"],
            *(
                _closed(port)
                for port in self._former["expect"]["ports"]
                if port["open"] and port["address"] in forwarded - used
            ),
        ]
        # A host that still is a mail host may keep an address that no record names.
        expect["former"] = [
            {"host": one["host"], "addresses": gone, "port": one["port"], "domains": one["domains"]}
            for one in self._former["expect"]["smtp"]
            if one["host"] not in _mail_hosts(self._new)
            and (gone := [address for address in one["addresses"] if address not in used | forwarded])
        ]
        return expect


def state_id(plan: Plan) -> str:
    """The same for plans that make the same of all hosts, devices and zones."""
    return _digest(_made(plan))


def _made(plan: Plan) -> dict[str, object]:
    return {"dns": plan["dns"], "flows": plan["flows"], "relay": plan["relay"], "server": plan["server"]}


def _digest(of: object) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def _records(plan: Plan) -> Records:
    """plan: of a state, which removes nothing."""
    return {
        RRsetPlace(endpoint, zone, record["name"], record["type"]): record
        for endpoint, zones in plan["dns"].items()
        for zone, records in zones.items()
        for record in records
        if "ttl" in record
    }


def _endpoints_by_zone(records: Records, *, of_view: bool = False) -> dict[str, list[str]]:
    """Zone -> the endpoints that hold it for the world, or with of_view, for the inside."""
    found: dict[str, list[str]] = {}
    for endpoint, zone in dict.fromkeys((place.endpoint, place.zone) for place in records):
        if (endpoint == INTERNAL) is of_view:
            found.setdefault(zone, []).append(endpoint)
    return found


def _zone_moves(before: Records, after: Records) -> list[ZoneMove]:
    first, second = _endpoints_by_zone(before), _endpoints_by_zone(after)
    moves = (
        ZoneMove(zone, [one for one in endpoints if one not in second[zone]], second[zone])
        for zone, endpoints in first.items()
        if zone in second
    )
    return [move for move in moves if move.former]


def _with_copies(records: Records, others: Records) -> Records:
    """The records, also at the endpoints that hold their zone among the others."""
    own, held = _endpoints_by_zone(records), _endpoints_by_zone(others)
    copies = {
        place._replace(endpoint=endpoint): record
        for place, record in records.items()
        if place.endpoint != INTERNAL
        for endpoint in held.get(place.zone, ())
        if endpoint not in own[place.zone]
    }
    return {**records, **copies}


def _without_values(record: ExpectedRecord) -> ExpectedRecord:
    return {**record, "values": [], "asked_of": ""}


def _closed(port: ExpectedPort) -> ExpectedPort:
    return {**port, "open": False, "why": "its forward belongs to the former state"}


def _absent(record: PlannedRecord) -> RecordToRemove:
    return {"name": record["name"], "type": record["type"], "values": record["values"], "state": "absent"}


def _shown(record: PlannedRecord | None) -> str:
    return ", ".join(record["values"]) if record else "nothing"


def _mail_hosts(plan: Plan) -> list[str]:
    return [*plan["relay"], *(host for host in plan["server"] if host not in plan["relay"])]


def _forwards(plan: Plan) -> Iterator[PlannedFlow]:
    return (flow for flows in plan["flows"].values() for flow in flows if flow["action"] == "forward")


def _records_of_others(former: Plan, new: Plan) -> Iterator[DeclarationProblem]:
    """Records in zones that are not ours: their TTL and their switch are others'."""
    before = {(one["name"], one["type"]): one["values"] for one in former["expect"]["records"] if not one["zone"]}
    for one in new["expect"]["records"]:
        values = before.get((one["name"], one["type"]))
        if not one["zone"] and values is not None and sorted(values) != sorted(one["values"]):
            yield DeclarationProblem(
                "mail_zones",
                f"the addresses of {one['name']} change, and its zone is not held from here: Ansible cannot tell when "
                "the world has them",
                "Declare its zone in mail_zones, or give the new way another name (mail_fqdn)",
                host="",
            )
