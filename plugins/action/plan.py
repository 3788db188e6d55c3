# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from ansible.errors import AnsibleActionFail, AnsibleError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.inbound.mail.plugins.plugin_utils._deps import missing_libraries
from ansible_collections.inbound.mail.plugins.plugin_utils._private_file import write_private
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.secrets import TOKEN_VARIABLES
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import (
    SHORT_TTL,
    STAGES,
    Inventoried,
    Transition,
    state_id,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import unfinished
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.endpoints import CREDENTIALS
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.model import Inventory
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.smarthosts import apart_from_secrets
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.variables import (
    BY_NAME,
    DEVICES,
    GROUPS,
    INSIDERS,
    MAIL_HOSTS,
    RETIRED,
    VANTAGES,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import (
    DeclarationError,
    compile_plan,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.plan import FORMAT_VERSION, Plan, PlanWarning
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.problems import Problem, as_lines
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.diagram import mermaid, svg
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import requests, tables

PRIVATE = 0o600


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
        former = _former_plan(path)
        members = {group: groups.get(group, ()) for group in (*MAIL_HOSTS, *DEVICES, RETIRED)}
        inventoried = Inventoried(
            {host for group in (*MAIL_HOSTS, RETIRED) for host in members[group]},
            {host for group in DEVICES for host in members[group]},
        )
        try:
            transition = Transition(former, new, options["short_ttl"])
            problems = transition.problems(inventoried)
            stage = new if problems else transition.plan(options["stage"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # With what is strange, which a changed file explains best, and would show if it did not.
            strange = f"{type(error).__name__}: {error}"
            raise AnsibleActionFail(f"{path} is not as inbound.mail.plan wrote it ({strange}). {_OF_FORMER}") from error
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


_OF_FORMER = (
    "Name the file that inbound.mail.plan wrote while the inventory was the former one (-e mail_plan_dest=FILE); from "
    "version control, the former inventory compiles to it again."
)


def _former_plan(path: str) -> Plan:
    try:
        with open(path, encoding="utf-8") as file:
            plan = json.load(file)
    except OSError as error:
        raise AnsibleActionFail(f"The former plan cannot be read from {path}: {error.strerror}. {_OF_FORMER}") from None
    except ValueError as error:
        raise AnsibleActionFail(f"{path} is no plan: {error}. {_OF_FORMER}") from None
    if not isinstance(plan, dict) or plan.get("format_version") != FORMAT_VERSION or "cutover" in plan:
        raise AnsibleActionFail(f"{path} is not the plan of a state, or of another release. {_OF_FORMER}")
    return cast(Plan, plan)


def _drawer(dest: str) -> Callable[[Plan], str]:
    """Who draws what the name of a file asks for."""
    for ending, draw in ((".svg", svg), (".mmd", mermaid)):
        if dest.endswith(ending):
            return draw
    raise AnsibleActionFail(
        f"The drawing cannot be written to {dest}: its name says nothing of its kind. "
        "Name a file that ends with .svg (a picture) or .mmd (Mermaid)."
    )


class DeclaredVariables:
    """The variables that the plan is made of, of all hosts of our groups, whatever --limit says.

    A host's variables are many, and templating all of them takes seconds for a thousand hosts: only the catalogue's are
    looked at, and of those only the ones with a template in them are templated.

    needs_credentials: whether one that cannot be read is a problem. None of them is kept.
    """

    def __init__(
        self, hostvars: Any, groups: Mapping[str, list[str]], templar: Templar, needs_credentials: bool
    ) -> None:
        self.problems: list[Problem] = []
        self._needs_credentials = needs_credentials
        self._looked_for_credentials: set[tuple[str, str]] = set()
        self._hostvars = hostvars
        self._groups = groups
        self._templar = templar
        # By identity: hosts share the values of group variables. The raw value is kept so that its id stays its own.
        self._constants: dict[int, tuple[object, object]] = {}

    def inventory(self) -> Inventory:
        ours = {group: [str(name) for name in self._groups.get(group, ())] for group in (*GROUPS, VANTAGES, INSIDERS)}
        names = dict.fromkeys(name for members in ours.values() for name in members)
        return Inventory({name: self._of(name) for name in names}, {**self._groups, **ours})

    def _of(self, host: str) -> dict[str, Any]:
        raw = self._hostvars.raw_get(host)
        return {
            str(name): self._value(host, name, value, raw) if name in BY_NAME else None
            for name, value in raw.items()
            if name.startswith("mail_")
        }

    def _value(self, host: str, name: str, value: Any, raw: Mapping[str, Any]) -> Any:
        conceal = _CONCEAL.get(name)
        if conceal and self._needs_credentials:
            self._look_for_credentials(host, name, value, raw)
        known = self._constants.get(id(value))
        if known is not None:
            return known[1]
        wanted = conceal(value) if conceal else value
        try:
            if _is_constant(wanted):
                plain = _plain(wanted)
                self._constants[id(value)] = (value, plain)
                return plain
            found = self._templar_of(raw).template(wanted)
            return _plain(conceal(found) if conceal else found)
        except AnsibleError as error:
            # What a template of it gives, or says when it fails, may be secret.
            reason = "" if conceal else f": {error.message}"
            self.problems.append(
                Problem(host, name, f"cannot be read{reason}", "Set the variables that it is made of, for this host")
            )
            return None

    def _templar_of(self, raw: Mapping[str, Any]) -> Templar:
        return self._templar.copy_with_new_env(available_variables={**raw, "hostvars": self._hostvars})

    def _look_for_credentials(self, host: str, name: str, value: Any, raw: Mapping[str, Any]) -> None:
        """What all hosts share is read for the first one alone."""
        where = "" if BY_NAME[name].shared else host
        if (where, name) in self._looked_for_credentials:
            return
        self._looked_for_credentials.add((where, name))
        for place, credential, may_be_empty in _credentials_in(name, value):
            try:
                found = _plain(self._templar_of(raw).template(credential))
            except AnsibleUndefinedVariable as error:
                self._unreadable(where, name, place, f"cannot be read: {error.message}")
            except AnsibleError:
                # What else is said of it may be secret.
                self._unreadable(where, name, place, "cannot be read")
            else:
                if not found and not may_be_empty:
                    self._unreadable(where, name, place, "is empty")

    def _unreadable(self, host: str, name: str, place: str, what: str) -> None:
        remedy = "Set the variables that it is made of, in the inventory, a vault that is open, or the environment"
        self.problems.append(Problem(host, name, f"{place}: {what}", remedy))


def _credentials_in(name: str, value: Any) -> Iterator[tuple[str, Any, bool]]:
    """Each credential in a variable: its place, how it is written, and whether it may be empty; none in what a template
    makes as a whole."""
    for key, entry in value.items() if isinstance(value, Mapping) else ():
        if name == "mail_credentials":
            yield str(key), entry, False
        elif isinstance(entry, Mapping):
            variable = TOKEN_VARIABLES.get(str(entry.get("provider")))
            in_environment = bool(variable and os.environ.get(variable))
            key_name = entry.get("key_name")
            # A key without a name is none, and what a name is made of may be empty too.
            may_be_empty = {
                "key_secret": not key_name or not _is_constant(key_name),
                "api_token": in_environment,
                "options": True,
            }
            for option in sorted(CREDENTIALS & entry.keys()):
                yield f"{key}.{option}", entry[option], may_be_empty[option]
            if variable and "api_token" not in entry:
                yield f"{key}.api_token ({variable} in the environment)", "", in_environment


def _apart_from_credentials(endpoints: Any) -> Any:
    """mail_dns without what a credential's template or vault holds: it is not needed here, and it may be out of reach.

    How it is written stays, so that a difference between hosts is found.
    """
    if not isinstance(endpoints, Mapping):
        return endpoints
    return {
        key: {option: _as_written(value) if option in CREDENTIALS else value for option, value in options.items()}
        if isinstance(options, Mapping)
        else options
        for key, options in endpoints.items()
    }


def _as_written(credential: Any) -> str:
    """The text of a credential as it stands in the inventory, no template any more; nothing for an encrypted one."""
    return hashlib.sha256(credential.encode()).hexdigest() if isinstance(credential, str) else ""


_CONCEAL: dict[str, Callable[[Any], Any]] = {
    "mail_dns": _apart_from_credentials,
    "mail_credentials": apart_from_secrets,
}
"""Variables with secrets in them -> what is read of them."""


def _is_constant(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value and "{#" not in value
    if isinstance(value, Mapping):
        return all(map(_is_constant, value)) and all(map(_is_constant, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, (bool, int, float))


def _plain(value: Any) -> Any:
    """Without the tags that ansible-core keeps at every value."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _current(path: str) -> tuple[str, int | None]:
    """What a file holds and its permissions; nothing if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        return "", None
