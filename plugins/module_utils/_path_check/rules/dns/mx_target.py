# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: every MX record names a host that has an address."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


# RFC 1123, section 2.1.
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def misnamed(case: Case) -> set[str]:
    """Exchanges whose name itself is wrong: that they have no address follows from it."""
    return {
        exchange
        for domain in case.dns.mail_domains
        for exchange in case.dns.exchangers(domain)
        if _literal(case, exchange) or _relative(case, exchange) or _is_localhost(exchange)
    }


def _named(case: Case) -> Iterator[tuple[str, str]]:
    for domain in case.dns.mail_domains:
        for exchange in case.dns.exchangers(domain):
            yield domain, exchange


def _literal(case: Case, exchange: str) -> str:
    """The IP address in place of a name, by itself or with the zone's name appended; empty if there is none."""
    zone = case.dns.zone_of(exchange)
    texts = [exchange, exchange.removesuffix(f".{zone['name']}")] if zone else [exchange]
    for text in texts:
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return ""


def _relative(case: Case, exchange: str) -> str:
    """What was meant, where the zone's name is there twice: `mail.example.org` without the final dot."""
    zone = case.dns.zone_of(exchange)
    if zone and zone["name"] != "." and exchange.endswith(f".{zone['name']}.{zone['name']}"):
        return exchange.removesuffix(f".{zone['name']}")
    return ""


def _is_localhost(exchange: str) -> bool:
    """RFC 6761, section 6.3."""
    return exchange == "localhost" or exchange.startswith("localhost.") or exchange.endswith(".localhost")


@rule(
    "mx-target-address-literal",
    ERROR,
    "RFC 1035, section 3.3.9",
    "An MX record names an IP address in place of a host.",
    "Give the host a name with an address record, and name that in the MX record.",
)
def mx_target_address_literal(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if address := _literal(case, exchange):
            yield Found(
                domain,
                f"Its MX record names the address {address} and can only name a host.",
                f"Publish an address record, 'mail.{domain}. A {address}', and '{domain}. MX 10 mail.{domain}.'.",
                observed=exchange,
            )


@rule(
    "mx-target-relative",
    ERROR,
    "RFC 1035, section 5.1",
    "An MX record names a host that ends with the zone's name twice: the final dot is missing.",
    "Write the name with a dot at its end.",
)
def mx_target_relative(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if meant := _relative(case, exchange):
            yield Found(
                domain,
                f"Its MX record names {exchange}: the zone's name is appended to a name without a final dot.",
                f"Write '{meant}.' with the final dot.",
                expected=meant,
                observed=exchange,
            )


@rule(
    "mx-target-localhost",
    ERROR,
    "RFC 6761, section 6.3",
    "An MX record names localhost, so every sender delivers to itself.",
    "Name the mail host, or publish a null MX (RFC 7505) if the domain accepts no mail.",
)
def mx_target_localhost(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if _is_localhost(exchange):
            yield Found(
                domain,
                f"Its MX record names {exchange}: senders deliver to themselves.",
                f"Name the mail host. If {domain} accepts no mail, publish '{domain}. MX 0 .'.",
                observed=exchange,
            )


@rule(
    "mx-target-syntax",
    WARNING,
    "RFC 1123, section 2.1",
    "An MX record names something that is not a host name: a single label, or a name with characters other than "
    "letters, digits and hyphens.",
    "Give the host a name of letters, digits and hyphens, within a domain.",
)
def mx_target_syntax(case: Case) -> Iterator[Found]:
    wrong = misnamed(case)
    for domain, exchange in _named(case):
        labels = exchange.split(".")
        if exchange in wrong or (len(labels) > 1 and all(map(_LABEL.fullmatch, labels))):
            continue
        why = "a single label" if len(labels) == 1 else "not only letters, digits and hyphens"
        yield Found(
            domain,
            f"Its MX record names {shown([exchange])}, which is {why}: some senders do not accept that as a host.",
            "Give the host another name, and name that in the MX record.",
            observed=exchange,
        )


@rule(
    "mx-target-no-address",
    ERROR,
    "RFC 5321, section 5.1",
    "An MX record names a host that has neither an A nor an AAAA record.",
    "Add the host's address record, or name a host that has one.",
)
def mx_target_no_address(case: Case) -> Iterator[Found]:
    wrong = misnamed(case)
    for exchange, domains in case.dns.mx_targets().items():
        if case.dns.addresses(exchange) or exchange in wrong:
            continue
        expected = [
            f"{exchange}. {rdtype} {value}"
            for rdtype in ("A", "AAAA")
            for value in case.dns.expected_values(exchange, rdtype) or []
        ]
        if case.dns.was_resolved(exchange):
            yield Found(
                exchange,
                f"The MX of {listed(domains, 3)} names it, and it has no address.",
                f"Add {shown(expected)}." if expected else f"Add an A or AAAA record for {exchange}.",
                expected=expected or None,
                observed=[],
            )
        else:
            yield Found(
                exchange,
                f"The MX of {listed(domains, 3)} names it; whether it has an address is unknown.",
                "Check which name servers of its zone do not answer.",
                unknown=True,
            )


@rule(
    "mx-target-cname",
    ERROR,
    "RFC 2181, section 10.3",
    "An MX record names an alias (CNAME).",
    "Name the host itself in the MX record.",
)
def mx_target_cname(case: Case) -> Iterator[Found]:
    for exchange, domains in case.dns.mx_targets().items():
        aliases = {
            alias for rdtype in ("A", "AAAA") for _who, _values, alias in case.dns.said(exchange, rdtype) if alias
        }
        for alias in sorted(aliases):
            yield Found(
                exchange,
                f"The MX of {listed(domains, 3)} names it, but it is an alias of {alias}.",
                f"Name {alias} in the MX record, or give {exchange} address records of its own in place of the CNAME.",
                observed=alias,
            )
