# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the observation is complete: neither time nor a limit ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, NOTICE, Found, rule

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


@rule(
    "observation-limit",
    NOTICE,
    "limits of path_check",
    "DNS names more hosts or addresses than are looked at: the rest is unknown. What is declared has no limit.",
    "Remove the records that nothing needs. A sound domain stays far below the limits.",
)
def observation_limit(case: Case) -> Iterator[Found]:
    # Observations of releases before 0.9.0 do not say it.
    for left in case.observation.get("left_out", ()):
        yield Found(
            left["subject"],
            f"It has {left['number']} more {left['kind']} than the {left['limit']} that are looked at.",
            f"Remove the records of {left['subject']} that nothing needs.",
            expected=left["limit"],
            observed=left["limit"] + left["number"],
            unknown=True,
        )


@rule(
    "observation-damaged",
    ERROR,
    "the request",
    "What a host returned is damaged, or is not what it was asked for: its part of the verdict is missing.",
    "Look at that host: its Python, its disk, and who has access to it.",
)
def observation_damaged(case: Case) -> Iterator[Found]:
    for one in case.observation.get("damaged", ()):
        yield Found(
            one["host"],
            f"What it returned was not used: {one['why']}.",
            f"Run it again; if it stays so, look at {one['host']}: its Python, its disk, and who has access to it.",
        )
