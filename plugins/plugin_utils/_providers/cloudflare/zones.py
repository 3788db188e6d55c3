# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a zone at Cloudflare has, and what it takes to change it, without any input or output."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..._deps import dns
from ..._records.mail_exchangers import exchanges, is_named_by
from ..._records.names import name_text
from ..._records.rrsets import Change, Goal, Key, RRset, delegations, is_delegated
from ..._records.values import InvalidValue
from ..base import ProviderError
from .records import (
    PROXIED_TTL,
    CloudflareRecord,
    Fields,
    ProxiedRRset,
    as_record,
    difference,
    is_locked,
    is_proxied,
    rdata_fields,
    ttl_of,
    value_of,
)

if TYPE_CHECKING:
    from dns.name import Name

# Seconds.
_LONGEST_TTL = 86400

# What a batch has of each kind; they are executed in this order.
Operations = dict[str, list[Fields]]


@dataclass(frozen=True)
class ZoneContent:
    """records: as they were read, with their identifiers; shortest_ttl: in seconds, that the zone takes."""

    zone: Name
    records: Mapping[Key, list[CloudflareRecord]]
    shortest_ttl: int

    def rrset(self, key: Key) -> RRset | None:
        """Raises ProviderError."""
        records = self.records.get(key)
        if not records:
            return None
        try:
            values = frozenset(map(value_of, records))
        except InvalidValue as error:
            raise ProviderError(f"zone {name_text(self.zone)}: a record at Cloudflare is not valid: {error}.") from None
        # With one record, all addresses of a name count as proxied.
        addresses = _addresses(key.name)
        if any(map(self.is_proxied, addresses if key in addresses else [key])):
            return ProxiedRRset(key, PROXIED_TTL, values)
        return RRset(key, min(map(ttl_of, records)), values)

    def is_proxied(self, key: Key) -> bool:
        return any(map(is_proxied, self.records.get(key, ())))

    # What cannot be, though Cloudflare would take it, or with a better reason than its own

    def obstacles(self, goals: Collection[Goal]) -> Iterator[str]:
        settled = {goal.key for goal in goals if goal.present or goal.exclusive}
        declared = [goal for goal in goals if goal.present]
        for goal in goals:
            yield from self._locks(goal)
        for goal in declared:
            yield from self._ttls(goal)
            yield from self._proxies(goal, settled)
            yield from self._aliases(goal, settled)
        yield from self._delegations(declared)

    def _locks(self, goal: Goal) -> Iterator[str]:
        locked = [record for record in self.records.get(goal.key, ()) if is_locked(record)]
        after = goal.applied_to(self.rrset(goal.key))
        for record in locked:
            if after is None or value_of(record) not in after.values or difference(record, after):
                yield (
                    f"{goal.key} has a record that another service of Cloudflare keeps ({record['content']}): switch "
                    "off Email Routing in the dashboard, or unlock its records there"
                )

    def _ttls(self, goal: Goal) -> Iterator[str]:
        if goal.ttl is not None and not self.shortest_ttl <= goal.ttl <= _LONGEST_TTL:
            yield (
                f"{goal.key} has a TTL of {goal.ttl} s, in this zone {self.shortest_ttl} to {_LONGEST_TTL} s are "
                "possible"
            )

    def _proxies(self, goal: Goal, settled: Collection[Key]) -> Iterator[str]:
        def proxied(keys: Iterable[Key]) -> Key | None:
            return next((key for key in keys if key not in settled and self.is_proxied(key)), None)

        addresses = _addresses(goal.key.name)
        if goal.key in addresses and (key := proxied(addresses)):
            yield (
                f"{goal.key} would be answered with Cloudflare's addresses, since {key} is proxied: declare that too, "
                "or set it to 'DNS only' in the dashboard"
            )
        for host in sorted(exchanges(RRset(goal.key, 0, goal.present))):
            if key := proxied([*_addresses(host), Key(host, dns.rdatatype.CNAME)]):
                yield (
                    f"{goal.key} would be answered with another host than {name_text(host)}, since {key} is proxied: "
                    "declare its addresses too, or set it to 'DNS only' in the dashboard"
                )

    def _aliases(self, goal: Goal, settled: Collection[Key]) -> Iterator[str]:
        """At the zone's own name. Elsewhere an alias keeps out more than addresses, as with any service."""
        alias = Key(self.zone, dns.rdatatype.CNAME)
        if goal.key in _addresses(self.zone) and alias not in settled and (there := self.rrset(alias)):
            yield (
                f"{goal.key} cannot be beside the alias there (CNAME {there.texts()[0]}): remove the CNAME, or take "
                "another name"
            )

    def _delegations(self, declared: Collection[Goal]) -> Iterator[str]:
        """Of what stands in a delegated part Cloudflare answers for nothing but glue."""
        wanted = {goal.key: RRset(goal.key, 0, goal.present) for goal in declared}
        parts = delegations(self.zone, [*self.records, *wanted])
        for key in wanted:
            if not is_delegated(key, parts):
                continue
            cut = min(part for part in parts if key.name.is_subdomain(part))
            name_servers = Key(cut, dns.rdatatype.NS)
            hosts = [rrset for rrset in (self.rrset(name_servers), wanted.get(name_servers)) if rrset is not None]
            if key not in _addresses(key.name) or not is_named_by(key.name, hosts):
                yield (
                    f"{key} would not be seen, since the zone delegates {name_text(cut)} to other name servers: name "
                    f"{name_text(cut)} as its zone"
                )

    # What has to be done

    def operations(self, changes: Iterable[Change]) -> Operations:
        """A record that is there is changed in its place, so that it keeps its comment and tags, and the name is never
        without one while the change spreads from server to server."""
        operations: Operations = {"deletes": [], "patches": [], "posts": []}
        for change in changes:
            records = self.records.get(change.key, [])
            if change.after is None:
                operations["deletes"] += map(_identifier, records)
            else:
                _add(operations, records, change.after)
        return operations


def _add(operations: Operations, records: Iterable[CloudflareRecord], after: RRset) -> None:
    missing, spare = set(after.values), []
    for record in records:
        value = value_of(record)
        if value not in missing:
            spare.append(record)
            continue
        missing.remove(value)
        if fields := difference(record, after):
            operations["patches"].append({**_identifier(record), **fields})
    values = sorted(missing)
    for record, value in zip(spare, values, strict=False):
        fields = {**rdata_fields(after.key.rdtype, value), **difference(record, after)}
        operations["patches"].append({**_identifier(record), **fields})
    operations["deletes"] += map(_identifier, spare[len(values) :])
    operations["posts"] += [as_record(after.key, value, after.ttl) for value in values[len(spare) :]]


def _identifier(record: CloudflareRecord) -> Fields:
    return {"id": record["id"]}


def _addresses(name: Name) -> list[Key]:
    return [Key(name, dns.rdatatype.A), Key(name, dns.rdatatype.AAAA)]
