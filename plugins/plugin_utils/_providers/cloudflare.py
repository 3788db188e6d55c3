# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudflare DNS: a batch of changes to the records of a zone in one transaction.

Source: https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/batch/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._deps import dns
from .._records.exchanges import exchanges, is_named_by
from .._records.names import InvalidName, name_text, parse_name
from .._records.rrsets import Change, Goal, Key, RRset, State, delegations, is_delegated
from .._records.values import InvalidValue
from .cloudflare_records import (
    PROXIED_TTL,
    TYPES,
    ProxiedRRset,
    Record,
    as_record,
    difference,
    is_locked,
    is_proxied,
    key_of,
    rdata_fields,
    ttl_of,
    value_of,
)
from .hosted import Hosted
from .http import Api, HttpError
from .interface import Capabilities, Conflict, InvalidOptions, OutcomeUnknown, ProviderError, turn

if TYPE_CHECKING:
    from dns.name import Name

USES = frozenset({"url", "ca_path", "api_token", "options"})
_OPTIONS: dict[str, dict[str, Any]] = {
    "account_id": {"type": "str"},
    "pending": {"type": "bool", "default": False},
}
_URL = "https://api.cloudflare.com/client/v4"

# The limit is 1,200 requests in five minutes; who exceeds it is turned away for as long
# (https://developers.cloudflare.com/fundamentals/api/reference/limits/).
_LONGEST_WAIT = 330.0
# Records, and zones, in one answer; the service may send fewer.
_PAGE = 1000
_ZONES_PAGE = 50
# Operations in one batch (https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/).
_BATCH = {"pro": 3500, "business": 3500, "enterprise": 3500}
_SMALLEST_BATCH = 200
# Seconds.
_SHORTEST_TTL, _LONGEST_TTL = 60, 86400
_SHORTEST_ENTERPRISE_TTL = 30

# A record is no longer there (81044), or one is there that keeps ours out: of the same name (81053, 81054, 81056,
# 81057), or the same (81058).
_OVERTAKEN = frozenset({81044, 81053, 81054, 81056, 81057, 81058})
# The Authorization header is none (6003).
_NO_TOKEN = 6003

_STATUS = {
    "initializing": "is not set up to the end: choose its plan in the dashboard",
    "pending": (
        "is not yet delegated to Cloudflare: enter {name_servers} as its name servers at the registrar. "
        "To fill in the zone before, say so in options.pending"
    ),
    "moved": "is no longer delegated to Cloudflare: enter {name_servers} as its name servers at the registrar again",
}
_TYPE = {
    "partial": "is a partial zone (CNAME setup), whose records other name servers answer: write to those",
    "secondary": "is a secondary zone, whose records are transferred from its primary: write to that",
}


def create(options: Mapping[str, Any]) -> Cloudflare:
    """Raises InvalidOptions."""
    validation = ArgumentSpecValidator(_OPTIONS).validate(options["options"] or {})
    if validation.error_messages:
        raise InvalidOptions([f"options: {message}" for message in validation.error_messages])
    api = Api(
        "Cloudflare",
        (options["url"] or _URL).rstrip("/"),
        {"Authorization": f"Bearer {options['api_token']}"},
        options["timeout"],
        options["ca_path"],
        longest_wait=_LONGEST_WAIT,
    )
    own = validation.validated_parameters
    return Cloudflare(api, own["account_id"], own["pending"])


@dataclass(frozen=True)
class _Zone:
    identifier: str
    plan: str
    name_servers: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/zones/{self.identifier}/dns_records"


class Cloudflare(Hosted):
    """account_id: where the zones are, None if that is clear; pending: whether to write to a zone that is not delegated
    to Cloudflare yet."""

    service = "Cloudflare"
    capabilities = Capabilities(atomic=True, prerequisites=False, types=TYPES)
    lag_hint = "It usually takes seconds: wait longer, or look at https://www.cloudflarestatus.com."

    def __init__(self, api: Api, account_id: str | None, pending: bool) -> None:
        super().__init__(api.timeout)
        self._api = api
        self._account_id = account_id
        self._pending = pending
        self._zones: dict[Name, _Zone] = {}
        self._token_refused: HttpError | None = None
        # As they were read last, with their identifiers.
        self._records: dict[Name, dict[Key, list[Record]]] = {}

    async def close(self) -> None:
        self._api.close()
        await super().close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        """The zone is listed whole: of a zone with thousands of records that is a few pages."""
        self._records[zone] = records = await self._listed(zone)
        names = {key.name for key in keys}
        # At the zone's own name an alias is answered as the addresses of its target, and keeps no MX out.
        wanted = {*keys, *(Key(name, dns.rdatatype.CNAME) for name in names - {zone})}
        # Whatever else stands at a name keeps a CNAME out.
        whole_names = {key.name for key in keys if key.rdtype == dns.rdatatype.CNAME}
        return {key: self._rrset(zone, key) for key in records if key in wanted or key.name in whole_names}

    async def contents(self, zone: Name) -> list[RRset]:
        self._records[zone] = records = await self._listed(zone)
        return [self._rrset(zone, key) for key in records]

    async def _listed(self, zone: Name) -> dict[Key, list[Record]]:
        records: dict[Key, list[Record]] = defaultdict(list)
        path = (await self._zone(zone)).path
        page, is_last = 0, False
        while not is_last:
            page += 1
            task = "read records", "DNS: Edit (or Read, for check mode alone)"
            answer = await self._get(zone, task, path, page=page, per_page=_PAGE, order="name")
            for record in answer["result"]:
                try:
                    records[key_of(record)].append(record)
                except (InvalidName, InvalidValue):
                    continue  # Nobody can declare such a one here.
            info = answer["result_info"]
            is_last = page * info["per_page"] >= info["total_count"]
        return dict(records)

    def _rrset(self, zone: Name, key: Key) -> RRset:
        records = self._records[zone][key]
        try:
            values = frozenset(map(value_of, records))
        except InvalidValue as error:
            raise ProviderError(
                f"zone {name_text(zone)}: {key} at {self._api.where} is no valid record: {error}"
            ) from None
        if self._is_proxied(zone, key):
            return ProxiedRRset(key, PROXIED_TTL, values)
        return RRset(key, min(map(ttl_of, records)), values)

    def _is_proxied(self, zone: Name, key: Key) -> bool:
        """With one record, all addresses of a name count as proxied."""
        addresses = _addresses(key.name)
        keys = addresses if key in addresses else [key]
        return any(is_proxied(record) for each in keys for record in self._records[zone].get(each, ()))

    # What cannot be, though Cloudflare would take it

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        return [
            problem
            for check in (self._ttls, self._locks, self._proxies, self._aliases, self._delegations)
            for problem in check(zone, goals)
        ]

    def _ttls(self, zone: Name, goals: Collection[Goal]) -> Iterator[str]:
        shortest = _SHORTEST_ENTERPRISE_TTL if self._zones[zone].plan == "enterprise" else _SHORTEST_TTL
        for goal in goals:
            if goal.present and goal.ttl is not None and not shortest <= goal.ttl <= _LONGEST_TTL:
                yield f"{goal.key} has a TTL of {goal.ttl} s, in this zone {shortest} to {_LONGEST_TTL} s are possible"

    def _locks(self, zone: Name, goals: Collection[Goal]) -> Iterator[str]:
        for goal in goals:
            locked = [record for record in self._records[zone].get(goal.key, ()) if is_locked(record)]
            if not locked:
                continue
            after = goal.applied_to(self._rrset(zone, goal.key))
            if any(
                after is None or value_of(record) not in after.values or ttl_of(record) != after.ttl
                for record in locked
            ):
                yield (
                    f"{goal.key} has a record that another service of Cloudflare keeps ({locked[0]['content']}): "
                    "switch off Email Routing in the dashboard, or unlock its records there"
                )

    def _proxies(self, zone: Name, goals: Collection[Goal]) -> Iterator[str]:
        settled = {goal.key for goal in goals if goal.present or goal.exclusive}

        def proxied(keys: Iterable[Key]) -> Key | None:
            unsettled = (key for key in keys if key not in settled)
            return next((key for key in unsettled if any(map(is_proxied, self._records[zone].get(key, ())))), None)

        for goal in goals:
            if not goal.present:
                continue
            addresses = _addresses(goal.key.name)
            if goal.key in addresses and (key := proxied(addresses)):
                yield (
                    f"{goal.key} would be answered with Cloudflare's addresses, since {key} is proxied: declare that "
                    "too, or set it to 'DNS only' in the dashboard"
                )
            for host in sorted(exchanges(RRset(goal.key, 0, goal.present))):
                if key := proxied([*_addresses(host), Key(host, dns.rdatatype.CNAME)]):
                    yield (
                        f"{goal.key} would be answered with another host than {name_text(host)}, since {key} is "
                        "proxied: declare its addresses too, or set it to 'DNS only' in the dashboard"
                    )

    def _aliases(self, zone: Name, goals: Collection[Goal]) -> Iterator[str]:
        """At the zone's own name; elsewhere an alias keeps everything out."""
        alias = Key(zone, dns.rdatatype.CNAME)
        if alias not in self._records[zone] or any(goal.key == alias for goal in goals):
            return
        for goal in goals:
            if goal.present and goal.key in _addresses(zone):
                target = self._rrset(zone, alias).texts()[0]
                yield (
                    f"{goal.key} cannot be beside the alias there (CNAME {target}): remove the CNAME, or take another "
                    "name"
                )

    def _delegations(self, zone: Name, goals: Collection[Goal]) -> Iterator[str]:
        """What stands below a delegation Cloudflare keeps, but answers for glue alone."""
        declared = [goal for goal in goals if goal.present]
        parts = delegations(zone, [*self._records[zone], *(goal.key for goal in declared)])
        for goal in declared:
            if not is_delegated(goal.key, parts):
                continue
            name_servers = [self._rrset(zone, key) for key in self._records[zone] if key.rdtype == dns.rdatatype.NS]
            name_servers += [
                RRset(goal.key, 0, goal.present) for goal in declared if goal.key.rdtype == dns.rdatatype.NS
            ]
            if goal.key not in _addresses(goal.key.name) or not is_named_by(goal.key.name, name_servers):
                part = next(part for part in sorted(parts) if goal.key.name.is_subdomain(part))
                yield (
                    f"{goal.key} would not be seen, since the zone delegates {name_text(part)} to other name servers: "
                    f"name {name_text(part)} as its zone"
                )

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """By operations. What is at one name stays together."""
        groups = [list(group) for _name, group in groupby(changes, key=lambda change: change.key.name)]
        groups.sort(key=turn)
        size = _BATCH.get(self._zones[zone].plan, _SMALLEST_BATCH)
        batches: list[list[Change]] = []
        room = 0
        for group in groups:
            cost = sum(map(len, self._operations(zone, group).values()))
            if cost > room:
                batches.append([])
                room = size
            batches[-1] += group
            room -= cost
        return batches

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        operations = {kind: listed for kind, listed in self._operations(zone, batch).items() if listed}
        self.traffic.messages += 1
        try:
            answer = await self._api.write("POST", f"{self._zones[zone].path}/batch", operations)
        except HttpError as error:
            if error.status < 500 and _OVERTAKEN.intersection(_codes(error)):
                raise Conflict(
                    f"zone {name_text(zone)}: {self._api.where} no longer has what was read ({_reason(error)}): "
                    "somebody else changed it between reading and writing, or a service of Cloudflare took the name."
                ) from None
            raise self._failure(zone, error, ("change records", "DNS: Edit")) from None
        except OutcomeUnknown as error:
            raise OutcomeUnknown(f"zone {name_text(zone)}: {error}") from None
        self._checked(answer)

    def _operations(self, zone: Name, changes: Iterable[Change]) -> dict[str, list[dict[str, Any]]]:
        """They are executed in this order. A record that is there is changed in its place, so that it keeps its comment
        and tags, and the name is never without one while the change spreads from server to server."""
        operations: dict[str, list[dict[str, Any]]] = {"deletes": [], "patches": [], "posts": []}
        for change in changes:
            records = self._records[zone].get(change.key, [])
            if change.after is None:
                operations["deletes"] += [{"id": record["id"]} for record in records]
            else:
                _add_operations(operations, records, change.after)
        return operations

    # Zones

    async def _hosts(self, zone: Name) -> list[Name]:
        return [parse_name(host) for host in (await self._zone(zone)).name_servers]

    async def _zone(self, zone: Name) -> _Zone:
        if zone not in self._zones:
            found = await self._found(zone)
            name_servers = found.get("vanity_name_servers") or found.get("name_servers") or []
            problem = _TYPE.get(found["type"]) or (None if self._pending else _STATUS.get(found["status"]))
            if problem:
                problem = problem.format(name_servers=" and ".join(name_servers))
                raise ProviderError(f"zone {name_text(zone)}: it {problem}. Nothing was written in this zone.")
            plan = (found.get("plan") or {}).get("legacy_id", "")
            self._zones[zone] = _Zone(found["id"], plan, tuple(name_servers))
        return self._zones[zone]

    async def _found(self, zone: Name) -> Mapping[str, Any]:
        """The one of this name, or of several the one that is active."""
        name = name_text(zone)
        query = {"name": name, "per_page": _ZONES_PAGE}
        if self._account_id:
            query["account.id"] = self._account_id
        answer = await self._get(zone, ("look for zones", "Zone: Read"), "/zones", **query)
        found = [each for each in answer["result"] if each["name"] == name]
        active = [each for each in found if each["status"] == "active"]
        if not found:
            raise ProviderError(
                f"zone {name}: {self._api.where} has no zone of this name for this token. Check the zone's name, and "
                "that it is among the token's zone resources"
                + (", and options.account_id." if self._account_id else ".")
            )
        if len(found) > 1 and len(active) != 1:
            accounts = ", ".join(sorted(f"{each['account']['id']} ({each['account']['name']})" for each in found))
            raise ProviderError(
                f"zone {name}: {self._api.where} has it in several accounts: {accounts}. Say in options.account_id "
                "which one is meant."
            )
        return (active or found)[0]

    # The interface

    async def _get(self, zone: Name, task: tuple[str, str], path: str, **query: object) -> Mapping[str, Any]:
        """task: what it is asked for, and the permission that this needs. Raises ProviderError."""
        self.traffic.queries += 1
        try:
            return self._checked(await self._api.get(path, **query))
        except HttpError as error:
            raise self._failure(zone, error, task) from None
        except ProviderError as error:
            raise ProviderError(f"zone {name_text(zone)}: {error}") from None

    def _checked(self, answer: Any) -> Mapping[str, Any]:
        if not isinstance(answer, Mapping) or answer.get("success") is not True:
            raise ProviderError(f"{self._api.where} does not answer as Cloudflare does. Check url.")
        return answer

    def _failure(self, zone: Name, error: HttpError, task: tuple[str, str]) -> ProviderError:
        where = f"zone {name_text(zone)}: {self._api.where}"
        doing, permission = task
        reason = _reason(error)
        if error.status == 429:
            when = f"in {error.retry_after:.0f} s" if error.retry_after is not None else "in five minutes"
            return ProviderError(
                f"{where} takes no more requests of this user for now ({reason}). 1,200 are allowed in five minutes, "
                f"all tools and the dashboard together. Run it again {when}."
            )
        if error.status >= 500:
            return ProviderError(f"{where} is out of order ({reason}). Look at https://www.cloudflarestatus.com.")
        if error.status in (401, 403) or _NO_TOKEN in _codes(error):
            return ProviderError(
                f"{where} does not let this token {doing} ({reason}). Check that api_token is an API token that has "
                f"not expired, is allowed from this address, and has the permission {permission} for this zone."
            )
        if not _errors(error):
            return ProviderError(f"{where} does not answer as Cloudflare does ({reason}). Check url.")
        return ProviderError(f"{where} refuses to {doing}: {reason}.")


def _addresses(name: Name) -> list[Key]:
    return [Key(name, dns.rdatatype.A), Key(name, dns.rdatatype.AAAA)]


def _add_operations(operations: dict[str, list[dict[str, Any]]], records: Iterable[Record], after: RRset) -> None:
    missing, spare = set(after.values), []
    for record in records:
        value = value_of(record)
        if value not in missing:
            spare.append(record)
            continue
        missing.remove(value)
        if fields := difference(record, after):
            operations["patches"].append({"id": record["id"], **fields})
    values = sorted(missing)
    for record, value in zip(spare, values, strict=False):
        fields = {**rdata_fields(after.key.rdtype, value), **difference(record, after)}
        operations["patches"].append({"id": record["id"], **fields})
    operations["deletes"] += [{"id": record["id"]} for record in spare[len(values) :]]
    operations["posts"] += [as_record(after.key, value, after.ttl) for value in values[len(spare) :]]


def _errors(error: HttpError) -> list[Mapping[str, Any]]:
    """With those that caused them."""
    errors = (error.body or {}).get("errors") if isinstance(error.body, Mapping) else None
    return [each for problem in errors or [] for each in (problem, *problem.get("error_chain", ()))]


def _codes(error: HttpError) -> set[int]:
    return {each["code"] for each in _errors(error)}


def _reason(error: HttpError) -> str:
    reasons = [f"{str(each.get('message')).rstrip('.')}, {each['code']}" for each in _errors(error)]
    return "; ".join(reasons) or f"HTTP status {error.status}"
