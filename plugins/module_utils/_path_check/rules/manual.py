# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: requests to providers and device owners are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "manual-open",
    ERROR,
    PLAN,
    "A request to a provider, or to a device's owner, is not done yet.",
    "Ask again, with the words of the plan's list of requests.",
)
def manual_open(case: Case) -> Iterator[Found]:
    undone: dict[str, list[tuple[str, str]]] = {}
    for record in case.dns.public_records:
        if record["asked_of"]:
            name, rdtype = record["name"], record["type"]
            expected = case.dns.expected_values(name, rdtype) or []
            served = [values for _who, values, _alias in case.dns.said(name, rdtype)]
            if served and any(values != expected for values in served):
                undone.setdefault(record["asked_of"], []).append((name, f"{name} {rdtype} {shown(expected)}"))
    for port in case.expect["ports"]:
        address, number = port["address"], port["port"]
        status = case.reachability.status(address, number)
        if port["asked_of"] and not case.reachability.blocked(address):
            if port["open"] and status in (seen.REFUSED, seen.TIMEOUT):
                undone.setdefault(port["asked_of"], []).append((address, f"port {number} of {address} open"))
            elif not port["open"] and status == seen.OPEN:
                undone.setdefault(port["asked_of"], []).append((address, f"port {number} of {address} closed"))
    for owner, wishes in undone.items():
        yield Found(
            owner,
            f"Not done yet: {listed([wish for _place, wish in wishes])}.",
            "Ask for it again; the words are in the plan's list of requests (inbound.mail.plan).",
            expected=[wish for _place, wish in wishes],
            places=[place for place, _wish in wishes],
        )
