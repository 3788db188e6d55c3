# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what is left of a state that mail was moved away from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.smtp import postmaster_steps, said, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "former-exchanger-takes-mail",
    ERROR,
    PLAN,
    "A host that mail was moved away from still takes mail for the domain: what comes there is found by nobody.",
    "Take the domain out of its configuration, or shut its port 25.",
)
def former_exchanger_takes_mail(case: Case) -> Iterator[Found]:
    for dialogue, step in postmaster_steps(case.of_former()):
        if step["code"] in (250, 251):
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It still takes mail for {step['domain']}, which has moved away from it: {said(step)}.",
                f"Run inbound.mail.cutover again; or take {step['domain']} out of the configuration of "
                f"{dialogue['host']} by hand, or its address {dialogue['address']} away.",
                expected="refused",
                observed=said(step),
            )
