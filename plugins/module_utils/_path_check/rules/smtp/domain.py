# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server accepts mail for its domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import about, said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import RELAYING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "domain-refused",
    ERROR,
    "RFC 5321, section 3.3",
    "The exchanger does not accept mail for the domain ('relay access denied').",
    "Add the domain to those that the server accepts mail for.",
)
def domain_refused(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.postmaster_steps():
        if about(dialogue, step) == RELAYING:
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It does not accept mail for {step['domain']}: {said(step)}.",
                f"Add {step['domain']} to the domains of {dialogue['host']}: run inbound.mail.site, or by hand "
                "(Postfix: mydestination, relay_domains or virtual_mailbox_domains).",
                expected="250",
                observed=said(step),
                places=[dialogue["address"]],
            )
