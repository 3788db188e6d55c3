# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what was observed with what was expected; needs no network, and gives the same answer every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import (
    ACCEPTED,
    FINDING,
    UNKNOWN,
    Finding,
    holds,
    is_about,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import RULES, SEVERITIES
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules import (
    backup,
    delivery,
    former,
    manual,
    observation,
    source,
    vantage,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.dns import (
    address,
    dnssec,
    fcrdns,
    mx,
    mx_duplicate,
    mx_null,
    mx_target,
    ns,
    ptr,
    resolver,
    serial,
    ttl,
    view,
    zone,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.reachability import (
    egress25,
    equal_preference,
    outbound,
    port25,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.smtp import (
    banner,
    domain,
    ehlo,
    greylisted,
    null_sender,
    open_relay,
    postmaster,
    sender,
    server,
    size,
    smtp_ended,
    unknown_recipient,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.tls import auth, certificate, starttls
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import Acceptance

# Importing them registers their rules.
RULE_MODULES = (
    *(zone, dnssec, ns, serial, mx, mx_null, mx_target, mx_duplicate, address, ttl, resolver, view, ptr, fcrdns),
    *(port25, equal_preference, egress25, outbound),
    *(banner, ehlo, size, smtp_ended, server, sender, null_sender, postmaster, domain),
    *(unknown_recipient, greylisted, open_relay),
    *(starttls, certificate, auth),
    *(backup, former, manual, delivery, source, observation, vantage),
)

_LONGEST_MESSAGE = 1000


def judge(case: Case, accepted: Sequence[Acceptance], today: date) -> list[Finding]:
    """Findings as in the module's documentation, the gravest first."""
    findings = []
    for rule in RULES.values():
        for found in rule.judge(case):
            finding: Finding = {
                "id": rule.id,
                "severity": found.severity or rule.severity,
                "status": UNKNOWN if found.unknown else FINDING,
                "subject": harmless(found.subject),
                "places": [harmless(place) for place in found.places or (found.subject,)],
                "message": harmless(found.message, _LONGEST_MESSAGE),
                "remedy": harmless(found.remedy, _LONGEST_MESSAGE),
                "source": rule.source,
                "expected": found.expected,
                "observed": found.observed,
            }
            for one in accepted if not found.unknown else ():
                if is_about(one, finding) and finding["status"] != ACCEPTED:
                    # One that has expired says so, and counts.
                    finding["reason"], finding["until"] = one["reason"], one.get("until")
                    finding["status"] = ACCEPTED if holds(one, today) else FINDING
            findings.append(finding)
    order = {status: number for number, status in enumerate((FINDING, UNKNOWN, ACCEPTED))}
    findings.sort(key=lambda one: (order[one["status"]], SEVERITIES.index(one["severity"]), one["id"], one["subject"]))
    return findings
