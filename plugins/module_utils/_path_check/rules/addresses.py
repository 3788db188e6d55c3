# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the names that MX records point to, and their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.mx_targets import misnamed
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def _served(case: Case) -> dict[str, list[str]]:
    """Each exchange that an MX record names, with the domains that do."""
    found: dict[str, list[str]] = {}
    for domain in case.mail_domains:
        for exchange in case.exchanges(domain):
            found.setdefault(exchange, []).append(domain)
    return found


@rule(
    "mx-target-no-address",
    ERROR,
    "RFC 5321, section 5.1",
    "An MX record names a host that has neither an A nor an AAAA record.",
    "Write the host's address record, or let the MX record name a host that has one.",
)
def mx_target_no_address(case: Case) -> Iterator[Found]:
    wrong = misnamed(case)
    for exchange, domains in _served(case).items():
        if case.addresses(exchange) or exchange in wrong:
            continue
        expected = [
            f"{exchange}. {rdtype} {value}"
            for rdtype in ("A", "AAAA")
            for value in case.expected_values(exchange, rdtype) or []
        ]
        if case.was_resolved(exchange):
            yield Found(
                exchange,
                f"The MX of {_some(domains)} names it, and it has no address.",
                f"Write {shown(expected)}." if expected else f"Write an A or AAAA record for {exchange}.",
                expected=expected or None,
                observed=[],
            )
        else:
            yield Found(
                exchange,
                f"The MX of {_some(domains)} names it; whether it has an address could not be found out.",
                "See which of its zone's nameservers do not answer.",
                unknown=True,
            )


@rule(
    "mx-target-cname",
    ERROR,
    "RFC 2181, section 10.3",
    "An MX record names an alias (CNAME).",
    "Let the MX record name the host itself.",
)
def mx_target_cname(case: Case) -> Iterator[Found]:
    for exchange, domains in _served(case).items():
        aliases = {alias for rdtype in ("A", "AAAA") for _who, _values, alias in case.said(exchange, rdtype) if alias}
        for alias in sorted(aliases):
            yield Found(
                exchange,
                f"The MX of {_some(domains)} names it, but it is an alias of {alias}.",
                f"Let the MX record name {alias}, or give {exchange} address records of its own in place of the CNAME.",
                observed=alias,
            )


@rule(
    "address-differs",
    ERROR,
    PLAN,
    "The addresses of a mail host are not the declared ones.",
    "Write the declared records: run inbound.mail.site, or change the declaration.",
)
def address_differs(case: Case) -> Iterator[Found]:
    # A host of which one kind of address is declared has none of the other.
    hosts = dict.fromkeys(record["name"] for record in case.public_records if record["type"] in ("A", "AAAA"))
    for name, rdtype in ((name, rdtype) for name in hosts for rdtype in ("A", "AAAA")):
        expected = case.expected_values(name, rdtype) or []
        served = {tuple(values) for _who, values, _alias in case.said(name, rdtype)}
        if not served or tuple(expected) in served:
            continue
        if not case.addresses(name) and name in _served(case):
            continue  # mx-target-no-address
        for values in sorted(served):
            yield Found(
                f"{name} {rdtype}",
                f"It is {shown(values)} instead of {shown(expected)}.",
                f"Make it {shown(f'{name}. {rdtype} {value}' for value in expected)}: run inbound.mail.site, or change "
                "the declaration."
                if expected
                else f"Remove the {rdtype} record, or declare the address.",
                expected=expected,
                observed=list(values),
            )


@rule(
    "target-address-inconsistent",
    ERROR,
    "RFC 1034, section 4.3.5",
    "The nameservers of the zone serve different addresses of a mail host.",
    "See why the server that differs does not transfer the zone.",
)
def target_address_inconsistent(case: Case) -> Iterator[Found]:
    names = dict.fromkeys(
        [*_served(case), *(one["name"] for one in case.public_records if one["type"] in ("A", "AAAA"))]
    )
    for name in names:
        for rdtype in ("A", "AAAA"):
            said = case.said(name, rdtype)
            if len({tuple(values) for _who, values, _alias in said}) > 1:
                words = "; ".join(f"{who}: {shown(values)}" for who, values, _alias in said)
                yield Found(
                    f"{name} {rdtype}",
                    f"The nameservers serve different addresses: {harmless(words)}.",
                    "See why they do not have the same version of the zone: their logs, NOTIFY, allow-transfer.",
                    expected=case.expected_values(name, rdtype),
                    observed={who: values for who, values, _alias in said},
                )


@rule(
    "address-not-public",
    ERROR,
    "RFC 6890",
    "A mail host's public record has an address that nobody on the internet can reach.",
    "Write the public address: behind NAT that of the gateway.",
)
def address_not_public(case: Case) -> Iterator[Found]:
    for exchange, domains in _served(case).items():
        for address in case.addresses(exchange):
            meaning = case.not_public(address)
            if meaning:
                yield Found(
                    exchange,
                    f"The MX of {_some(domains)} leads to {address}, which is {meaning}: nobody outside reaches it.",
                    f"Write the public address of {exchange}, behind NAT that of the gateway. In a laboratory, name "
                    "the network in mail_public_networks (public_networks).",
                    observed=address,
                )


def _some(domains: list[str]) -> str:
    return ", ".join(domains[:3]) + (f" and {len(domains) - 3} more" if len(domains) > 3 else "")
