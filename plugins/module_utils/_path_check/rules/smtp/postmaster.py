# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server accepts mail for the postmaster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import about, said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import CLIENT, RECIPIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "postmaster-refused",
    ERROR,
    "RFC 5321, section 4.5.1",
    "Mail for the domain's postmaster is rejected.",
    "Give the domain a postmaster address that is read.",
)
def postmaster_refused(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.postmaster_steps():
        means = about(dialogue, step)
        if means in (CLIENT, RECIPIENT):
            unknown = means == CLIENT
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"postmaster@{step['domain']} is rejected: {said(step)}.",
                "It rejects this vantage or its sender, as it says the same of every recipient or names the reason: "
                "observe from another vantage."
                if unknown
                else f"Add an alias or a mailbox postmaster@{step['domain']}.",
                expected="250",
                observed=said(step),
                unknown=unknown,
                places=[dialogue["address"]],
            )
