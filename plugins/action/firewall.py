# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any, Optional

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

MODULE = "inbound.mail.firewall"

Variables = Optional[dict[str, Any]]
Result = dict[str, Any]

# Seconds between two attempts to reach a host that refuses connections.
_PAUSE = 1.0


class ActionModule(ActionBase):
    """inbound.mail.firewall; documented in plugins/modules/firewall.py.

    Where the module has made a change that waits for confirmation, it is confirmed over a new connection. An old one
    proves nothing, as connection tracking lets it live on.
    """

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Variables = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        started = time.monotonic()
        if self._task.args.get("state") == "confirmed" and not self._task.check_mode:
            self._connection.reset()
        result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
        if result.get("failed"):
            return self._with_reason(result)
        if result.get("confirmed", True) or "change_id" not in result:
            return result
        change_id, deadline = result.pop("change_id"), started + result.pop("confirm_within")
        confirmed = self._confirm(task_vars, deadline, change_id)
        if confirmed.get("failed"):
            raise AnsibleActionFail(f"The change could not be confirmed: {confirmed.get('msg')}")
        return {**result, "confirmed": True}

    def _with_reason(self, result: Result) -> Result:
        """A process that hangs is killed by the host in order to revert its change, and cannot say so itself."""
        if "module_stdout" in result and self._task.args.get("confirm_timeout"):
            result["msg"] = (
                f"The module was ended before it said what it did ({result.get('msg')}). If it had begun a change, the "
                "change is not confirmed, and the host reverts it when confirm_timeout is over"
            )
        return result

    def _confirm(self, task_vars: Variables, deadline: float, change_id: str) -> Result:
        """Try until the host reverts the change: one lost connection is no reason to lose a good change."""
        named = {key: value for key, value in self._task.args.items() if key == "name"}
        arguments = {**named, "state": "confirmed", "change_id": change_id}
        while True:
            self._connection.reset()
            try:
                confirmed: Result = self._execute_module(MODULE, arguments, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                if time.monotonic() < deadline:
                    time.sleep(_PAUSE)
                    continue
                raise AnsibleActionFail(
                    "After the change no new connection to the host could be made, so it is not confirmed, and the "
                    f"host takes it back by itself. Look for a flow that catches your own connection. ({error})"
                ) from error
            return confirmed
