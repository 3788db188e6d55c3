# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and settings of the declaration that nothing uses."""

from __future__ import annotations

from ..declaration.variables import RELAYS, SERVERS
from ..problems import Report
from ..topology import Topology


def warn_of_idle_hosts(topology: Topology, report: Report) -> None:
    busy = {device.name for host in topology.used_front_ends for device in topology.devices_before(host)}
    busy |= {device.name for host in topology.used_servers_behind_relays for device in topology.devices_before(host)}
    for host in topology.hosts.values():
        if SERVERS in host.groups and host.name not in topology.domains_of:
            report.warning(
                host.name,
                "mail_domains",
                "the server takes mail for no domain: nothing is opened for it",
                "Name it in the 'servers' of a domain, or take it out of mail_servers",
            )
        elif RELAYS in host.groups and host.name not in topology.domains_of:
            report.warning(
                host.name,
                "mail_relays",
                "no server that takes mail is behind the relay: nothing is opened for it",
                "Name it in the mail_relays of a server, or take it out of the group mail_relays",
            )
        elif not host.groups & {SERVERS, RELAYS} and host.name not in busy:
            report.warning(
                host.name,
                "mail_firewalls",
                "no mail host is behind the device: it stays as it is",
                "Name it in the mail_gateway or mail_firewalls of a host, or take it out of its group",
            )


def warn_of_what_is_for_relays(topology: Topology, report: Report) -> None:
    for domain in topology.shared.domains:
        fronts = [*topology.front_ends(domain), *topology.own_backups(domain)]
        if not fronts or any(RELAYS in host.groups for host in fronts):
            continue
        for key, is_set in (("recipients", domain.validates_recipients), ("queue_lifetime", domain.queue_lifetime)):
            if is_set:
                report.warning(
                    "",
                    "mail_domains",
                    f"{domain.name}: {key} has no effect, as no relay is in front of its servers",
                    f"Leave {key} out, or put a relay in front",
                )
