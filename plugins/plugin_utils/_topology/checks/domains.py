# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail domains: each has servers that are ours, or says that it takes no mail."""

from __future__ import annotations

from ..declaration.domains import MailDomain
from ..declaration.variables import RELAY, SERVERS
from ..problems import Report
from ..topology import Topology


def check_servers(domain: MailDomain, topology: Topology, report: Report) -> None:
    for name in domain.servers or ():
        host = topology.hosts.get(name)
        if host is None or SERVERS not in host.groups:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: '{name}' is no mail server",
                f"Put {name} into the group mail_servers, or correct the name",
            )
    if domain.null_mx:
        others = [
            key
            for key, value in (
                ("servers", domain.servers),
                ("backup_mx", domain.backups),
                ("exchangers", domain.exchangers),
            )
            if value
        ]
        if others:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: a null MX says that the domain takes no mail, and {' and '.join(others)} that it does "
                "(RFC 7505)",
                f"Take out null_mx, or {' and '.join(others)}",
            )
    elif not topology.servers[domain.name] and not domain.servers and not domain.exchangers and topology.all_servers:
        report.error(
            "",
            "mail_domains",
            f"{domain.name}: has no server",
            "Name its servers, or write null_mx: true if it takes no mail",
        )
    elif {server.topology for server in topology.servers[domain.name]} > {RELAY}:
        direct = [server.name for server in topology.servers[domain.name] if server.topology != RELAY]
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: mail can come past its relays, straight to {', '.join(direct)}",
            f"Put {', '.join(direct)} behind the relays too, or name the domain's servers",
        )
