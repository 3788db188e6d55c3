# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts behind one name and the same public addresses: it must make no difference whom a sender meets there."""

from __future__ import annotations

from ..declaration.model import Host
from ..problems import Report
from ..topology import Topology


def check_shared_name(first: Host, host: Host, topology: Topology, report: Report) -> None:
    """first, host: behind NAT, with one mail_fqdn."""
    compared = {
        "mail_public_addresses": (first.public_addresses, host.public_addresses),
        "mail_gateway": (first.gateway, host.gateway),
        "mail_preference": (first.preference, host.preference),
        "mail_load_balancer": (first.edge.load_balancer, host.edge.load_balancer),
        "mail_accept_from": (first.accept_from, host.accept_from),
    }
    for variable, (one, other) in compared.items():
        if one != other:
            report.error(
                host.name,
                variable,
                f"is not that of {first.name}, with which it shares the name {host.fqdn}",
                f"Write the same as at {first.name}, or give each its own mail_fqdn",
            )
    domains = [[domain.name for domain in topology.domains_of.get(one.name, ())] for one in (first, host)]
    if domains[0] != domains[1]:
        report.error(
            host.name,
            "mail_domains",
            f"it takes mail for {_listed(domains[1])}, and {first.name}, with which it shares the name {host.fqdn}, "
            f"for {_listed(domains[0])}",
            "Let both take the same domains, or give each its own mail_fqdn",
        )


def _listed(domains: list[str]) -> str:
    return ", ".join(domains) or "no domain"
