# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the name by which a server greets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import said, steps, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import (
    EHLO,
    HELO,
    HOST_NAME,
    greeting_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "ehlo-name",
    WARNING,
    "RFC 5321, section 4.1.4",
    "The server greets by a name that is not fully qualified, or that does not resolve.",
    "Set the server's own name (Postfix: myhostname) to one that has an address.",
)
def ehlo_name(case: Case) -> Iterator[Found]:
    # Of these other rules say that they have no address.
    exchanges = {name for domain in case.dns.mail_domains for name in case.dns.exchangers(domain)}
    exchanges |= {exchanger["fqdn"] for exchanger in case.expect["smtp"]}
    for dialogue in case.smtp.dialogues:
        name = greeting_name(dialogue)
        if not name:
            continue
        if not HOST_NAME.fullmatch(name) or name.endswith((".localdomain", ".local", ".lan", ".internal")):
            message = f"It greets as '{name}', which is not a public host name."
        elif name not in exchanges and case.dns.was_resolved(name) and not case.dns.addresses(name):
            message = f"It greets as '{name}', which has no address."
        else:
            continue
        remedy = "Set the server's own name (Postfix: myhostname) to the name in the MX record."
        yield Found(where(dialogue), message, remedy, observed=name, places=[dialogue["address"]])


@rule(
    "ehlo-refused",
    WARNING,
    "RFC 5321, sections 3.2 and 4.1.1.1",
    "The server knows HELO alone, so no client can encrypt or announce a size.",
    "Let it answer to EHLO, and look for a firewall that changes SMTP (a 'fixup').",
)
def ehlo_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        refused = [step for step in steps(dialogue, EHLO) if step["code"] != 250]
        if refused and any(step["code"] == 250 for step in steps(dialogue, HELO)):
            yield Found(
                where(dialogue),
                f"It rejects EHLO and accepts HELO: {said(refused[0])}. Without extensions mail travels in cleartext.",
                "Let it answer to EHLO; see whether a firewall before it changes SMTP (Cisco: inspect esmtp).",
                expected="250",
                observed=said(refused[0]),
                places=[dialogue["address"]],
            )
