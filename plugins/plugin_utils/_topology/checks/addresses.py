# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses inside that two hosts have: elsewhere the same may be another network, but not for who talks to both."""

from __future__ import annotations

from collections.abc import Iterator

from ....module_utils._addresses import Address
from ..declaration.model import Host
from ..problems import Report
from ..topology import Links


def check_own_addresses(links: Links, report: Report) -> None:
    told: set[tuple[Address, frozenset[str]]] = set()
    for hub, around in _neighbourhoods(links):
        owners: dict[Address, Host] = dict.fromkeys(hub.addresses, hub)
        for host in around:
            for address in host.addresses:
                owner = owners.setdefault(address, host)
                claim = (address, frozenset((owner.name, host.name)))
                # Of what the world sees, domains.py says more.
                if owner is not host and claim not in told and address not in (*owner.published, *host.published):
                    told.add(claim)
                    report.error(
                        host.name,
                        "mail_addresses",
                        f"{address} is also an address of {owner.name}, and mail for one would reach the other",
                        "Correct the one that is wrong",
                    )


def _neighbourhoods(links: Links) -> Iterator[tuple[Host, list[Host]]]:
    """A host in the middle, and those that it tells apart by their addresses."""
    around: dict[str, list[Host]] = {}
    for host in links.declaration.mail_hosts():
        for hub in (*links.relays_of(host), *links.devices_before(host)):
            if hub is not host:
                around.setdefault(hub.name, []).append(host)
    for name, hosts in around.items():
        yield links.hosts[name], hosts
