# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the MX records of a domain name different hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "mx-duplicate-target",
    WARNING,
    "RFC 5321, section 5.1",
    "The MX records of a domain name the same host twice, with different preferences.",
    "Remove one of the records.",
)
def mx_duplicate_target(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        for who, values, _alias in case.dns.said(domain, "MX"):
            preferences: dict[str, list[str]] = {}
            for value in values:
                preference, exchange = value.split(" ", 1)
                preferences.setdefault(exchange, []).append(preference)
            twice = {exchange: found for exchange, found in preferences.items() if len(found) > 1}
            if twice:
                words = "; ".join(f"{name.rstrip('.')} with {listed(found)}" for name, found in twice.items())
                yield Found(
                    domain,
                    f"It names the same mail exchanger more than once at {who}: {words}.",
                    "Keep the record with the lower preference; the other one has no effect.",
                    observed=values,
                )
                break


@rule(
    "mx-duplicate-address",
    NOTICE,
    "RFC 5321, section 5.1",
    "Several mail exchangers of a domain have the same address, so they fail together.",
    "Give each an address of its own, or keep one record.",
)
def mx_duplicate_address(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        hosts: dict[str, list[str]] = {}
        for exchange in case.dns.exchangers(domain):
            for address in case.dns.addresses(exchange):
                hosts.setdefault(address, []).append(exchange)
        for address, names in hosts.items():
            if len(names) > 1:
                yield Found(
                    domain,
                    f"{listed(names)} have the same address, {address}: if it fails, all of them do.",
                    "Give each an address of its own, or keep one of the MX records.",
                    observed=names,
                )
