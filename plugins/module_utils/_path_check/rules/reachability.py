# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: who reaches port 25 where, and who must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import MAIL_PORT, family
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    PLAN,
    WARNING,
    Found,
    rule,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def _failed(case: Case, wanted: str) -> Iterator[Found]:
    """Addresses that must answer, and ended with the status `wanted`."""
    for host, address, port in case.expected_open:
        if (
            case.status(address, port) != wanted
            or case.blocked(address)
            or _other_family_stands_in(case, host, address)
        ):
            continue
        if wanted == seen.REFUSED:
            message = f"TCP port {port} of {host} refuses connections from outside."
            remedy = (
                f"See that the mail service on {host} runs and listens on that address (ss -ltn), and that no firewall "
                f"before it rejects: the plan's flows for {address} say where it has to pass."
            )
        else:
            message = f"TCP port {port} of {host} does not answer from outside."
            remedy = (
                f"See that the forward or firewall before {host} lets TCP port {port} to {address} through, and that "
                f"{host} routes its answers back that way. If the vantage's provider blocks port 25, name an address "
                "that is known to answer (controls)."
            )
        yield Found(f"{address} port {port}", message, remedy, expected=seen.OPEN, observed=wanted)


def _other_family_stands_in(case: Case, host: str, address: str) -> bool:
    """An address that nobody declared, while the host answers over the other family: port25-family says so."""
    declared = {one["address"] for one in case.expect["ports"]}
    declared |= {one for exchanger in case.expect["smtp"] for one in exchanger["addresses"]}
    return address not in declared and bool(_answering_families(case, host) - {family(address)})


def _answering_families(case: Case, host: str) -> set[int]:
    return {
        family(address)
        for one, address, port in case.expected_open
        if one == host and case.status(address, port) == seen.OPEN
    }


@rule(
    "port25-refused",
    ERROR,
    PLAN,
    "An exchanger's address refuses connections on port 25.",
    "Start the mail service, let it listen on that address, and let no firewall before it reject.",
)
def port25_refused(case: Case) -> Iterator[Found]:
    yield from _failed(case, seen.REFUSED)


@rule(
    "port25-timeout",
    ERROR,
    PLAN,
    "An exchanger's address does not answer on port 25.",
    "Let the firewall and the NAT forward before it pass TCP port 25, and see that answers find their way back.",
)
def port25_timeout(case: Case) -> Iterator[Found]:
    yield from _failed(case, seen.TIMEOUT)


@rule(
    "port25-family",
    WARNING,
    "RFC 5321, section 5.2",
    "An exchanger answers over IPv4 but not over IPv6, or the reverse.",
    "Make it answer, or take the record of the address that does not out.",
)
def port25_family(case: Case) -> Iterator[Found]:
    for host, address, port in case.expected_open:
        status = case.status(address, port)
        if status not in (seen.REFUSED, seen.TIMEOUT) or case.blocked(address):
            continue
        if _other_family_stands_in(case, host, address):
            other = min(_answering_families(case, host) - {family(address)})
            yield Found(
                host,
                f"It answers over IPv{other}, but not at {address} (IPv{family(address)}).",
                f"Let port {port} through to {address}, or take its {'AAAA' if ':' in address else 'A'} record out.",
                expected=seen.OPEN,
                observed=status,
            )


@rule(
    "port25-forbidden-open",
    ERROR,
    PLAN,
    "A port that must be shut answers from outside.",
    "Let the firewall drop it.",
)
def port25_forbidden_open(case: Case) -> Iterator[Found]:
    for one in case.expected_shut:
        if case.status(one["address"], one["port"]) == seen.OPEN:
            yield Found(
                f"{one['address']} port {one['port']}",
                f"{one['host']} answers from outside, and must not: {one['why']}.",
                f"Let the firewall drop TCP port {one['port']} from outside to {one['address']}.",
                expected="shut",
                observed=seen.OPEN,
            )


@rule(
    "equal-preference-dead",
    ERROR,
    "RFC 5321, section 5.1",
    "One of several exchanges of equal preference does not answer, so a part of all mail is late.",
    "Bring the exchange back, or take its MX record out until it is.",
)
def equal_preference_dead(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        by_preference: dict[int, list[str]] = {}
        for exchange, preference in case.exchanges(domain).items():
            by_preference.setdefault(preference, []).append(exchange)
        for preference, exchanges in by_preference.items():
            states = {
                exchange: [case.status(address) for address in case.addresses(exchange)] for exchange in exchanges
            }
            alive = [exchange for exchange, found in states.items() if seen.OPEN in found]
            dead = [
                exchange
                for exchange, found in states.items()
                if found
                and all(status in (seen.REFUSED, seen.TIMEOUT) for status in found)
                and not any(case.blocked(address) for address in case.addresses(exchange))
            ]
            if alive and dead:
                yield Found(
                    domain,
                    f"{listed(dead)} does not answer, of {len(exchanges)} exchanges of preference {preference}.",
                    f"Bring it back, or take '{domain}. MX {preference} {dead[0]}.' out until it is.",
                    observed=dead,
                )


def _egress(case: Case) -> Iterator[tuple[dict[str, object], dict[str, str]]]:
    """(expectation, target -> status) for each source."""
    for one in case.expect["egress"]:
        tried = {target: case.status(target, MAIL_PORT, str(one["source"])) for target in case.egress_targets}
        yield one, {target: status for target, status in tried.items() if status is not None}


def _listens(case: Case, target: str) -> bool:
    """Whether the target is known to answer: somebody was answered by it."""
    return any(
        one["status"] == seen.OPEN
        for one in case.observation["connections"]
        if one["address"] == target and one["port"] == MAIL_PORT
    )


@rule(
    "egress25-open",
    ERROR,
    PLAN,
    "A host that must not send mail to the outside can reach port 25 there.",
    "Let the firewall drop TCP port 25 from it to the outside.",
)
def egress25_open(case: Case) -> Iterator[Found]:
    for one, tried in _egress(case):
        if one["open"]:
            continue
        reached = [target for target, status in tried.items() if status == seen.OPEN]
        proving = [
            target
            for target, status in tried.items()
            if status in (seen.TIMEOUT, seen.REFUSED) and _listens(case, target)
        ]
        if reached:
            yield Found(
                str(one["source"]),
                f"It reaches port 25 outside, at {listed(reached)}, and must not: {one['why']}.",
                f"Let the firewall drop TCP port 25 from {one['source']} to the outside.",
                expected="shut",
                observed=seen.OPEN,
            )
        elif not proving:
            yield _egress_unknown(case, str(one["source"]), tried)


@rule(
    "egress25-relay-blocked",
    ERROR,
    PLAN,
    "A host that sends our mail to the outside does not reach port 25 there.",
    "Let the firewall accept TCP port 25 from it to the outside.",
)
def egress25_relay_blocked(case: Case) -> Iterator[Found]:
    for one, tried in _egress(case):
        if not one["open"]:
            continue
        blocked = [
            target
            for target, status in tried.items()
            if status in (seen.TIMEOUT, seen.REFUSED) and _listens(case, target)
        ]
        if blocked:
            yield Found(
                str(one["source"]),
                f"It does not reach port 25 outside, at {listed(blocked)}, and must: {one['why']}.",
                f"Let the firewall accept TCP port 25 from {one['source']} to the outside.",
                expected=seen.OPEN,
                observed=tried[blocked[0]],
            )
        elif seen.OPEN not in tried.values():
            yield _egress_unknown(case, str(one["source"]), tried)


def _egress_unknown(case: Case, source: str, tried: dict[str, str]) -> Found:
    if not case.egress_targets:
        message = "No address outside is known that it could try to reach on port 25."
        remedy = "Name one that answers on port 25 (mail_verify_egress_targets), as a vantage with a mail service."
    elif not tried:
        message = "It was not asked whether it reaches port 25 outside: it is down, or not among the hosts of this run."
        remedy = "Run again with this host."
    else:
        message = (
            f"{listed(list(tried))} answers nobody on port 25, so it proves nothing that it does not answer this host."
        )
        remedy = "Name an address outside that answers on port 25 (mail_verify_egress_targets)."
    return Found(source, message, remedy, unknown=True)


@rule(
    "outbound-address",
    WARNING,
    PLAN,
    "Mail to the outside leaves from another address than mail comes in by: its name, and SPF, may not fit.",
    "Let the gateway translate what the host sends on port 25 to its public address.",
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
                    f"{connection['address']} saw it come from {seen_as}; mail comes in by {listed(own)}.",
                    f"Let the gateway send what {one['source']} sends to port 25 from {own[0]} (a flow with the action "
                    "snat), or let the host itself use that address (Postfix: smtp_bind_address).",
                    expected=own,
                    observed=seen_as,
                )
