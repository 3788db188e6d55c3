# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: how long resolvers keep a record that has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import (
    is_authoritative,
    label,
    shown,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


# Seconds. Shorter times need no preparation.
_SOON = 3600


def _to_change(case: Case) -> Iterator[tuple[str, str, list[str], list[str], int]]:
    """(name, type, declared, served, seconds that resolvers keep it) where what is served is not what is declared."""
    for name, rdtype in case.dns.judged:
        expected = case.dns.expected_values(name, rdtype)
        served = case.dns.served(name, rdtype)
        if expected is not None and served and not any(values == expected for values, _ttl in served):
            values, ttl = max(served, key=lambda one: one[1])
            yield name, rdtype, expected, values, ttl


@rule(
    "ttl-mismatch",
    NOTICE,
    "RFC 2181, section 5.2",
    "The name servers of the zone serve the MX RRset with different TTLs.",
    "Find out why they do not have the same version of the zone.",
)
def ttl_mismatch(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        ttls: dict[int, list[str]] = {}
        for server, answer in case.dns.answers(domain, "MX"):
            if is_authoritative(answer) and answer["values"] and answer["ttl"] is not None:
                ttls.setdefault(answer["ttl"], []).append(label(server))
        if len(ttls) > 1:
            words = "; ".join(f"{ttl} s at {listed(servers)}" for ttl, servers in sorted(ttls.items()))
            yield Found(
                domain,
                f"The MX records have different TTLs: {words}.",
                "Find out why the name servers do not have the same version of the zone: their logs, NOTIFY, "
                "allow-transfer.",
                observed={str(ttl): servers for ttl, servers in sorted(ttls.items())},
            )


@rule(
    "ttl-blocks-change",
    NOTICE,
    "RFC 2181, section 5.2",
    "A record has to change, and resolvers keep its present value for more than an hour.",
    "Lower its TTL first, and change the record when the old TTL has passed.",
)
def ttl_blocks_change(case: Case) -> Iterator[Found]:
    for name, rdtype, expected, values, ttl in _to_change(case):
        if values and ttl > _SOON:
            yield Found(
                f"{name} {rdtype}",
                f"It has to become {shown(expected)}, and resolvers keep {shown(values)} for another {ttl} s.",
                f"Lower the TTL of {name} {rdtype} now, change it {ttl} s later, and keep the old path until then.",
                observed=ttl,
                places=[name],
            )


@rule(
    "negative-ttl-blocks-change",
    NOTICE,
    "RFC 2308, section 5",
    "A record is missing, and resolvers keep the negative answer for more than an hour.",
    "Lower the last number of the zone's SOA record before the record is queried.",
)
def negative_ttl_blocks_change(case: Case) -> Iterator[Found]:
    for name, rdtype, expected, values, ttl in _to_change(case):
        if expected and not values and ttl > _SOON:
            yield Found(
                f"{name} {rdtype}",
                f"It is missing, and resolvers that query it keep the negative answer for {ttl} s.",
                "Lower the last number of the zone's SOA record (the TTL of negative answers), and add the record.",
                expected=expected,
                observed=ttl,
                places=[name],
            )
