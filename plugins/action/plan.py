# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.plugin_utils._deps import missing_libraries
from ansible_collections.inbound.mail.plugins.plugin_utils._former_plan import (
    HOW_TO_WRITE,
    UnreadablePlan,
    read_former_plan,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._inventory import DeclaredVariables
from ansible_collections.inbound.mail.plugins.plugin_utils._private_file import read_private, write_private
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import (
    SHORT_TTL,
    STAGES,
    Inventoried,
    Transition,
    state_id,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import unfinished
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.variables import (
    DEVICES,
    MAIL_HOSTS,
    RETIRED,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import (
    DeclarationError,
    compile_plan,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.plan import Plan, PlanWarning
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.problems import as_lines
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.diagram import mermaid, svg
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import requests, tables

PRIVATE = 0o600
STRANGE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What a plan raises in which a value is not of its kind."""


class ActionModule(ActionBase):
    """inbound.mail.plan; documented in plugins/modules/plan.py."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "dest": {"type": "path"},
                "drawing": {"type": "path"},
                "show": {"type": "bool", "default": False},
                "show_requests": {"type": "bool", "default": False},
                "former": {"type": "path"},
                "stage": {"type": "str", "choices": list(STAGES)},
                "short_ttl": {"type": "int", "default": SHORT_TTL},
                "cutover_states": {"type": "list", "elements": "path", "default": []},
                "needs_credentials": {"type": "bool", "default": False},
            },
            required_together=[("former", "stage")],
        )
        draw = _drawer(options["drawing"]) if options["drawing"] else None
        if message := missing_libraries("dnspython"):
            raise AnsibleActionFail(message)
        variables = task_vars or {}
        declared = DeclaredVariables(
            variables["hostvars"], variables["groups"], self._templar, options["needs_credentials"]
        )
        try:
            plan = compile_plan(declared.inventory(), declared.problems)
        except DeclarationError as error:
            raise self._failure(error) from None
        places = options["cutover_states"]
        if places and (reason := unfinished(places, state_id(plan))):
            raise AnsibleActionFail(f"{reason} Nothing was changed.")
        if options["former"]:
            plan = self._between(plan, options, variables["groups"])
        result: dict[str, Any] = {"changed": False, "plan": plan, "tables": tables(plan)}
        if options["show"]:
            self._display.display(f"\n{result['tables']}\n")
        elif options["show_requests"]:
            # As it stands: in a result that Ansible prints, what is to be copied would be quoted.
            self._display.display(f"\n{requests(plan)}\n")
        else:
            self._warn(plan["warnings"])
        diffs: list[dict[str, str]] = []
        if options["dest"]:
            text = json.dumps(plan, indent=2, ensure_ascii=False) + "\n"
            result["dest"], changed = self._write("plan", options["dest"], text, diffs)
            result["changed"] |= changed
        if draw:
            result["drawing"], changed = self._write("drawing", options["drawing"], draw(plan), diffs)
            result["changed"] |= changed
        if self._task.diff and diffs:
            result["diff"] = diffs
        return result

    def _failure(self, error: DeclarationError) -> AnsibleActionFail:
        self._warn([problem.as_result() for problem in error.warnings])
        count = len(error.errors)
        title = "1 error" if count == 1 else f"{count} errors"
        return AnsibleActionFail(
            f"{title} in the declared topology; nothing was changed.\n{as_lines(error.errors)}",
            result={"problems": [problem.as_result() for problem in error.errors]},
        )

    def _between(self, new: Plan, options: Mapping[str, Any], groups: Mapping[str, list[str]]) -> Plan:
        """The plan of a stage on the way from a former plan to the new one."""
        path = options["former"]
        try:
            former = read_former_plan(path)
        except UnreadablePlan as error:
            raise AnsibleActionFail(str(error)) from error
        members = {group: groups.get(group, ()) for group in (*MAIL_HOSTS, *DEVICES, RETIRED)}
        inventoried = Inventoried(
            {host for group in (*MAIL_HOSTS, RETIRED) for host in members[group]},
            {host for group in DEVICES for host in members[group]},
        )
        try:
            transition = Transition(former, new, options["short_ttl"])
            problems = transition.problems(inventoried)
            stage = new if problems else transition.plan(options["stage"])
        except STRANGE as error:
            # With what is strange, which a changed file explains best, and would show if it did not.
            strange = f"{type(error).__name__}: {error}"
            raise AnsibleActionFail(
                f"{path} is not as inbound.mail.plan wrote it ({strange}). {HOW_TO_WRITE}"
            ) from error
        if problems:
            raise AnsibleActionFail(
                "The former state and the new one cannot stand beside each other; nothing was changed.\n"
                f"{as_lines(problems)}",
                result={"problems": [problem.as_result() for problem in problems]},
            )
        return stage

    def _warn(self, warnings: Sequence[PlanWarning]) -> None:
        for warning in warnings:
            where = f"{warning['host'] or 'all hosts'}, {warning['variable']}"
            self._display.warning(f"{where}: {warning['message']}. {warning['remedy']}.")

    def _write(self, what: str, dest: str, after: str, diffs: list[dict[str, str]]) -> tuple[str, bool]:
        """Into a file of this user alone, as it describes the inside of a network. Its path, and whether it changed."""
        path = os.path.realpath(dest)
        try:
            before, mode = _current(path)
            changed = before != after or mode != PRIVATE
            if changed and not self._task.check_mode:
                write_private(path, after)
        except OSError as error:
            raise AnsibleActionFail(
                f"The {what} cannot be written to {dest}: {error.strerror}. "
                "Name a file in a directory that is there and that you can write to."
            ) from None
        if changed:
            diffs.append({"before": before, "after": after, "before_header": path, "after_header": path})
        return path, changed


def _drawer(dest: str) -> Callable[[Plan], str]:
    """Who draws what the name of a file asks for."""
    for ending, draw in ((".svg", svg), (".mmd", mermaid)):
        if dest.endswith(ending):
            return draw
    raise AnsibleActionFail(
        f"The drawing cannot be written to {dest}: its name says nothing of its kind. "
        "Name a file that ends with .svg (a picture) or .mmd (Mermaid)."
    )


def _current(path: str) -> tuple[str, int | None]:
    """What a file holds and its permissions; nothing if it is not there."""
    try:
        return read_private(path, errors="replace"), stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return "", None
