# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a host that mail was moved away from accepts no more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "former-exchanger-takes-mail",
    ERROR,
    PLAN,
    "A host that mail was moved away from still accepts mail for the domain: what arrives there is not read.",
    "Remove the domain from its configuration, or close its port 25.",
)
def former_exchanger_takes_mail(case: Case) -> Iterator[Found]:
    for dialogue, step in case.of_former().smtp.postmaster_steps():
        if accepts(step):
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It still accepts mail for {step['domain']}, which has moved away from it: {said(step)}.",
                f"Run inbound.mail.cutover again; or remove {step['domain']} from the configuration of "
                f"{dialogue['host']} by hand, or remove the host's address {dialogue['address']}.",
                expected="refused",
                observed=said(step),
                places=[dialogue["address"]],
            )
