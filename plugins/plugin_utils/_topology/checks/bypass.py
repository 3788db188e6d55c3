# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on which mail can come past a filtering service or a firewall."""

from __future__ import annotations

from ....module_utils._addresses import special_purpose
from ..declaration.domains import INTERNAL, MailDomain
from ..problems import Report
from ..topology import Topology, of_version


def warn_of_open_front_ends(domain: MailDomain, topology: Topology, report: Report) -> None:
    for host in topology.front_ends(domain):
        if not host.accept_from:
            report.warning(
                host.name,
                "mail_accept_from",
                f"any host can deliver mail for {domain.name} past {domain.exchangers[0].name}",
                "Write the networks of the service that stands in front",
            )
    if INTERNAL in topology.shared.endpoints and topology.front_ends(domain):
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: mail from inside goes straight to the server, past {domain.exchangers[0].name}",
            "Leave it so, or take 'internal' out of mail_dns",
        )


def warn_of_ways_around(topology: Topology, report: Report) -> None:
    for server in topology.used_servers_behind_relays:
        public = [
            address for address in server.addresses if special_purpose(address, topology.shared.public_networks) is None
        ]
        if public and not topology.devices_before(server):
            report.warning(
                server.name,
                "mail_firewalls",
                f"no device that Ansible manages keeps outsiders from {', '.join(map(str, public))}",
                "Name the firewall in front of the server, or see to it as the plan's list 'manual' says",
            )
    for server in topology.used_servers_behind_relays:
        for relay in topology.relays_of(server):
            if any(report.concerns(host.name, "mail_addresses") for host in (server, relay)):
                continue
            if not any(of_version(relay.addresses, version) and server.own(version) for version in (4, 6)):
                report.error(
                    server.name,
                    "mail_relays",
                    f"the server and its relay {relay.name} have no address family in common",
                    "Give both an IPv4 or both an IPv6 address in mail_addresses",
                )
