# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts in a declaration: each is in the inventory, and in a group that fits."""

from __future__ import annotations

from ..declaration.model import Host
from ..declaration.variables import FIREWALLS, GATEWAYS, NAT, RELAY, RELAYS, SERVERS
from ..problems import Report
from ..topology import Topology


def check_references(host: Host, topology: Topology, report: Report) -> None:
    def check_each(variable: str, names: tuple[str, ...], groups: tuple[str, ...]) -> None:
        wanted = " or ".join(groups)
        for name in names:
            known = topology.hosts.get(name)
            if known is None:
                report.error(
                    host.name,
                    variable,
                    f"'{name}' is not in the inventory, or in none of our groups",
                    f"Put {name} into the group {wanted}, or correct the name",
                )
            elif not known.groups & set(groups):
                report.error(
                    host.name,
                    variable,
                    f"{name} is not in the group {wanted}",
                    f"Put {name} into the group {groups[0]}, or name another host",
                )

    if host.topology == NAT and host.gateway:
        check_each("mail_gateway", (host.gateway,), (GATEWAYS,))
    if host.topology == RELAY:
        check_each("mail_relays", host.relays, (RELAYS,))
    check_each("mail_firewalls", host.firewalls, (FIREWALLS, GATEWAYS))
    if host.topology == RELAY and host.groups & {GATEWAYS, FIREWALLS}:
        report.error(
            host.name,
            "mail_topology",
            "a server behind relays cannot be a gateway or firewall as well: a device filters what it routes, not its "
            "own port 25",
            "Put the mailboxes on a host behind it, or write mail_topology: direct",
        )
    if host.groups >= {SERVERS, RELAYS} and host.topology != RELAY:
        report.error(
            host.name,
            "mail_topology",
            "the host is in mail_servers and mail_relays, and one Postfix cannot be both",
            "Take it out of one of the groups: a server with mailboxes of its own is a mail_server",
        )
