# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true when the plan is carried out: the question that path_check asks of the world."""

from __future__ import annotations

from itertools import takewhile

from ....module_utils._addresses import Address
from ....module_utils._limits import SMTP_PORT
from ....module_utils._path_check.expectations import (
    OUTSIDE,
    BackupExchanger,
    ExpectedDelivery,
    ExpectedEgress,
    ExpectedExchanger,
    ExpectedPort,
    ExpectedRecord,
)
from ..declaration.domains import INTERNAL, MANUAL
from ..declaration.model import Host
from ..declaration.variables import RELAYS
from ..plan import PlannedExpectations
from ..software import EXCHANGE
from ..topology import Topology
from .manual_steps import addresses_owner, firewall_owner, gateway_is_elsewhere, nat_owner, records_owner
from .rrsets import PUBLIC, PlannedRRset


def expectations(topology: Topology, rrsets: list[PlannedRRset]) -> PlannedExpectations:
    return {
        "records": _records(topology, rrsets),
        "ports": _ports(topology),
        "egress": _egress(topology),
        "smtp": _smtp(topology),
        "backups": _backups(topology),
        "delivery": _delivery(topology),
    }


def _records(topology: Topology, rrsets: list[PlannedRRset]) -> list[ExpectedRecord]:
    """Once for each view, wherever it is hosted. endpoint and zone None: the name is in no zone of ours."""
    ours = {host.named() for host in topology.used_front_ends}
    found: list[ExpectedRecord] = []
    for rrset in rrsets:
        endpoint = None
        if rrset.view == INTERNAL:
            endpoint = INTERNAL
        elif rrset.zone is not None:
            keys = topology.public_endpoints(topology.zones[rrset.zone])
            if not keys:
                continue  # a zone that is known inside only
            endpoint = keys[0]
        asked_of = ""
        if endpoint is not None and topology.shared.endpoints[endpoint] == MANUAL:
            asked_of = records_owner(endpoint)
        elif rrset.zone is None and rrset.view == PUBLIC and rrset.name in ours:
            asked_of = addresses_owner(rrset.name)
        found.append(
            {
                "endpoint": endpoint,
                "view": rrset.view,
                "zone": rrset.zone,
                "name": rrset.name,
                "type": rrset.type,
                "values": list(rrset.values),
                "ttl": rrset.ttl,
                "asked_of": asked_of,
            }
        )
    return found


def _ports(topology: Topology) -> list[ExpectedPort]:
    found: list[ExpectedPort] = []
    for host in topology.used_front_ends:
        for address in _spoken_for(host, topology):
            reaches = _vantages_reach(host, address, topology)
            if reaches is not None:
                why = "mail comes in here" if reaches else "only the networks of mail_accept_from may reach it"
                asked_of = nat_owner(host) if gateway_is_elsewhere(host, topology) else ""
                found.append(_port(host, address, reaches, why, asked_of))
        if host.edge.load_balancer and topology.filters_of(host):
            why = "its mail comes through the load balancer"
            found += [_port(host, address, False, why, "") for address in host.own(4)]
    for server in topology.used_servers_behind_relays:
        relays = " and ".join(relay.name for relay in topology.relays_of(server))
        asked_of = "" if topology.devices_before(server) else firewall_owner(server)
        why = f"its mail comes through {relays}"
        found += [_port(server, address, False, why, asked_of) for address in server.addresses]
    return found


def _spoken_for(host: Host, topology: Topology) -> list[Address]:
    """Its public addresses, without those shared with a host before it: a client cannot choose which it reaches."""
    before = takewhile(lambda other: other is not host, topology.sharing(host))
    shared = {address for other in before for address in other.published}
    return [address for address in host.published if address not in shared]


def _port(host: Host, address: Address, is_open: bool, why: str, asked_of: str) -> ExpectedPort:
    """asked_of: the owner of the request in `manual` that makes it so, empty if we do."""
    return {
        "source": OUTSIDE,
        "host": host.name,
        "address": str(address),
        "port": SMTP_PORT,
        "open": is_open,
        "why": why,
        "asked_of": asked_of,
    }


def _vantages_reach(host: Host, address: Address, topology: Topology) -> bool | None:
    """Whether the vantages may reach the host. None: some may, some not, so that nothing can be expected of all."""
    if not host.accept_from:
        return True
    vantages = [
        one
        for addresses in topology.declaration.vantages.values()
        for one in addresses
        if one.version == address.version
    ]
    verdicts = {any(vantage in network for network in host.accept_from) for vantage in vantages}
    return verdicts.pop() if len(verdicts) == 1 else None if verdicts else False


def _egress(topology: Topology) -> list[ExpectedEgress]:
    found: list[ExpectedEgress] = [
        {"source": host.name, "open": True, "why": "it sends our mail to the outside"}
        for host in topology.used_front_ends
    ]
    found += [
        {"source": server.name, "open": False, "why": "it sends through its relays"}
        for server in topology.used_servers_behind_relays
        if server.software != EXCHANGE  # it cannot be asked: Ansible does not log in there
    ]
    mail_hosts = (*topology.used_front_ends, *topology.used_servers_behind_relays)
    devices = [device for host in mail_hosts for device in topology.devices_before(host)]
    # Which device an insider is behind is not declared: it is expected of all only if all of them see to it.
    if devices and all(device.restrict_egress for device in devices):
        found += [
            {"source": name, "open": False, "why": "only mail hosts send to the outside on port 25"}
            for name in topology.declaration.insiders
        ]
    return found


def _smtp(topology: Topology) -> list[ExpectedExchanger]:
    found: list[ExpectedExchanger] = []
    for host in topology.used_front_ends:
        addresses = [
            str(address) for address in _spoken_for(host, topology) if _vantages_reach(host, address, topology)
        ]
        if addresses:
            domains = [domain.name for domain in topology.domains_of[host.name]]
            found.append(
                {
                    "host": host.name,
                    "fqdn": host.named(),
                    "addresses": addresses,
                    "port": SMTP_PORT,
                    "domains": domains,
                    # A relay that was not told them takes all: its server refuses.
                    "refuses_unknown": RELAYS not in host.groups
                    or all(domain.validates_recipients for domain in topology.domains_of[host.name]),
                    "message_size": topology.shared.message_size,
                }
            )
    return found


def _backups(topology: Topology) -> list[BackupExchanger]:
    """Hosts of others that take the mail of our domains while ours are away. Backups of ours are in `smtp`."""
    return [
        {"fqdn": backup.name, "preference": backup.preference or 0, "domain": domain.name}
        for domain in topology.shared.domains
        for backup in topology.backups_elsewhere(domain)
        if topology.public_endpoints(topology.zones[domain.zone])
    ]


def _delivery(topology: Topology) -> list[ExpectedDelivery]:
    """A message by MX lookup. Not where others stand in front: a message goes to our own hosts alone.

    Nor where the mailboxes are Exchange's, which Ansible cannot read.
    """
    found: list[ExpectedDelivery] = []
    for domain in topology.shared.domains:
        servers = topology.servers[domain.name]
        fronts = topology.front_ends(domain)
        if domain.exchangers or not servers or not topology.public_endpoints(topology.zones[domain.zone]):
            continue
        if any(server.software == EXCHANGE for server in servers):
            continue
        if not all(_vantages_reach(host, address, topology) for host in fronts for address in host.published):
            continue
        names = [server.name for server in servers]
        relays = [host.name for host in fronts if host.name not in names]
        found.append(
            {
                "domain": domain.name,
                "recipient": f"postmaster@{domain.name}",
                "servers": names,
                "path": [relays, names] if relays else [names],
            }
        )
    return found
