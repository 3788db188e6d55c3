# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a zone has a delegation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "zone-not-delegated",
    ERROR,
    "RFC 1034, section 4.2.1",
    "The parent zone has no NS records for the zone.",
    "Ask the registrar, or the operator of the parent zone, to add NS records for it.",
)
def zone_not_delegated(case: Case) -> Iterator[Found]:
    for zone in case.dns.zones.values():
        if zone["delegated"] is None:
            yield Found(
                zone["name"],
                f"Neither its parent nor the resolvers ({listed(case.observation['resolvers'])}) answered who "
                "serves it.",
                "Check that this vantage reaches its resolvers, or name others (resolvers).",
                unknown=True,
            )
        elif not zone["delegated"]:
            yield Found(
                zone["name"],
                "The parent zone has no NS records for it, so it cannot be found on the internet.",
                f"Ask the registrar of the domain to add NS records for {zone['name']} to the parent zone.",
            )
