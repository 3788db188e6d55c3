# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The saved plan of a former state, which a cutover starts from."""

from __future__ import annotations

import json
from typing import cast

from ._private_file import read_private
from ._topology.plan import FORMAT_VERSION, Plan

HOW_TO_WRITE = (
    "Name the file that inbound.mail.plan wrote while the inventory was the former one (-e mail_plan_dest=FILE); from "
    "version control, the former inventory compiles to it again."
)


class UnreadablePlan(Exception):
    """The file holds no plan that this release reads; says why, and what to do."""


def read_former_plan(path: str) -> Plan:
    """Raises UnreadablePlan. Below its first level nothing is checked."""
    try:
        plan = json.loads(read_private(path))
    except OSError as error:
        raise UnreadablePlan(f"The former plan cannot be read from {path}: {error.strerror}. {HOW_TO_WRITE}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadablePlan(f"{path} is no plan: {error}. {HOW_TO_WRITE}") from error
    version = plan.get("format_version") if isinstance(plan, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UnreadablePlan(
            f"{path} is the plan of a newer release (format_version {version}, this one reads {FORMAT_VERSION}). "
            "Use that release, or compile the former inventory with this one (-e mail_plan_dest=FILE)."
        )
    if version != FORMAT_VERSION or "cutover" in plan:
        raise UnreadablePlan(f"{path} is not the plan of a state, or of another release. {HOW_TO_WRITE}")
    return cast(Plan, plan)
