# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.module_utils._path_check.received import received


class ActionModule(ActionBase):
    """Runs the module inbound.mail.delivery_trace on a mail host, and takes its result for what was asked."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        result: dict[str, Any] = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        if "observation" not in result or result.get("failed"):
            return result
        observation = result["observation"]
        said = observation.get("vantage") if isinstance(observation, dict) else None
        host = self._task.args.get("host") or (said if isinstance(said, str) else "")
        tokens = [str(token) for token in self._task.args.get("tokens") or []]
        seen = received(observation, str(host), ("mail_hosts", "traces"), tokens)
        found = {trace["token"] for trace in seen["traces"]}
        hosts = seen["mail_hosts"]
        return {
            **result,
            "observation": seen,
            "traces": seen["traces"],
            "missing": [token for token in dict.fromkeys(tokens) if token not in found],
            "unread": [why for one in hosts for why in one["unread"]],
            "names": [name for one in hosts for name in one["names"]],
        }
