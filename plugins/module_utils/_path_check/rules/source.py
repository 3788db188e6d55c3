# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the first of our hosts sees the sender's own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "source-translated",
    ERROR,
    PLAN,
    "The first of our hosts saw an address other than the sender's, so spam filters and SPF judge the wrong host.",
    "Do not translate the source address of mail from outside.",
)
def source_translated(case: Case) -> Iterator[Found]:
    ours = {address for one in case.expect["smtp"] for address in one["addresses"]}
    for expected, sent, traces in case.delivery.messages():
        own = sent["attempts"][-1]["local_address"] if sent["attempts"] else None
        for trace in traces:
            saw = trace["hops"][0]["address"] if trace["hops"] else ""
            if not own or not saw or saw == own:
                continue
            # A vantage behind NAT of its own is seen by an address that it does not know.
            if case.reachability.not_public(own) and not case.reachability.not_public(saw) and saw not in ours:
                continue
            yield Found(
                expected["recipient"],
                f"{trace['hops'][0]['by']} saw the message arrive from {saw}, but it was sent from {own}.",
                "Do not translate source addresses (masquerade, SNAT) of what is forwarded from outside to port "
                "25, and make the server route return traffic through the gateway.",
                expected=own,
                observed=saw,
            )
