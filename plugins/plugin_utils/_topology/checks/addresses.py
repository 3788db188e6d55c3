# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that two hosts have, and return traffic that would leave through another device.

Inside, the same address may be in another network elsewhere, but not for a host that talks to both.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....module_utils._addresses import Address
from ..declaration.model import Host
from ..declaration.variables import FIREWALLS, GATEWAYS
from ..problems import Report
from ..topology import Topology


def check_public_addresses(topology: Topology, report: Report) -> None:
    """A public address leads to one host: that of a device may be forwarded, but not be a host's own as well."""
    claimed: dict[Address, tuple[str, str]] = {}
    for host in topology.declaration.mail_hosts():
        for address in host.published:
            variable = "mail_public_addresses" if address in host.public_addresses else "mail_addresses"
            other = topology.hosts[claimed[address][0]] if address in claimed else host
            if other not in topology.sharing(host):
                report.error(
                    host.name,
                    variable,
                    f"{address} is already the public address of {other.name}: port 25 of it can lead to one host only",
                    "Give each its own, or put a relay in front of both; several behind one address have one mail_fqdn",
                )
            claimed.setdefault(address, (host.name, variable))
    for device in topology.hosts.values():
        for address in device.addresses:
            owner, variable = claimed.get(address, (device.name, ""))
            if owner != device.name and variable == "mail_addresses":
                report.error(
                    device.name,
                    "mail_addresses",
                    f"{address} is also an address of {owner}",
                    "Correct the one that is wrong",
                )


def check_way_back(topology: Topology, report: Report) -> None:
    """Return traffic must leave through the device that translated the request, or the client drops it."""
    owners: dict[Address, list[Host]] = {}
    for device in topology.hosts.values():
        if device.groups & {GATEWAYS, FIREWALLS}:
            for address in device.addresses:
                owners.setdefault(address, []).append(device)
    for host in topology.declaration.mail_hosts():
        gateway = topology.gateway_of(host)
        if gateway is None or gateway is host:
            continue
        for address in host.public_addresses:
            others = [device.name for device in owners.get(address, []) if device.name != gateway.name]
            if others and address not in gateway.addresses:
                report.error(
                    host.name,
                    "mail_gateway",
                    f"its way back is not through {gateway.name}: mail for {address} comes in at {others[0]}, "
                    "which has that address",
                    f"Write mail_gateway: {others[0]}, or a public address of {gateway.name}",
                )
        inside = [address for address in gateway.own(4) if address not in host.public_addresses]
        if gateway.own(4) and not inside:
            report.error(
                host.name,
                "mail_gateway",
                f"its way back is not through {gateway.name}, which has no IPv4 address inside",
                f"Add the inside address of {gateway.name} to its mail_addresses, or name the device that leads inside",
            )


def check_own_addresses(topology: Topology, report: Report) -> None:
    told: set[tuple[Address, frozenset[str]]] = set()
    for hub, around in _neighbourhoods(topology):
        owners: dict[Address, Host] = dict.fromkeys(hub.addresses, hub)
        for host in around:
            for address in host.addresses:
                owner = owners.setdefault(address, host)
                claim = (address, frozenset((owner.name, host.name)))
                # Of public addresses check_public_addresses says more.
                if owner is not host and claim not in told and address not in (*owner.published, *host.published):
                    told.add(claim)
                    report.error(
                        host.name,
                        "mail_addresses",
                        f"{address} is also an address of {owner.name}, and mail for one would reach the other",
                        "Correct the one that is wrong",
                    )


def _neighbourhoods(topology: Topology) -> Iterator[tuple[Host, list[Host]]]:
    """A host in the middle, and those that it tells apart by their addresses."""
    around: dict[str, list[Host]] = {}
    for host in topology.declaration.mail_hosts():
        for hub in (*topology.relays_of(host), *topology.devices_before(host)):
            if hub is not host:
                around.setdefault(hub.name, []).append(host)
    for name, hosts in around.items():
        yield topology.hosts[name], hosts
