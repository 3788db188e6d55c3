# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of a declaration, in the order in which problems are told: reading builds, and this judges afterwards."""

from __future__ import annotations

from ..problems import Report
from ..topology import Topology
from .addresses import check_own_addresses, check_public_addresses, check_way_back
from .backups import check_own_backups
from .bypass import warn_of_ways_around
from .domains import check_servers
from .endpoints import check_endpoints
from .exchangers import check_exchangers
from .hosts import check_host
from .loops import check_loops
from .names import check_names
from .references import check_references
from .split_horizon import check_views
from .unused import warn_of_idle_hosts, warn_of_what_is_for_relays


def check(topology: Topology, report: Report) -> None:
    for host in topology.hosts.values():
        check_host(host, topology.shared, report)
    for host in topology.declaration.mail_hosts():
        check_references(host, topology, report)
    check_loops(topology, report)
    check_public_addresses(topology, report)
    check_own_addresses(topology, report)
    check_way_back(topology, report)
    check_endpoints(topology, report)
    check_names(topology, report)
    for domain in topology.shared.domains:
        check_servers(domain, topology, report)
        check_exchangers(domain, topology, report)
        check_own_backups(domain, topology, report)
    if not report.errors:
        warn_of_idle_hosts(topology, report)
    warn_of_what_is_for_relays(topology, report)
    warn_of_ways_around(topology, report)
    check_views(topology, report)
