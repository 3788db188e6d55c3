# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the observation is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import NOTICE, Found, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "observation-incomplete",
    NOTICE,
    "deadline",
    "Time ran out before everything was observed: the rest is unknown.",
    "Allow more time (deadline), or find out what it waits for.",
)
def observation_incomplete(case: Case) -> Iterator[Found]:
    if not case.observation["complete"]:
        yield Found(
            case.reachability.vantage,
            "Time ran out before everything was observed.",
            "Allow more time (deadline, mail_verify_deadline), or see in the other findings what it waits for.",
            unknown=True,
        )
