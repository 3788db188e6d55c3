# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import (
    meaning_of,
    said,
    steps,
    where,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import (
    CLIENT,
    LATER,
    OTHER,
    POLICY,
    RECIPIENT,
    RELAYING,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "sender-refused",
    ERROR,
    "RFC 5321, section 3.3",
    "The server rejects or defers the sender, so whether it accepts mail for the domains is unknown.",
    "Observe from another vantage, or with another name (helo); see the server's log for the reason.",
)
def sender_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        was_taken = any(True for _step in steps(dialogue, asked.POSTMASTER_NULL, asked.POSTMASTER))
        refused = [
            step
            for step in steps(dialogue, asked.SENDER, *(() if was_taken else (asked.NULL_SENDER,)))
            if meaning_of(step) in (CLIENT, LATER, OTHER, POLICY, RECIPIENT, RELAYING)
        ]
        refused = refused or _strangers_refused(dialogue)
        if refused:
            step = refused[-1]
            later = step["code"] < 500
            yield Found(
                where(dialogue),
                f"It {'defers' if later else 'rejects'} {step['command'].partition(':')[2]} as a sender: {said(step)}. "
                "What it says to other senders is unknown.",
                "Try again later; see the server's log for the reason."
                if later
                else "Observe from another vantage, or with a name for helo that resolves; see the server's log for "
                "the reason.",
                expected="250",
                observed=said(step),
                unknown=True,
                places=[dialogue["address"]],
            )


def _strangers_refused(dialogue: seen.Dialogue) -> list[seen.SmtpStep]:
    """The refusals of all senders that have a domain, where the null sender alone was accepted.

    That the domains for documentation send no mail is no reason against others, nor is a domain in brackets.
    """
    senders = [step for step in steps(dialogue, asked.STRANGER_SENDER) if "<>" not in step["command"]]
    if any(step["code"] < 400 for step in [*senders, *steps(dialogue, asked.SENDER)]):
        return []
    named = [step for step in senders if "[" not in step["command"]]
    return [step for step in named if meaning_of(step) in (LATER, OTHER, POLICY, RECIPIENT, RELAYING)]
