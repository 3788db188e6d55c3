# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what could not be seen from this vantage, so that nobody takes silence for soundness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import family, label
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "observation-incomplete",
    NOTICE,
    "deadline",
    "The time was up before everything was looked at: what was not is unknown.",
    "Give it more time (deadline), or see what it waits for.",
)
def observation_incomplete(case: Case) -> Iterator[Found]:
    if not case.observation["complete"]:
        yield Found(
            case.vantage,
            "The time was up before everything was looked at.",
            "Give it more time (deadline, mail_verify_deadline), or see what it waits for in the other findings.",
            unknown=True,
        )


@rule(
    "vantage-family",
    NOTICE,
    "RFC 3901",
    "The vantage lacks an address family, so nameservers that have addresses of it were not asked there.",
    "Observe from a host that has IPv4 and IPv6.",
)
def vantage_family(case: Case) -> Iterator[Found]:
    servers = [server for zone in case.zones.values() for server in zone["servers"] if server["address"]]
    for version in (4, 6):
        unasked = [one for one in servers if one["status"] == seen.NO_ROUTE and family(one["address"]) == version]
        if unasked:
            names = listed(list(dict.fromkeys(map(label, unasked))))
            yield Found(
                case.vantage,
                f"This vantage has no IPv{version}, so it did not ask {names}.",
                "Observe from a host that has IPv4 and IPv6 (group mail_vantages).",
                unknown=True,
            )


@rule(
    "port25-vantage",
    NOTICE,
    "RFC 5321, section 4.5.4.1",
    "The vantage itself cannot send on port 25, or has no IPv6: what depends on it is unknown.",
    "Observe from a host that may send on port 25 and has both address families.",
)
def port25_vantage(case: Case) -> Iterator[Found]:
    reasons: dict[str, list[str]] = {}
    for _host, address, port in case.expected_open:
        if case.status(address, port) != seen.OPEN:
            reason = case.blocked(address)
            if reason is None and case.status(address, port) is None:
                reason = "not everything was tried within the time"
            if reason:
                reasons.setdefault(reason, []).append(address)
    for one in case.expected_shut:
        status = case.status(one["address"], one["port"])
        if status == seen.OPEN:
            continue
        reason = case.blocked(one["address"])
        if reason is None and status is None:
            reason = "not everything was tried within the time"
        if reason is None and not case.proven_family(family(one["address"])):
            reason = f"nothing at all answered this vantage on port 25 over IPv{family(one['address'])}"
        if reason:
            reasons.setdefault(reason, []).append(one["address"])
    for reason, addresses in reasons.items():
        yield Found(
            case.vantage or "vantage",
            f"Nothing can be said of {listed(list(dict.fromkeys(addresses)))}: {reason}.",
            "Observe from a host that may send on port 25 and has IPv4 and IPv6 (group mail_vantages).",
            observed=reason,
            unknown=True,
        )
