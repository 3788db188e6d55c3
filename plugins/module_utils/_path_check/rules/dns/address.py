# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: mail hosts have the declared, public addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "address-differs",
    ERROR,
    PLAN,
    "The addresses of a mail host are not the declared ones.",
    "Publish the declared records: run inbound.mail.site, or change the declaration.",
)
def address_differs(case: Case) -> Iterator[Found]:
    # A host of which one kind of address is declared has none of the other.
    hosts = dict.fromkeys(record["name"] for record in case.dns.public_records if record["type"] in ("A", "AAAA"))
    for name, rdtype in ((name, rdtype) for name in hosts for rdtype in ("A", "AAAA")):
        expected = case.dns.expected_values(name, rdtype) or []
        served = {tuple(values) for _who, values, _alias in case.dns.said(name, rdtype)}
        if not served or tuple(expected) in served:
            continue
        if not case.dns.addresses(name) and name in case.dns.mx_targets():
            continue  # mx-target-no-address
        for values in sorted(served):
            yield Found(
                f"{name} {rdtype}",
                f"It is {shown(values)} instead of {shown(expected)}.",
                f"Change it to {shown(f'{name}. {rdtype} {value}' for value in expected)}: run inbound.mail.site, "
                "or change the declaration."
                if expected
                else f"Remove the {rdtype} record, or declare the address.",
                expected=expected,
                observed=list(values),
                places=[name],
            )


@rule(
    "target-address-inconsistent",
    ERROR,
    "RFC 1034, section 4.3.5",
    "The name servers of the zone serve different addresses of a mail host.",
    "Find out why the differing server does not transfer the zone.",
)
def target_address_inconsistent(case: Case) -> Iterator[Found]:
    names = dict.fromkeys(
        [*case.dns.mx_targets(), *(one["name"] for one in case.dns.public_records if one["type"] in ("A", "AAAA"))]
    )
    for name in names:
        for rdtype in ("A", "AAAA"):
            said = case.dns.said(name, rdtype)
            if len({tuple(values) for _who, values, _alias in said}) > 1:
                words = "; ".join(f"{who}: {shown(values)}" for who, values, _alias in said)
                yield Found(
                    f"{name} {rdtype}",
                    f"The name servers serve different addresses: {harmless(words)}.",
                    "Find out why they do not have the same version of the zone: their logs, NOTIFY, allow-transfer.",
                    expected=case.dns.expected_values(name, rdtype),
                    observed={who: values for who, values, _alias in said},
                    places=[name],
                )


@rule(
    "address-not-public",
    ERROR,
    "RFC 6890",
    "A mail host's public record has an address that is unreachable from the internet.",
    "Publish the public address; behind NAT, the gateway's.",
)
def address_not_public(case: Case) -> Iterator[Found]:
    for exchange, domains in case.dns.mx_targets().items():
        for address in case.dns.addresses(exchange):
            meaning = case.reachability.not_public(address)
            if meaning:
                yield Found(
                    exchange,
                    f"The MX of {listed(domains, 3)} leads to {address}, which is {meaning}: unreachable from outside.",
                    f"Publish the public address of {exchange}; behind NAT, the gateway's. In a laboratory, name "
                    "the network in mail_public_networks (public_networks).",
                    observed=address,
                )
