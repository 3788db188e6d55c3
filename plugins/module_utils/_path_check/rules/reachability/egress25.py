# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: who sends to port 25 on the internet, and who must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "egress25-open",
    ERROR,
    PLAN,
    "A host that must not send mail to the internet reaches port 25 there.",
    "Make the firewall drop TCP port 25 from it to the outside.",
)
def egress25_open(case: Case) -> Iterator[Found]:
    for one, tried in case.reachability.egress():
        if one["open"]:
            continue
        reached = [target for target, status in tried.items() if status == seen.OPEN]
        proving = [
            target
            for target, status in tried.items()
            if status in (seen.TIMEOUT, seen.REFUSED) and case.reachability.listens(target)
        ]
        if reached:
            yield Found(
                one["source"],
                f"It reaches port 25 at {listed(reached)} outside, and must not: {one['why']}.",
                f"Make the firewall drop TCP port 25 from {one['source']} to the outside.",
                expected="closed",
                observed=seen.OPEN,
            )
        elif not proving:
            yield _egress_unknown(case, one["source"], tried)


@rule(
    "egress25-relay-blocked",
    ERROR,
    PLAN,
    "A host that sends our mail to the internet does not reach port 25 there.",
    "Make the firewall accept TCP port 25 from it to the outside.",
)
def egress25_relay_blocked(case: Case) -> Iterator[Found]:
    for one, tried in case.reachability.egress():
        if not one["open"]:
            continue
        blocked = [
            target
            for target, status in tried.items()
            if status in (seen.TIMEOUT, seen.REFUSED) and case.reachability.listens(target)
        ]
        if blocked:
            yield Found(
                one["source"],
                f"It does not reach port 25 at {listed(blocked)} outside, and must: {one['why']}.",
                f"Make the firewall accept TCP port 25 from {one['source']} to the outside.",
                expected=seen.OPEN,
                observed=tried[blocked[0]],
            )
        elif seen.OPEN not in tried.values():
            yield _egress_unknown(case, one["source"], tried)


def _egress_unknown(case: Case, source: str, tried: dict[str, str]) -> Found:
    if not case.reachability.egress_targets:
        message = "There is no address outside to try on port 25."
        remedy = "Name one that answers on port 25 (mail_verify_egress_targets), such as a vantage with a mail service."
    elif not tried:
        message = "Whether it reaches port 25 outside was not tried: it is down, or not in this run."
        remedy = "Run again with this host."
    else:
        message = f"{listed(list(tried))} answers no host on port 25, so its silence to this one proves nothing."
        remedy = "Name an address outside that answers on port 25 (mail_verify_egress_targets)."
    return Found(source, message, remedy, unknown=True)
