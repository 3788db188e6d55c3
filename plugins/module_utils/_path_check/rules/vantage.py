# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the vantage has both address families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import label
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.reachability import family
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "vantage-family",
    NOTICE,
    "RFC 3901",
    "The vantage lacks an address family, so addresses of that family were not queried.",
    "Observe from a host that has IPv4 and IPv6.",
)
def vantage_family(case: Case) -> Iterator[Found]:
    servers = [server for zone in case.dns.zones.values() for server in zone["servers"] if server["address"]]
    for version in (4, 6):
        unasked = [one for one in servers if one["status"] == seen.NO_ROUTE and family(one["address"]) == version]
        if unasked:
            names = listed(list(dict.fromkeys(map(label, unasked))))
            yield Found(
                case.reachability.vantage,
                f"This vantage has no IPv{version}, so it did not query {names}.",
                "Observe from a host that has IPv4 and IPv6 (group mail_vantages).",
                unknown=True,
            )
