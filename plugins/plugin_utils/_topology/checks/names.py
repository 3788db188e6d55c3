# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of mail hosts and exchangers: each is of one host, or of several that share all that the world sees."""

from __future__ import annotations

from ....module_utils._addresses import Address
from ..declaration.model import Host
from ..declaration.readers import mail_domain
from ..declaration.variables import NAT
from ..problems import Report, Unfit
from ..topology import Topology
from .shared_names import check_shared_name


def check_names(topology: Topology, report: Report) -> None:
    """One name, one host: two with one name have two sets of addresses, and Postfix takes its own name for a loop."""
    owners: dict[str, Host] = {}
    for host in topology.declaration.mail_hosts():
        if host.fqdn is None:
            continue
        other = owners.setdefault(host.fqdn, host)
        if other is not host and host.topology == other.topology == NAT:
            check_shared_name(other, host, topology, report)
        elif other is not host:
            report.error(
                host.name,
                "mail_fqdn",
                f"{host.fqdn} is also the name of {other.name}: one name with two different sets of addresses",
                "Give each its own name: several with equal mail_preference share the load",
            )
    for server in topology.used_servers_behind_relays:
        name = topology.server_name(server)
        if server.fqdn is None and (reason := _reason_against(name)):
            report.error(
                server.name,
                "mail_fqdn",
                f"is not set, and the host's name in the inventory does not do for it: {reason}",
                "Write the name that it greets its relays with, as mailbox.example.org",
            )
        elif server.fqdn is None and name in owners:
            report.error(
                server.name,
                "mail_fqdn",
                f"is not set, and {name}, which it would be, is the name of {owners[name].name}",
                "Write a name of its own, which no MX points to",
            )
    addresses: dict[str, tuple[str, set[Address]]] = {}
    for domain in topology.shared.domains:
        ours = {backup.fqdn for backup in topology.own_backups(domain)}
        for exchanger in (*domain.exchangers, *(backup for backup in domain.backups if backup.name not in ours)):
            if exchanger.name in owners:
                report.error(
                    "",
                    "mail_domains",
                    f"{domain.name}: {exchanger.name} is {owners[exchanger.name].name}, a host of ours",
                    "Take it out here: hosts of ours become mail exchangers by 'servers', and relays by backup_mx too",
                )
            if not exchanger.addresses:
                continue
            first, known = addresses.setdefault(exchanger.name, (domain.name, set(exchanger.addresses)))
            if known != set(exchanger.addresses):
                report.error(
                    "",
                    "mail_domains",
                    f"{domain.name}: {exchanger.name} has other addresses than in {first}: one name with two different "
                    "sets of addresses",
                    "Write the same addresses in both, or two names",
                )


def _reason_against(name: str) -> str:
    """Why a mail host cannot have this name; nothing if it can."""
    try:
        mail_domain(name)
    except Unfit as unfit:
        return unfit.message
    return ""
