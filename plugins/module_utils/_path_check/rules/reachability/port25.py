# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: port 25 answers from outside where it must, and only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.reachability import family
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    NOTICE,
    PLAN,
    WARNING,
    Found,
    rule,
)
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def _failed(case: Case, wanted: str) -> Iterator[Found]:
    """Addresses that must answer, and ended with the status `wanted`."""
    for host, address, port in case.reachability.expected_open:
        if (
            case.reachability.status(address, port) != wanted
            or case.reachability.blocked(address)
            or case.reachability.other_family_answers(host, address)
        ):
            continue
        if wanted == seen.REFUSED:
            message = f"TCP port {port} of {host} refuses connections from outside."
            remedy = (
                f"Check that the mail service on {host} runs and listens on that address (ss -ltn), and that no "
                f"firewall before it rejects: the plan's flows for {address} show its path."
            )
        else:
            message = f"TCP port {port} of {host} does not answer from outside."
            remedy = (
                f"Check that the forward or firewall before {host} passes TCP port {port} to {address}, and that "
                f"{host} routes return traffic back that way. If the vantage's provider blocks port 25, name an "
                "address known to answer (controls)."
            )
        yield Found(f"{address} port {port}", message, remedy, expected=seen.OPEN, observed=wanted, places=[address])


@rule(
    "port25-refused",
    ERROR,
    PLAN,
    "An exchanger's address refuses connections on port 25.",
    "Start the mail service, make it listen on that address, and remove any firewall rule before it that rejects.",
)
def port25_refused(case: Case) -> Iterator[Found]:
    yield from _failed(case, seen.REFUSED)


@rule(
    "port25-timeout",
    ERROR,
    PLAN,
    "An exchanger's address does not answer on port 25.",
    "Make the firewall and the NAT forward before it pass TCP port 25, and check the return path.",
)
def port25_timeout(case: Case) -> Iterator[Found]:
    yield from _failed(case, seen.TIMEOUT)


@rule(
    "port25-family",
    WARNING,
    "RFC 5321, section 5.2",
    "An exchanger answers over IPv4 but not over IPv6, or the reverse.",
    "Make it answer, or remove the record of the address that does not.",
)
def port25_family(case: Case) -> Iterator[Found]:
    for host, address, port in case.reachability.expected_open:
        status = case.reachability.status(address, port)
        if status not in (seen.REFUSED, seen.TIMEOUT) or case.reachability.blocked(address):
            continue
        if case.reachability.other_family_answers(host, address):
            other = min(case.reachability.answering_families(host) - {family(address)})
            yield Found(
                host,
                f"It answers over IPv{other}, but not at {address} (IPv{family(address)}).",
                f"Allow port {port} to {address}, or remove its {'AAAA' if ':' in address else 'A'} record.",
                expected=seen.OPEN,
                observed=status,
            )


@rule(
    "port25-forbidden-open",
    ERROR,
    PLAN,
    "A port that must be closed answers from outside.",
    "Make the firewall drop it.",
)
def port25_forbidden_open(case: Case) -> Iterator[Found]:
    for one in case.reachability.expected_closed:
        if case.reachability.status(one["address"], one["port"]) == seen.OPEN:
            yield Found(
                f"{one['address']} port {one['port']}",
                f"{one['host']} answers from outside, and must not: {one['why']}.",
                f"Make the firewall drop TCP port {one['port']} from outside to {one['address']}.",
                expected="closed",
                observed=seen.OPEN,
                places=[one["address"]],
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
    for _host, address, port in case.reachability.expected_open:
        if case.reachability.status(address, port) != seen.OPEN:
            reason = case.reachability.blocked(address)
            if reason is None and case.reachability.status(address, port) is None:
                reason = "time ran out before everything was tried"
            if reason:
                reasons.setdefault(reason, []).append(address)
    for one in case.reachability.expected_closed:
        status = case.reachability.status(one["address"], one["port"])
        if status == seen.OPEN:
            continue
        reason = case.reachability.blocked(one["address"])
        if reason is None and status is None:
            reason = "time ran out before everything was tried"
        if reason is None and not case.reachability.proven_family(family(one["address"])):
            reason = f"no address answered this vantage on port 25 over IPv{family(one['address'])}"
        if reason:
            reasons.setdefault(reason, []).append(one["address"])
    for reason, addresses in reasons.items():
        yield Found(
            case.reachability.vantage or "vantage",
            f"The state of {listed(list(dict.fromkeys(addresses)))} is unknown: {reason}.",
            "Observe from a host that may send on port 25 and has IPv4 and IPv6 (group mail_vantages).",
            observed=reason,
            unknown=True,
        )
