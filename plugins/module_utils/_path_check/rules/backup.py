# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: backup exchangers of other operators behave as ours do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, said, steps, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.smtp.domain import domain_refused
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.smtp.open_relay import open_relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "backup-refuses-domain",
    ERROR,
    "RFC 5321, section 3.3",
    "A backup exchanger does not accept mail for the domain: mail that reaches it while ours are down is returned.",
    "Ask its operator to accept mail for the domain, or remove its MX record.",
)
def backup_refuses_domain(case: Case) -> Iterator[Found]:
    for found in domain_refused(case.of_backups()):
        yield replace(found, remedy="Ask its operator to accept mail for the domain, or remove its MX record.")


@rule(
    "backup-open-relay",
    ERROR,
    "RFC 5321, section 7.1",
    "A backup exchanger accepts mail from a stranger for a foreign domain.",
    "Tell its operator, and remove its MX record until that is fixed.",
)
def backup_open_relay(case: Case) -> Iterator[Found]:
    for found in open_relay(case.of_backups()):
        yield replace(found, remedy="Tell its operator, and remove its MX record until that is fixed.")


@rule(
    "backup-before-primary",
    ERROR,
    "RFC 5321, section 5.1",
    "A backup exchanger is preferred to one of ours, or has equal preference: mail goes there first.",
    "Give it a preference number higher than all of ours.",
)
def backup_before_primary(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        backups = {one["fqdn"] for one in case.expect["backups"] if one["domain"] == domain}
        served = case.dns.exchangers(domain)
        ours = [preference for name, preference in served.items() if name not in backups]
        for name in backups & set(served):
            if ours and served[name] <= max(ours):
                yield Found(
                    f"{domain} MX {name}",
                    f"The backup has preference {served[name]}, and one of ours {max(ours)}: senders try the lower "
                    "one first.",
                    f"Give {name} a number higher than {max(ours)}.",
                    expected=f"> {max(ours)}",
                    observed=served[name],
                    places=[name],
                )


@rule(
    "backup-accepts-unknown",
    WARNING,
    "RFC 5321, section 3.6.2",
    "A backup exchanger accepts mail for recipients that ours reject: it has to return it, often to a forged sender.",
    "Let it verify recipients at ours, or give it a list of them.",
)
def backup_accepts_unknown(case: Case) -> Iterator[Found]:
    refused = {
        step["domain"]
        for dialogue in case.smtp.dialogues
        for step in steps(dialogue, asked.UNKNOWN)
        if step["code"] in (550, 551, 553)
    }
    for dialogue in case.of_backups().smtp.dialogues:
        for step in steps(dialogue, asked.UNKNOWN):
            if accepts(step) and step["domain"] in refused:
                yield Found(
                    f"{step['domain']} at {where(dialogue)}",
                    f"It accepts a recipient that cannot exist and that ours reject: {said(step)}.",
                    f"Ask its operator to verify recipients of {step['domain']} at ours, or by a list.",
                    expected="refused",
                    observed=said(step),
                    places=[dialogue["address"]],
                )
