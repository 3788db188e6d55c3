# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The RRsets of each view: MX of the domains, addresses of their exchangers.

The view from inside is compiled apart, out of the hosts' own addresses, and goes to the endpoint `internal` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ....module_utils._addresses import Address
from ..declaration.domains import DEFAULT_TTL, INTERNAL, MailDomain
from ..plan import PlannedRecord
from ..topology import Topology, of_version

PUBLIC = "public"


@dataclass(frozen=True)
class PlannedRRset:
    """zone: the one of ours that holds it, None if none does. values in presentation format; ttl in seconds."""

    view: str
    zone: str | None
    name: str
    type: str
    values: tuple[str, ...]
    ttl: int

    def as_record(self) -> PlannedRecord:
        return {"name": self.name, "type": self.type, "values": list(self.values), "ttl": self.ttl}


def public_rrsets(topology: Topology) -> list[PlannedRRset]:
    rrsets = [_mx(PUBLIC, domain, _public_exchangers(domain, topology)) for domain in topology.shared.domains]
    names: dict[str, tuple[Address, ...]] = {}
    for host in topology.used_front_ends:
        names[host.named()] = _joined(names.get(host.named(), ()), host.published)
    for domain in topology.shared.domains:
        for exchanger in (*domain.backups, *domain.exchangers):
            if exchanger.addresses:
                names[exchanger.name] = exchanger.addresses
    return rrsets + _addresses(PUBLIC, names, topology)


def internal_rrsets(topology: Topology) -> list[PlannedRRset]:
    """The same names as outside, and those of servers behind relays, at the addresses that hosts have inside."""
    rrsets = []
    for domain in topology.shared.domains:
        own = topology.own_exchangers(domain)
        backups = [(backup.preference or 0, backup.name) for backup in topology.backups(domain)]
        # Without a host of ours there is nothing inside to lead to: as the world sees it.
        rrsets.append(_mx(INTERNAL, domain, [*own, *backups] if own else _public_exchangers(domain, topology)))
    names: dict[str, tuple[Address, ...]] = {}
    for host in (*topology.used_front_ends, *topology.used_servers_behind_relays):
        name = topology.server_name(host)
        names[name] = _joined(names.get(name, ()), host.addresses)
    for domain in topology.shared.domains:
        for exchanger in (*domain.backups, *domain.exchangers):
            if exchanger.addresses:
                names[exchanger.name] = exchanger.addresses
    return [rrset for rrset in rrsets + _addresses(INTERNAL, names, topology) if rrset.zone is not None]


def by_endpoint(rrsets: Iterable[PlannedRRset], topology: Topology) -> dict[str, dict[str, list[PlannedRRset]]]:
    """Endpoint -> zone -> its RRsets, in the order of mail_dns and of the declaration."""
    found: dict[str, dict[str, list[PlannedRRset]]] = {key: {} for key in topology.shared.endpoints}
    for rrset in rrsets:
        if rrset.zone is None:
            continue
        keys = [INTERNAL] if rrset.view == INTERNAL else topology.public_endpoints(topology.zones[rrset.zone])
        for key in keys:
            found[key].setdefault(rrset.zone, []).append(rrset)
    return {key: zones for key, zones in found.items() if zones}


def _joined(known: tuple[Address, ...], more: tuple[Address, ...]) -> tuple[Address, ...]:
    """Of hosts that share a name: each address once."""
    return tuple(dict.fromkeys((*known, *more)))


def _public_exchangers(domain: MailDomain, topology: Topology) -> list[tuple[int, str]]:
    backups = [(backup.preference or 0, backup.name) for backup in topology.backups(domain)]
    return [*topology.primaries(domain), *backups]


def _mx(view: str, domain: MailDomain, exchangers: list[tuple[int, str]]) -> PlannedRRset:
    # RFC 7505, section 3: preference 0 and the root as the exchanger.
    values = ["0 ."] if domain.null_mx else [f"{preference} {name}." for preference, name in sorted(exchangers)]
    return PlannedRRset(view, domain.zone, domain.name, "MX", tuple(values), domain.ttl)


def _addresses(view: str, names: dict[str, tuple[Address, ...]], topology: Topology) -> list[PlannedRRset]:
    rrsets = []
    for name, addresses in names.items():
        zone = topology.zone_of(name)
        for type_, version in (("A", 4), ("AAAA", 6)):
            values = tuple(str(address) for address in of_version(addresses, version))
            if values:
                rrsets.append(
                    PlannedRRset(
                        view, zone.name if zone else None, name, type_, values, zone.ttl if zone else DEFAULT_TTL
                    )
                )
    return rrsets
