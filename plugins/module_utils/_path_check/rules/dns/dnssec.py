# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the signatures of a zone validate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "dnssec-bogus",
    ERROR,
    "RFC 4035, section 5.5",
    "A validating resolver rejects the zone: its signatures, or the DS records in the parent zone, are wrong.",
    "Sign the zone again, and make the DS records in the parent zone match its keys, or remove them.",
)
def dnssec_bogus(case: Case) -> Iterator[Found]:
    for zone in case.dns.zones.values():
        if zone.get("bogus"):
            yield Found(
                zone["name"],
                f"The resolver {zone['bogus']} rejects it (SERVFAIL), and answers when it is told not to validate.",
                f"Run 'delv {zone['name']} SOA' to see the cause: expired signatures, a key that was changed "
                "without the DS record in the parent zone, or an unsigned zone that still has a DS record.",
                expected="NOERROR",
                observed="SERVFAIL",
            )
