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
        result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
        if result.get("confirmed", True) or result.get("failed"):
            return result
        confirmed = self._confirm(task_vars, started + result.pop("confirm_within"))
        if confirmed.get("failed"):
            raise AnsibleActionFail(f"The change could not be confirmed: {confirmed.get('msg')}")
        return {**result, "confirmed": True}

    def _confirm(self, task_vars: Variables, deadline: float) -> Result:
        """Try until the host takes the change back: one lost connection is no reason to lose a good change."""
        arguments = {key: value for key, value in self._task.args.items() if key == "name"} | {"state": "confirmed"}
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
