# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server stays in the dialogue until everything was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "smtp-ended",
    NOTICE,
    "RFC 5321, section 3.8",
    "The server closed the dialogue before everything was asked, as a rate limit does.",
    "Try again later, or from a vantage that the server knows.",
)
def smtp_ended(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        if dialogue["steps"] and dialogue["ended"]:
            yield Found(
                where(dialogue),
                f"The dialogue ended early: {dialogue['ended']}. What was not asked is unknown.",
                "Try again later; see the server's log for a rate limit.",
                observed=dialogue["ended"],
                unknown=True,
                places=[dialogue["address"]],
            )
