# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what the MX records of a domain name, and whether they go together."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    NOTICE,
    WARNING,
    Found,
    rule,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case

# RFC 1123, section 2.1.
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
NULL = "."


def misnamed(case: Case) -> set[str]:
    """Exchanges whose name itself is wrong: that they have no address follows from it."""
    return {
        exchange
        for domain in case.mail_domains
        for exchange in case.exchanges(domain)
        if _literal(case, exchange) or _relative(case, exchange) or _is_localhost(exchange)
    }


def _named(case: Case) -> Iterator[tuple[str, str]]:
    for domain in case.mail_domains:
        for exchange in case.exchanges(domain):
            yield domain, exchange


def _literal(case: Case, exchange: str) -> str:
    """The IP address that somebody wrote in place of a name: as it stands, or made a name of the zone."""
    zone = case.zone_of(exchange)
    texts = [exchange, exchange.removesuffix(f".{zone['name']}")] if zone else [exchange]
    for text in texts:
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return ""


def _relative(case: Case, exchange: str) -> str:
    """What was meant, where the zone's name is there twice: `mail.example.org` without the final dot."""
    zone = case.zone_of(exchange)
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
    "Give the host a name with an address record, and let the MX record name that.",
)
def mx_target_address_literal(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if address := _literal(case, exchange):
            yield Found(
                domain,
                f"Its MX record names the address {address}, and can name only a host.",
                f"Write an address record, 'mail.{domain}. A {address}', and '{domain}. MX 10 mail.{domain}.'.",
                observed=exchange,
            )


@rule(
    "mx-target-relative",
    ERROR,
    "RFC 1035, section 5.1",
    "The zone's name is twice in what an MX record names: the final dot was forgotten.",
    "Write the name with a dot at its end.",
)
def mx_target_relative(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if meant := _relative(case, exchange):
            yield Found(
                domain,
                f"Its MX record names {exchange}: to a name without a final dot the zone's is added.",
                f"Write '{meant}.' with the final dot.",
                expected=meant,
                observed=exchange,
            )


@rule(
    "mx-target-localhost",
    ERROR,
    "RFC 6761, section 6.3",
    "An MX record names localhost, which is every sender itself.",
    "Name the mail host, or say with a null MX (RFC 7505) that the domain takes no mail.",
)
def mx_target_localhost(case: Case) -> Iterator[Found]:
    for domain, exchange in _named(case):
        if _is_localhost(exchange):
            yield Found(
                domain,
                f"Its MX record names {exchange}: senders deliver to themselves.",
                f"Name the mail host. If {domain} takes no mail, write '{domain}. MX 0 .'.",
                observed=exchange,
            )


@rule(
    "mx-target-syntax",
    WARNING,
    "RFC 1123, section 2.1",
    "An MX record names what is no host name: a single label, or one with other characters than letters, digits and -.",
    "Give the host a name of letters, digits and hyphens, with a domain.",
)
def mx_target_syntax(case: Case) -> Iterator[Found]:
    wrong = misnamed(case)
    for domain, exchange in _named(case):
        labels = exchange.split(".")
        if exchange in wrong or (len(labels) > 1 and all(map(_LABEL.fullmatch, labels))):
            continue
        why = "a single label" if len(labels) == 1 else "not of letters, digits and hyphens alone"
        yield Found(
            domain,
            f"Its MX record names {shown([exchange])}, which is {why}: some senders do not take that for a host.",
            "Give the host another name, and let the MX record name that.",
            observed=exchange,
        )


def _served(case: Case, domain: str) -> list[tuple[int, str]]:
    """(preference, exchange) of every record that anybody serves; the exchange of a null MX is a dot."""
    pairs = [value.split(" ", 1) for value in case.values(domain, "MX")]
    return [(int(preference), exchange.rstrip(".") or NULL) for preference, exchange in pairs]


@rule(
    "mx-null-with-other",
    ERROR,
    "RFC 7505, section 3",
    "A null MX ('the domain takes no mail') stands beside other MX records.",
    "Remove the one or the others.",
)
def mx_null_with_other(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        for who, values, _alias in case.said(domain, "MX"):
            exchanges = [value.split(" ", 1)[1] for value in values]
            if NULL in exchanges and set(exchanges) != {NULL}:
                yield Found(
                    domain,
                    f"A null MX stands beside others at {who}: {shown(values)}.",
                    f"Remove the null MX if {domain} takes mail, else the others.",
                    observed=values,
                )
                break


@rule(
    "mx-null-preference",
    WARNING,
    "RFC 7505, section 3",
    "A null MX has another preference than 0.",
    "Write it with preference 0.",
)
def mx_null_preference(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        for preference in sorted({preference for preference, exchange in _served(case, domain) if exchange == NULL}):
            if preference:
                yield Found(
                    domain,
                    f"Its null MX has preference {preference}.",
                    f"Write '{domain}. MX 0 .'.",
                    expected=0,
                    observed=preference,
                )


def null_unexpected(case: Case, domain: str) -> bool:
    """Whether the world is told that the domain takes no mail, and it should take some, or the reverse."""
    expected, served = case.expected_values(domain, "MX"), _served(case, domain)
    if not expected or not served:
        return False
    return (expected == [f"0 {NULL}"]) != all(exchange == NULL for _preference, exchange in served)


@rule(
    "mx-null-unexpected",
    ERROR,
    "RFC 7505, section 3",
    "A null MX says that a domain takes no mail, which is declared to take some; or the reverse.",
    "Write the declared records: run inbound.mail.site, or change the declaration (null_mx).",
)
def mx_null_unexpected(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        if null_unexpected(case, domain):
            expected = case.expected_values(domain, "MX") or []
            served = case.values(domain, "MX")
            yield Found(
                domain,
                f"Its MX is {shown(served)} instead of {shown(expected)}.",
                f"Make it {shown(f'{domain}. MX {value}' for value in expected)}: run inbound.mail.site, or change the "
                "declaration (null_mx).",
                expected=expected,
                observed=served,
            )


@rule(
    "mx-duplicate-target",
    WARNING,
    "RFC 5321, section 5.1",
    "The MX records of a domain name the same host twice, with different preferences.",
    "Remove one of the records.",
)
def mx_duplicate_target(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        for who, values, _alias in case.said(domain, "MX"):
            preferences: dict[str, list[str]] = {}
            for value in values:
                preference, exchange = value.split(" ", 1)
                preferences.setdefault(exchange, []).append(preference)
            twice = {exchange: found for exchange, found in preferences.items() if len(found) > 1}
            if twice:
                words = "; ".join(f"{name.rstrip('.')} with {listed(found)}" for name, found in twice.items())
                yield Found(
                    domain,
                    f"It has the same exchange more than once at {who}: {words}.",
                    "Keep the record with the lower preference; the other one changes nothing.",
                    observed=values,
                )
                break


@rule(
    "mx-duplicate-address",
    NOTICE,
    "RFC 5321, section 5.1",
    "Several MX hosts of a domain have the same address: they stand and fall together.",
    "Give each an address of its own, or keep one record.",
)
def mx_duplicate_address(case: Case) -> Iterator[Found]:
    for domain in case.mail_domains:
        hosts: dict[str, list[str]] = {}
        for exchange in case.exchanges(domain):
            for address in case.addresses(exchange):
                hosts.setdefault(address, []).append(exchange)
        for address, names in hosts.items():
            if len(names) > 1:
                yield Found(
                    domain,
                    f"{listed(names)} have the same address, {address}: if it fails, all of them do.",
                    "Give each an address of its own, or keep one of the MX records.",
                    observed=names,
                )
