# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server rejects recipients that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, said, steps, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "unknown-recipient-accepted",
    WARNING,
    "RFC 5321, section 3.6.2",
    "The server accepts mail for a recipient that cannot exist, and has to return it, often to a forged sender.",
    "Let it know the recipients: by a list, or by verifying them at the server behind it.",
)
def unknown_recipient_accepted(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        taken = [step for step in steps(dialogue, asked.UNKNOWN) if accepts(step)]
        # An open relay takes everything.
        open_to_all = any(accepts(step) and "@" in step["command"] for step in steps(dialogue, asked.STRANGER))
        if taken and not open_to_all and case.smtp.refuses_unknown(dialogue):
            yield Found(
                f"{taken[0]['domain']} at {where(dialogue)}",
                f"It accepts {taken[0]['command'].partition(':')[2]}, which cannot exist: {said(taken[0])}.",
                "Make it reject recipients that do not exist, by a list or by verifying them at the server behind "
                "it. If the domain has a catch-all mailbox, accept this finding (accepted).",
                expected="refused",
                observed=said(taken[0]),
                places=[dialogue["address"]],
            )
