# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server accepts mail from the null sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import (
    accepts,
    meaning_of,
    said,
    steps,
    where,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "null-sender-refused",
    ERROR,
    "RFC 5321, section 6.1",
    "Mail with the null sender is rejected, so bounces are lost. A 4xx is no finding, but leaves it unknown.",
    "Let the server accept MAIL FROM:<>.",
)
def null_sender_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        refused = [step for step in steps(dialogue, asked.NULL_SENDER, asked.POSTMASTER_NULL) if step["code"] >= 400]
        recipients = {step["domain"] for step in steps(dialogue, asked.POSTMASTER) if accepts(step)}
        senders = any(accepts(step) for step in steps(dialogue, asked.SENDER))
        for step in refused:
            is_taken_of_others = step["domain"] in recipients if step["domain"] else recipients or senders
            if not is_taken_of_others or meaning_of(step) == SERVER:
                continue
            later = step["code"] < 500
            yield Found(
                where(dialogue),
                f"It accepts mail from other senders, but {'defers' if later else 'not from'} the null sender: "
                f"{said(step)}.",
                "Make it accept MAIL FROM:<>, the sender of bounces: see its sender access lists (Postfix: "
                "smtpd_sender_restrictions).",
                expected="250",
                observed=said(step),
                unknown=later,
                places=[dialogue["address"]],
            )
