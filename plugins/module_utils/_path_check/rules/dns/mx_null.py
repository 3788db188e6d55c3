# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a null MX stands where it should, and alone (RFC 7505)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, WARNING, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


NULL = "."


def _served(case: Case, domain: str) -> list[tuple[int, str]]:
    """(preference, exchange) of every record that is served; the exchange of a null MX is a dot."""
    pairs = [value.split(" ", 1) for value in case.dns.values(domain, "MX")]
    return [(int(preference), exchange.rstrip(".") or NULL) for preference, exchange in pairs]


@rule(
    "mx-null-with-other",
    ERROR,
    "RFC 7505, section 3",
    "A null MX ('the domain accepts no mail') stands beside other MX records.",
    "Remove the null MX or the others.",
)
def mx_null_with_other(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        for who, values, _alias in case.dns.said(domain, "MX"):
            exchanges = [value.split(" ", 1)[1] for value in values]
            if NULL in exchanges and set(exchanges) != {NULL}:
                yield Found(
                    domain,
                    f"A null MX stands beside others at {who}: {shown(values)}.",
                    f"Remove the null MX if {domain} accepts mail, otherwise the others.",
                    observed=values,
                )
                break


@rule(
    "mx-null-preference",
    WARNING,
    "RFC 7505, section 3",
    "A null MX has a preference other than 0.",
    "Publish it with preference 0.",
)
def mx_null_preference(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        for preference in sorted({preference for preference, exchange in _served(case, domain) if exchange == NULL}):
            if preference:
                yield Found(
                    domain,
                    f"Its null MX has preference {preference}.",
                    f"Publish '{domain}. MX 0 .'.",
                    expected=0,
                    observed=preference,
                )


def null_unexpected(case: Case, domain: str) -> bool:
    """Whether the world is told that the domain takes no mail, and it should take some, or the reverse."""
    expected, served = case.dns.expected_values(domain, "MX"), _served(case, domain)
    if not expected or not served:
        return False
    return (expected == [f"0 {NULL}"]) != all(exchange == NULL for _preference, exchange in served)


@rule(
    "mx-null-unexpected",
    ERROR,
    "RFC 7505, section 3",
    "A null MX says that the domain accepts no mail although it is declared to accept mail, or the reverse.",
    "Publish the declared records: run inbound.mail.site, or change the declaration (null_mx).",
)
def mx_null_unexpected(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        if null_unexpected(case, domain):
            expected = case.dns.expected_values(domain, "MX") or []
            served = case.dns.values(domain, "MX")
            yield Found(
                domain,
                f"Its MX is {shown(served)} instead of {shown(expected)}.",
                f"Change it to {shown(f'{domain}. MX {value}' for value in expected)}: run inbound.mail.site, or "
                "change the declaration (null_mx).",
                expected=expected,
                observed=served,
            )
