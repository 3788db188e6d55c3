# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: outbound mail leaves from the address that inbound mail arrives at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.reachability import family
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import PLAN, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "outbound-address",
    WARNING,
    PLAN,
    "Outbound mail leaves from an address other than the one where mail comes in: its name and SPF may not match.",
    "Translate what the host sends on port 25 to its public address at the gateway.",
)
def outbound_address(case: Case) -> Iterator[Found]:
    published = {one["host"]: one["addresses"] for one in case.expect["smtp"]}
    for one in case.expect["egress"]:
        for connection in case.observation["connections"]:
            if not one["open"] or connection["source"] != one["source"] or not connection.get("seen_as"):
                continue
            seen_as = connection["seen_as"]
            own = [address for address in published.get(one["source"], []) if family(address) == family(seen_as)]
            if own and seen_as not in own:
                yield Found(
                    one["source"],
                    f"{connection['address']} saw it connect from {seen_as}; mail comes in at {listed(own)}.",
                    f"Translate what {one['source']} sends to port 25 to {own[0]} at the gateway (a flow with the "
                    "action snat), or make the host itself use that address (Postfix: smtp_bind_address).",
                    expected=own,
                    observed=seen_as,
                )
