# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the view from outside and the one from inside: names of one that the other would need."""

from __future__ import annotations

from ....module_utils._addresses import Address
from ..declaration.domains import INTERNAL, MailDomain
from ..declaration.model import Host
from ..problems import Report
from ..topology import Topology


def check_views(topology: Topology, report: Report) -> None:
    for host in topology.used_front_ends:
        _check_front_end(host, topology, report)
    for domain in topology.shared.domains:
        if topology.is_inside_only(topology.zones[domain.zone]):
            _check_domain_inside(domain, topology, report)
        else:
            _check_exchangers_outside(domain, topology, report)
    _warn_of_loops_inside(topology, report)


def _inside_zone_of(name: str, topology: Topology) -> str:
    """The zone of a name that hosts outside cannot look up; empty for any other name."""
    zone = topology.zone_of(name)
    return zone.name if zone is not None and topology.is_inside_only(zone) else ""


def _check_front_end(host: Host, topology: Topology, report: Report) -> None:
    zone = _inside_zone_of(host.fqdn or "", topology)
    outside = [
        domain.name
        for domain in topology.domains_of[host.name]
        if not topology.is_inside_only(topology.zones[domain.zone])
    ]
    if zone and outside:
        report.error(
            host.name,
            "mail_fqdn",
            f"{host.fqdn} is in {zone}, which is known inside only: no sender outside with mail for {outside[0]} "
            "finds its address",
            "Give it a name in a zone that is known outside",
        )


def _check_exchangers_outside(domain: MailDomain, topology: Topology, report: Report) -> None:
    for exchanger in (*topology.backups_elsewhere(domain), *domain.exchangers):
        zone = _inside_zone_of(exchanger.name, topology)
        if zone:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: the MX {exchanger.name} is in {zone}, which is known inside only: no host outside "
                "finds its address",
                "Write the name that it has outside",
            )


def _check_domain_inside(domain: MailDomain, topology: Topology, report: Report) -> None:
    for key, exchangers in (("backup_mx", topology.backups_elsewhere(domain)), ("exchangers", domain.exchangers)):
        if exchangers:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: is known inside only, and {exchangers[0].name}, a host of another operator, can "
                "neither look it up nor ought to know of it",
                f"Take out {key}, or have the zone at an endpoint outside too",
            )


def _warn_of_loops_inside(topology: Topology, report: Report) -> None:
    """In the view from inside, a host that finds its own address under another one's name sends mail to itself."""
    if INTERNAL not in topology.shared.endpoints:
        return
    owners: dict[Address, Host] = {}
    for host in (*topology.used_front_ends, *topology.used_servers_behind_relays):
        for address in host.addresses:
            other = owners.setdefault(address, host)
            if other is not host:
                report.warning(
                    host.name,
                    "mail_addresses",
                    f"{address} is also an address of {other.name}: by the endpoint '{INTERNAL}', mail from one to the "
                    "other would loop",
                    f"Give them different addresses, or take '{INTERNAL}' out of mail_dns",
                )
