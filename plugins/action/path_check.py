# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import LISTS
from ansible_collections.inbound.mail.plugins.module_utils._path_check.received import received
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

_LONGEST_LINE = 1000
# What only other tasks return.
_OF_OTHERS = ("damaged", "inside", "mail_hosts", "traces")


class ActionModule(ActionBase):
    """Runs the module inbound.mail.path_check on the vantage, takes its observation for what was asked, and prints its
    report where Ansible runs."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        result: dict[str, Any] = self._execute_module(task_vars=task_vars)
        if "observation" in result and not self._task.args.get("observations"):
            observation = result["observation"]
            said = observation.get("vantage") if isinstance(observation, dict) else None
            host = self._task.args.get("vantage") or (said if isinstance(said, str) else "")
            result["observation"] = received(observation, str(host), self._kinds())
        if self._is_set("show") and result.get("report"):
            report = "\n".join(harmless(line, _LONGEST_LINE) for line in str(result["report"]).split("\n"))
            self._display.display(f"\n{report}\n")
        return result

    def _kinds(self) -> tuple[str, ...]:
        """The lists of an observation that the task's options ask for."""
        if self._is_set("egress_only"):
            return ("connections",)
        if self._is_set("inside"):
            return ("connections", "inside", "resolvers")
        return tuple(kind for kind in LISTS if kind not in _OF_OTHERS)

    def _is_set(self, option: str) -> bool:
        return bool(boolean(self._task.args.get(option, False), strict=False))
