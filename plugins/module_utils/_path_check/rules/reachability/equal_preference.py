# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: every exchanger of one preference answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "equal-preference-dead",
    ERROR,
    "RFC 5321, section 5.1",
    "One of several exchangers of equal preference does not answer, so a part of all mail is delayed.",
    "Bring the exchanger back, or remove its MX record until then.",
)
def equal_preference_dead(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        by_preference: dict[int, list[str]] = {}
        for exchange, preference in case.dns.exchangers(domain).items():
            by_preference.setdefault(preference, []).append(exchange)
        for preference, exchanges in by_preference.items():
            states = {
                exchange: [case.reachability.status(address) for address in case.dns.addresses(exchange)]
                for exchange in exchanges
            }
            alive = [exchange for exchange, found in states.items() if seen.OPEN in found]
            dead = [
                exchange
                for exchange, found in states.items()
                if found
                and all(status in (seen.REFUSED, seen.TIMEOUT) for status in found)
                and not any(case.reachability.blocked(address) for address in case.dns.addresses(exchange))
            ]
            if alive and dead:
                yield Found(
                    domain,
                    f"{listed(dead)} does not answer, one of {len(exchanges)} exchangers of preference {preference}.",
                    f"Bring it back, or remove '{domain}. MX {preference} {dead[0]}.' until then.",
                    observed=dead,
                )
