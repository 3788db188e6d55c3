# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding is shown as: its severity, or that it is unknown or accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import SEVERITIES
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import ACCEPTED, FINDING, UNKNOWN

KINDS = (*SEVERITIES, UNKNOWN, ACCEPTED)


def kind_of(finding: Mapping[str, Any]) -> str:
    return str(finding["severity"] if finding["status"] == FINDING else finding["status"])
