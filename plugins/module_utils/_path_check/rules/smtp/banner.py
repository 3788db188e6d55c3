# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server greets, soon and without a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_replies as replies
from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import (
    meaning_of,
    said,
    steps,
    where,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


# Seconds. A short wait before the greeting is a usual defence.
_LONG_GREETING = 10.0


@rule(
    "banner-missing",
    ERROR,
    "RFC 5321, section 3.1",
    "The connection is established, but no SMTP greeting follows.",
    "Check what listens there: a forward to the wrong host, a proxy, a server without free processes.",
)
def banner_missing(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        if not dialogue["steps"]:
            yield Found(
                where(dialogue),
                f"It accepts the connection, but does not greet: {dialogue['ended']}.",
                "Check that the mail service itself is at the other end of the forward and has free processes.",
                expected="220",
                observed=dialogue["ended"],
                places=[dialogue["address"]],
            )


@rule(
    "banner-refused",
    ERROR,
    "RFC 5321, section 3.1",
    "The server greets with a rejection (5xx). A 4xx is no finding, but leaves everything unknown.",
    "Let the server accept connections from all clients.",
)
def banner_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        greeted_otherwise = any(step["code"] == 250 for step in steps(dialogue, asked.HELO))
        for step in steps(dialogue, asked.BANNER, *(() if greeted_otherwise else (asked.EHLO,))):
            means = meaning_of(step)
            if step["code"] in (220, 250) or means in (replies.NO_MAIL, replies.SERVER):
                continue
            later = step["code"] < 500
            unknown = later or means in (replies.CLIENT, replies.POLICY)
            yield Found(
                where(dialogue),
                f"It {'defers this vantage' if later else 'rejects the connection'}: {said(step)}.",
                "Try again later, or from another vantage."
                if unknown
                else "Check which clients its configuration rejects (postscreen, access lists), and accept all of "
                "them.",
                expected="220",
                observed=said(step),
                unknown=unknown,
                places=[dialogue["address"]],
            )


@rule(
    "banner-delay",
    NOTICE,
    "RFC 5321, section 4.5.3.2.1",
    "The server delays its greeting. Senders should wait five minutes, and some do not.",
    "Leave it if the delay is there to deter spammers; otherwise check the server's load, and whether it resolves "
    "names.",
)
def banner_delay(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        after = dialogue.get("greeted_after")
        if after is not None and after > _LONG_GREETING:
            yield Found(
                where(dialogue),
                f"Its greeting came after {after:.0f} s.",
                "Leave it if it is intended; otherwise check its load, and whether its resolver answers.",
                observed=after,
                places=[dialogue["address"]],
            )
