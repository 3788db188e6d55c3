# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server gives a final answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "greylisted",
    NOTICE,
    "RFC 6647",
    "The server defers the mail: whether it accepts it is unknown.",
    "Try again after the time that it asks for.",
)
def greylisted(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.postmaster_steps():
        if asked.is_greylisted(step):
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It defers mail for postmaster@{step['domain']}: {said(step)}.",
                "Try again after some minutes; see the server's log for a reason other than greylisting.",
                observed=said(step),
                unknown=True,
                places=[dialogue["address"]],
            )
