# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Mapping
from typing import TypedDict, cast

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.plugin_utils._deps import missing_libraries
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions, ProviderError
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.moves import moves_of
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.report import result_of
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.services import inquire, services_of
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.wait import wait
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import listed, validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ArgumentSpec
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import InvalidName


class DelegationOptions(TypedDict):
    """wait_timeout: seconds."""

    endpoints: dict[str, object]
    zones: list[object]
    wait_timeout: float
    accept_differences: bool


class ActionModule(ActionBase):
    """inbound.mail.delegation; documented in plugins/modules/delegation.py."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, object] | None = None) -> dict[str, object]:
        super().run(tmp, task_vars)
        if message := missing_libraries("dnspython"):
            return {"failed": True, "msg": message}
        # A plain copy, without the tags that ansible-core keeps at every string.
        arguments = json.loads(json.dumps(self._task.args, default=str))
        hidden: set[str] = set()
        try:
            result = self._look(arguments, hidden)
        except InvalidOptions as error:
            result = {"failed": True, "msg": listed(error.problems)}
        except InvalidName as error:
            result = {"failed": True, "msg": str(error)}
        except Exception as error:  # Whatever happens, no secret must be in what is shown of it.
            result = {"failed": True, "msg": f"Unexpected error: {error}", "exception": traceback.format_exc()}
        cleaned: dict[str, object] = remove_values(result, hidden)
        return cleaned

    def _look(self, arguments: Mapping[str, object], hidden: set[str]) -> dict[str, object]:
        spec: ArgumentSpec = {
            "endpoints": {"type": "dict", "required": True},
            "zones": {"type": "list", "elements": "dict", "required": True},
            "wait_timeout": {"type": "float", "default": 0.0},
            "accept_differences": {"type": "bool", "default": False},
        }
        options = cast(DelegationOptions, validated(spec, {"": arguments})[""])
        moves = moves_of(options["zones"])
        services = services_of(options["endpoints"], moves, hidden)
        try:
            servers, contents = asyncio.run(inquire(moves, services))
            is_complete = not any(one.differences for found in contents.values() for one in found)
            # The administrator is not asked for a delegation to a host that is not ready.
            limit = options["wait_timeout"] if is_complete or options["accept_differences"] else 0.0
            looks = wait(servers, limit, self._display.display)
        except ProviderError as error:
            return {"failed": True, "msg": f"{error} Until that is mended, leave the delegation as it is."}
        return {**result_of(moves, servers, contents, looks, options["accept_differences"], self._display.warning)}
