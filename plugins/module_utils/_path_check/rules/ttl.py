# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: how long an old answer lives on in resolvers, before a change and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import normal, shown, usable
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case

# Seconds that nobody needs to be told of.
_SOON = 3600


def _questions(case: Case) -> Iterator[tuple[str, str]]:
    """What is declared, and the MX of a domain that is judged by itself. Other names may be answered by place."""
    found = [(record["name"], record["type"]) for record in case.public_records]
    found += [(domain, "MX") for domain in case.mail_domains]
    yield from dict.fromkeys(found)


def _to_change(case: Case) -> Iterator[tuple[str, str, list[str], list[str], int]]:
    """(name, type, declared, served, seconds that resolvers keep it) where what is served is not what is declared."""
    for name, rdtype in _questions(case):
        expected = case.expected_values(name, rdtype)
        served = case.served(name, rdtype)
        if expected is not None and served and not any(values == expected for values, _ttl in served):
            values, ttl = max(served, key=lambda one: one[1])
            yield name, rdtype, expected, values, ttl


@rule(
    "ttl-blocks-change",
    NOTICE,
    "RFC 2181, section 5.2",
    "A record has to change, and resolvers keep the present one for more than an hour.",
    "Lower its TTL first, and change the record when the former TTL has passed.",
)
def ttl_blocks_change(case: Case) -> Iterator[Found]:
    for name, rdtype, expected, values, ttl in _to_change(case):
        if values and ttl > _SOON:
            yield Found(
                f"{name} {rdtype}",
                f"It has to become {shown(expected)}, and resolvers keep {shown(values)} for {ttl} s after that.",
                f"Lower the TTL of {name} {rdtype} now, change it {ttl} s later, and keep the old path as long.",
                observed=ttl,
            )


@rule(
    "negative-ttl-blocks-change",
    NOTICE,
    "RFC 2308, section 5",
    "A record is missing, and resolvers keep the answer that there is none for more than an hour.",
    "Lower the last number of the zone's SOA record before it is asked for.",
)
def negative_ttl_blocks_change(case: Case) -> Iterator[Found]:
    for name, rdtype, expected, values, ttl in _to_change(case):
        if expected and not values and ttl > _SOON:
            yield Found(
                f"{name} {rdtype}",
                f"It is missing, and resolvers that asked for it keep that answer for {ttl} s.",
                "Lower the last number of the zone's SOA record (the TTL of negative answers), and write the record.",
                expected=expected,
                observed=ttl,
            )


@rule(
    "resolver-stale",
    NOTICE,
    "RFC 2181, section 5.2",
    "A resolver still has a former answer.",
    "Wait until it has expired, and keep the old path until then.",
)
def resolver_stale(case: Case) -> Iterator[Found]:
    for name, rdtype in _questions(case):
        served = [values for values, _ttl in case.served(name, rdtype)]
        if not served:
            continue
        for answer in case.caches(name, rdtype):
            values = sorted(normal(value, rdtype) for value in answer["values"])
            # One that answers with authority is a server of the zone itself.
            if not usable(answer) or answer["authoritative"] or values in served:
                continue
            left = f"for {answer['ttl']} s more" if answer["ttl"] is not None else "for some time"
            yield Found(
                f"{name} {rdtype} at {answer['resolver']}",
                f"The resolver answers {shown(values)}, {left}; the zone has {shown(served[0])}.",
                "Wait as long, and keep the old path until then; or have the resolver's cache be flushed.",
                expected=served[0],
                observed=values,
            )
