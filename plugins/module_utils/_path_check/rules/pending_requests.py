# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what was asked of somebody, because no part of ours can do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "manual-open",
    ERROR,
    PLAN,
    "Something that was asked of a provider, or of a device's owner, is not done yet.",
    "Ask again, with the words of the plan's list of requests.",
)
def manual_open(case: Case) -> Iterator[Found]:
    undone: dict[str, list[str]] = {}
    for record in case.public_records:
        if record["asked_of"]:
            name, rdtype = record["name"], record["type"]
            expected = case.expected_values(name, rdtype) or []
            served = [values for _who, values, _alias in case.said(name, rdtype)]
            if served and any(values != expected for values in served):
                undone.setdefault(record["asked_of"], []).append(f"{name} {rdtype} {shown(expected)}")
    for port in case.expect["ports"]:
        status = case.status(port["address"], port["port"])
        if port["asked_of"] and not case.blocked(port["address"]):
            if port["open"] and status in (seen.REFUSED, seen.TIMEOUT):
                undone.setdefault(port["asked_of"], []).append(f"port {port['port']} of {port['address']} open")
            elif not port["open"] and status == seen.OPEN:
                undone.setdefault(port["asked_of"], []).append(f"port {port['port']} of {port['address']} shut")
    for owner, wishes in undone.items():
        yield Found(
            owner,
            f"Not done yet: {listed(wishes)}.",
            "Ask for it again; the words are in the plan's list of requests (inbound.mail.plan).",
            expected=wishes,
        )
