# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hosts the zones: each names endpoints of mail_dns, and the same ones wherever it is named."""

from __future__ import annotations

from ..declaration.domains import DEFAULT_ENDPOINT, INTERNAL
from ..problems import Report
from ..topology import Topology


def check_endpoints(topology: Topology, report: Report) -> None:
    known = topology.shared.endpoints
    entries = [("mail_zones", zone.name, zone.name, zone.endpoints) for zone in topology.shared.zones]
    entries += [("mail_domains", domain.name, domain.zone, domain.endpoints) for domain in topology.shared.domains]
    for variable, name, zone, endpoints in entries:
        for key in endpoints:
            if key not in known:
                report.error(
                    "",
                    variable,
                    f"{name}: mail_dns has no '{key}'",
                    f"Write one of its keys: {', '.join(known) or 'it has none'}",
                )
        if not endpoints and known and not topology.default_endpoints:
            if list(known) == [INTERNAL]:
                remedy = (
                    f"Add an endpoint '{DEFAULT_ENDPOINT}' to mail_dns, or write dns: {INTERNAL} for a domain that is "
                    "known inside only"
                )
            else:
                keys = " or ".join(key for key in known if key != INTERNAL)
                remedy = f"Write dns: {keys}, or call one of them '{DEFAULT_ENDPOINT}'"
            report.error(
                "", variable, f"{name}: does not say who hosts it, and mail_dns has no '{DEFAULT_ENDPOINT}'", remedy
            )
        first = topology.zones[zone].endpoints
        if (endpoints or topology.default_endpoints) != (first or topology.default_endpoints):
            report.error(
                "",
                variable,
                f"{name}: the zone {zone} is said to be hosted elsewhere by another entry",
                "Write the same dns in both",
            )
    names = set(topology.zones)
    for domain in topology.shared.domains:
        if domain.name != domain.zone and not domain.name.endswith(f".{domain.zone}"):
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: is not in the zone {domain.zone}",
                "Write the zone that the domain is in, or leave 'zone' out",
            )
        above = domain.name.partition(".")[2]
        while above and above not in names:
            above = above.partition(".")[2]
        if above and not domain.zone_declared:
            report.warning(
                "",
                "mail_domains",
                f"{domain.name}: is taken for a zone of its own, beside {above}",
                f"If its records are in {above}, write zone: {above}; if not, write zone: {domain.name}",
            )
