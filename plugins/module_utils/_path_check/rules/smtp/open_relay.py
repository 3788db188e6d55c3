# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server relays nothing for strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, said, steps, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "open-relay",
    ERROR,
    "RFC 5321, section 7.1",
    "The server accepts mail from a stranger for a foreign domain.",
    "Accept mail for its own domains only, except from its own networks and from authenticated users.",
)
def open_relay(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        is_catch_all = any(step["code"] in (250, 251, 252) for step in steps(dialogue, asked.UNKNOWN))
        # A name without a domain is the server's own where it takes any such name (qmail).
        bare = list(steps(dialogue, asked.UNKNOWN_UNQUALIFIED))
        takes_bare = any(accepts(step) for step in bare) if bare else is_catch_all
        whats = [asked.STRANGER, asked.OWN_SENDER, *([] if is_catch_all else [asked.STRANGER_AT_DOMAIN])]
        taken = [step for step in steps(dialogue, *whats) if accepts(step)]
        taken = [step for step in taken if not takes_bare or "@" in step["command"]]
        if taken:
            from_own = [step for step in taken if step["what"] == asked.OWN_SENDER]
            yield Found(
                where(dialogue),
                f"It accepted {listed([step['command'] for step in taken])} from a stranger"
                + (f" claiming to be postmaster@{from_own[0]['domain']}" if from_own else "")
                + ": an open relay, which spammers find within hours.",
                "Accept mail for its own domains only (Postfix: smtpd_relay_restrictions = permit_mynetworks, "
                "permit_sasl_authenticated, reject_unauth_destination), and check that mynetworks holds neither "
                "the gateway's address nor networks outside.",
                expected="refused",
                observed=[f"{step['command']}: {said(step)}" for step in taken],
                places=[dialogue["address"]],
            )
