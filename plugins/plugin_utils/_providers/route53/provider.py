# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amazon Route 53, public and private hosted zones."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..._deps import LibraryMissing, dns
from ..._records.mail_exchangers import is_named_by
from ..._records.names import InvalidName, name_text, parse_name
from ..._records.rrsets import Change, Goal, Key, RRset, State
from ..._records.values import InvalidValue
from ..base import Capabilities, Conflict, InvalidOptions, Provider, ProviderError, Traffic, turn
from ..misfits import misfits
from . import records
from .api import ApiError, Route53Client
from .zones import HostedZones

if TYPE_CHECKING:
    from dns.name import Name

    from ..options import ArgumentSpec, ProviderOptions
    from .responses import NextRecord, RecordSet

_OPTIONS: ArgumentSpec = {
    "profile": {"type": "str"},
    "region": {"type": "str"},
    "access_key_id": {"type": "str"},
    "secret_access_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "private": {"type": "bool"},
    "vpc_id": {"type": "str"},
    "zone_ids": {"type": "dict", "default": {}},
}

_TYPES = frozenset(
    [
        "A",
        "AAAA",
        "CAA",
        "CNAME",
        "DS",
        "HTTPS",
        "MX",
        "NAPTR",
        "NS",
        "PTR",
        "SPF",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
    ]
)
# RRsets in one answer.
_PAGE = 300
# What stands at one name, and rarely more.
_PAGE_OF_A_NAME = 50
# By parameter of the question for the next page: the member of this one that has its value.
_NEXT_PAGE: dict[str, NextRecord] = {
    "StartRecordName": "NextRecordName",
    "StartRecordType": "NextRecordType",
    "StartRecordIdentifier": "NextRecordIdentifier",
}
# Of one change request (Route 53 Developer Guide, Quotas): ResourceRecord elements, and characters in their values.
_MAX_RECORDS = 1000
_MAX_CHARACTERS = 32000

# In the messages of InvalidChangeBatch: what was read is no longer there.
_NOT_AS_READ = (
    "but it already exists",
    "but it was not found",
    "do not match the current values",
    "conflicts with other records",
)


def create(options: ProviderOptions) -> Route53:
    """Raises InvalidOptions."""
    validator = ArgumentSpecValidator(
        _OPTIONS,
        required_together=[("access_key_id", "secret_access_key")],
        mutually_exclusive=[("profile", "access_key_id")],
    )
    given = options["options"] or {}
    wrong = misfits(_OPTIONS, given)
    validation = validator.validate({name: given[name] for name in given if name not in wrong})
    own = validation.validated_parameters
    problems = [f"options.{name}: {need}" for name, need in wrong.items()]
    problems += [f"options: {message}" for message in validation.error_messages]
    if own.get("vpc_id") and own.get("private") is False:
        problems.append("options.vpc_id: only a private zone is in a VPC, and private is false")
    zone_ids = {}
    for text, zone_id in (own.get("zone_ids") or {}).items():
        try:
            zone_ids[parse_name(text)] = str(zone_id)
        except InvalidName as error:
            problems.append(f"options.zone_ids: {error}")
    if problems:
        raise InvalidOptions(problems)
    session = {
        "profile_name": own.get("profile"),
        "region_name": own.get("region"),
        "aws_access_key_id": own.get("access_key_id"),
        "aws_secret_access_key": own.get("secret_access_key"),
        "aws_session_token": own.get("session_token"),
    }
    try:
        api = Route53Client(options["url"], options["ca_path"], options["timeout"], session)
    except LibraryMissing as error:
        raise InvalidOptions([str(error)]) from None
    vpc_id = own.get("vpc_id")
    private = vpc_id is not None if own.get("private") is None else own["private"]
    return Route53(api, private, vpc_id, zone_ids)


class Route53(Provider):
    """private, vpc_id, zone_ids: see HostedZones."""

    service = "Route 53"
    capabilities = Capabilities(atomic=True, prerequisites=True, types=_TYPES)
    lag_hint = "It usually takes a minute: wait longer, or look at the AWS Health Dashboard."

    def __init__(self, api: Route53Client, private: bool, vpc_id: str | None, zone_ids: Mapping[Name, str]) -> None:
        self.traffic = Traffic()
        self._api = api
        self._zones = HostedZones(api, self.traffic, private, vpc_id, zone_ids)
        # As the service wrote what was read: it deletes only what is named to it exactly so.
        self._as_read: dict[Name, dict[RRset, RecordSet]] = {}
        self._constructions: dict[Name, dict[Key, str]] = {}
        self._delegations: dict[Name, dict[Name, RRset]] = {}
        # By zone: what the administrator reads of a change, and its id.
        self._change_ids: dict[Name, dict[str, str]] = {}

    async def close(self) -> None:
        self._api.close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        names = {key.name for key in keys}
        wanted = {*keys, *(Key(name, dns.rdatatype.CNAME) for name in names)}
        # Whatever else stands at a name keeps a CNAME out.
        whole_names = {key.name for key in keys if key.rdtype == dns.rdatatype.CNAME}
        state = {}
        as_read = self._as_read.setdefault(zone, {})
        self._constructions[zone] = constructions = {}
        self._delegations[zone] = delegations = {}
        for record_set in await self._record_sets_of(zone, names | _between(zone, names)):
            key = records.key_of(record_set)
            is_delegation = key.rdtype == dns.rdatatype.NS and key.name != zone
            if not is_delegation and key not in wanted and key.name not in whole_names:
                continue
            if construction := records.construction(record_set):
                constructions[key] = construction
                continue
            rrset = self._rrset(zone, record_set)
            as_read[rrset] = record_set
            if is_delegation:
                delegations[key.name] = rrset
            if key.name in names:
                state[key] = rrset
        return state

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        """What is more than values and a TTL is not ours to replace; what is below a delegation would not be seen."""
        names = {goal.key.name for goal in goals}
        problems = [
            f"{key} is {construction}, which is not replaced: take another name, or remove it at the service"
            for key, construction in sorted(self._constructions[zone].items())
            if key.name in names
        ]
        for goal in goals:
            for cut, name_servers in self._delegations[zone].items():
                if goal.present and _is_hidden(goal.key, cut, name_servers):
                    problems.append(
                        f"{goal.key} would not be seen, since the zone delegates {name_text(cut)} (NS "
                        f"{', '.join(name_servers.texts())}): name {name_text(cut)} as its zone"
                    )
        return problems

    async def contents(self, zone: Name) -> list[RRset]:
        """RRsets of one name and type under a routing policy count as one."""
        values: dict[Key, frozenset[bytes]] = {}
        ttls: dict[Key, int] = {}
        async for record_set in self._listed(zone):
            if record_set["Type"] == "SOA":
                continue  # It names none but the service's own servers.
            rrset = self._rrset(zone, record_set)
            values[rrset.key] = values.get(rrset.key, frozenset()) | rrset.values
            ttls[rrset.key] = rrset.ttl
        return [RRset(key, ttls[key], values[key]) for key in values]

    async def _record_sets_of(self, zone: Name, names: Collection[Name]) -> list[RecordSet]:
        """By as few questions as possible: the pages of the whole zone, or those of the names."""
        hosted = await self._zones.find(zone)
        if math.ceil(hosted.rrsets / _PAGE) <= len(names):
            everything = [record_set async for record_set in self._listed(zone)]
            return [item for item in everything if records.parse_name(item["Name"]) in names]
        found = await asyncio.gather(*(self._record_sets_at(zone, name) for name in names))
        return [record_set for record_sets in found for record_set in record_sets]

    async def _record_sets_at(self, zone: Name, name: Name) -> list[RecordSet]:
        found = []
        start = {"StartRecordName": records.name_text(name), "MaxItems": str(_PAGE_OF_A_NAME)}
        async for record_set in self._listed(zone, **start):
            if records.parse_name(record_set["Name"]) != name:
                break
            found.append(record_set)
        return found

    async def _listed(self, zone: Name, **start: str) -> AsyncIterator[RecordSet]:
        """All record sets of the zone, from `start` on, page by page."""
        hosted = await self._zones.find(zone)
        while True:
            self.traffic.queries += 1
            page = await self._api.call(zone, "list_resource_record_sets", HostedZoneId=hosted.id, **start)
            for record_set in page["ResourceRecordSets"]:
                yield record_set
            if not page["IsTruncated"]:
                return
            for parameter, member in _NEXT_PAGE.items():
                start.pop(parameter, None)
                if member in page:
                    start[parameter] = page[member]

    def _rrset(self, zone: Name, record_set: RecordSet) -> RRset:
        try:
            return records.to_rrset(record_set)
        except InvalidValue as error:
            raise ProviderError(
                f"zone {name_text(zone)}: {self._api.name} has something at {record_set['Name']} that cannot be read: "
                f"{error}."
            ) from None

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        batches: list[list[Change]] = []
        records = characters = 0
        groups = [list(group) for _name, group in groupby(changes, key=lambda change: change.key.name)]
        groups.sort(key=turn)
        for together in groups:
            more_records, more_characters = self._cost(zone, together)
            if not batches or records + more_records > _MAX_RECORDS or characters + more_characters > _MAX_CHARACTERS:
                batches.append([])
                records = characters = 0
            batches[-1] += together
            records += more_records
            characters += more_characters
        return batches

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        hosted = await self._zones.find(zone)
        self.traffic.messages += 1
        changes = [
            {"Action": action, "ResourceRecordSet": record_set} for action, record_set in self._requests(zone, batch)
        ]
        try:
            answer = await self._api.call(
                zone, "change_resource_record_sets", HostedZoneId=hosted.id, ChangeBatch={"Changes": changes}
            )
        except ApiError as error:
            if error.code == "InvalidChangeBatch" and any(text in error.details for text in _NOT_AS_READ):
                raise Conflict(
                    f"zone {name_text(zone)}: another client changed records at {self._api.name} between reading and "
                    f"writing: {error.details}"
                ) from None
            raise
        change_id = answer["ChangeInfo"]["Id"].rpartition("/")[2]
        text = f"all name servers of {self._api.name} ({change_id})"
        self._change_ids.setdefault(zone, {})[text] = change_id

    def _requests(self, zone: Name, changes: Iterable[Change]) -> list[tuple[str, RecordSet]]:
        """Actions with their record sets. A DELETE fails unless all is as it was read, a CREATE if there is something;
        then nothing of the batch is made."""
        deletions, others = [], []
        for change in changes:
            if change.key == (zone, dns.rdatatype.NS) and change.after is not None:
                # A zone cannot be without its NS records for a moment, not even inside of a batch.
                others.append(("UPSERT", records.to_record_set(change.after)))
                continue
            if change.before is not None:
                deletions.append(("DELETE", self._as_read[zone][change.before]))
            if change.after is not None:
                others.append(("CREATE", records.to_record_set(change.after)))
        return [*deletions, *others]

    def _cost(self, zone: Name, changes: Iterable[Change]) -> tuple[int, int]:
        """How many records, and characters in them, count for the quota: of an UPSERT both count twice."""
        records = characters = 0
        for action, record_set in self._requests(zone, changes):
            times = 2 if action == "UPSERT" else 1
            values = [record["Value"] for record in record_set["ResourceRecords"]]
            records += times * len(values)
            characters += times * sum(map(len, values))
        return records, characters

    # The name servers

    async def servers(self, zone: Name) -> list[str]:
        """They are not asked one by one: the service says itself when all of them have a change."""
        if zone not in self._change_ids:
            raise ProviderError(
                f"zone {name_text(zone)}: written, but the answer of {self._api.name} was lost, so that it cannot be "
                "asked whether all its name servers have the change."
            )
        return list(self._change_ids[zone])

    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        del changes
        self.traffic.queries += 1
        answer = await self._api.call(zone, "get_change", Id=self._change_ids[zone][server])
        return bool(answer["ChangeInfo"]["Status"] == "INSYNC")


def _between(zone: Name, names: Iterable[Name]) -> set[Name]:
    """The names above those, below the zone's own: where a part of the zone may be delegated."""
    between = set()
    for name in names:
        while len(name) > len(zone) + 1:
            name = name.parent()
            between.add(name)
    return between


def _is_hidden(key: Key, cut: Name, name_servers: RRset) -> bool:
    """Whether an RRset is none of the zone's, but of the one that is delegated at `cut` (RFC 1034, section 4.2.1)."""
    if key.name == cut and key.rdtype in (dns.rdatatype.NS, dns.rdatatype.DS):
        return False
    is_glue = key.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and is_named_by(key.name, [name_servers])
    return key.name.is_subdomain(cut) and not is_glue
