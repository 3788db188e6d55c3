# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins that write DNS have in common."""

from __future__ import annotations

import gc
import json
import traceback
from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, cast

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from .._deps import missing_libraries
from .base import InvalidOptions
from .endpoint import TASK_SPEC, secrets_of, with_endpoint
from .misfits import misfits
from .options import ARGUMENT_SPEC, ArgumentSpec, ProviderOptions
from .registry import run
from .rfc2136.tsig import InvalidKey
from .secrets import secrets, with_environment

if TYPE_CHECKING:
    from .._records.declarations import Declared


class DnsAction(ActionBase):
    """Validates the task's options, has what they declare brought about, and keeps secrets out of the result."""

    _requires_connection = False

    # The options beside those of the provider.
    argument_spec: ArgumentSpec

    @abstractmethod
    def declared(self, options: Mapping[str, object]) -> Declared:
        """The records that the validated options declare."""

    def run(self, tmp: str | None = None, task_vars: dict[str, object] | None = None) -> dict[str, object]:
        super().run(tmp, task_vars)
        # What Ansible holds by now is no garbage: to look through it again and again takes a tenth of a long run. This
        # is a process of the task's own, which ends with it.
        gc.freeze()
        gc.set_threshold(100_000)
        if message := missing_libraries("dnspython"):
            return {"failed": True, "msg": message}
        options = self._task.args
        hidden: set[str] = set()
        try:
            options = self._plain_arguments()
            hidden = secrets_of(options)
            options = with_environment(self._validated(options))
            given = cast(ProviderOptions, options)
            result = {**run(given, self.declared(options), self._task.check_mode, self._report)}
        except InvalidOptions as error:
            result = {"failed": True, "msg": listed(error.problems), "problems": error.problems}
        except InvalidKey as error:
            result = {"failed": True, "msg": str(error)}
        except Exception as error:  # Whatever happens, no secret must be in what is shown of it.
            result = {"failed": True, "msg": f"Unexpected error: {error}", "exception": traceback.format_exc()}
        return _without(hidden | secrets(options), result)

    def _plain_arguments(self) -> dict[str, object]:
        # A plain copy: the tags that ansible-core keeps at every string make each step slower. The task keeps it too,
        # since its arguments go back to the main process, which takes six seconds with the tags of 50,000 records.
        self._task.args = json.loads(json.dumps(self._task.args, default=str))
        arguments: dict[str, object] = self._task.args
        return arguments

    def _validated(self, arguments: Mapping[str, object]) -> dict[str, object]:
        spec = {**ARGUMENT_SPEC, **TASK_SPEC, **self.argument_spec}
        return validated(spec, {"": with_endpoint(arguments)})[""]

    def _report(self, line: str) -> None:
        self._display.display(f"{self._task.action}: {line}")


def validated(argument_spec: ArgumentSpec, arguments: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Each of the `arguments`, by its place in the task, with types and defaults of the spec. Raises InvalidOptions."""
    validator = ArgumentSpecValidator(argument_spec)
    plain = _Plain(argument_spec)
    results: dict[str, dict[str, object]] = {}
    problems: list[str] = []
    for place, values in arguments.items():
        if (result := plain.validated(values)) is not None:
            results[place] = result
            continue
        if not isinstance(values, Mapping):
            problems.append(f"{place}: expected a dictionary, not {type(values).__name__}")
            continue
        wrong = misfits({name: argument_spec[name] for name in ARGUMENT_SPEC if name in argument_spec}, values)
        problems += [f"{place}.{name}: {need}" if place else f"{name}: {need}" for name, need in wrong.items()]
        try:
            validation = validator.validate({name: value for name, value in values.items() if name not in wrong})
        except (OverflowError, ValueError) as error:  # Ansible does not foresee numbers without end.
            problems.append(f"{place or 'options'}: one of the numbers cannot be read: {error}")
            continue
        results[place] = validation.validated_parameters
        problems += [f"{place}: {message}" if place else message for message in validation.error_messages]
    if problems:
        raise InvalidOptions(problems)
    return results


class _Plain:
    """Validates what needs no conversion: Ansible's way takes a tenth of a second for a thousand records."""

    def __init__(self, argument_spec: ArgumentSpec) -> None:
        self._options = [
            (name, _TYPES.get(about["type"], ()), about.get("choices"), about.get("required"), about.get("default"))
            for name, about in argument_spec.items()
        ]
        self._known = argument_spec.keys()

    def validated(self, values: object) -> dict[str, object] | None:
        """None for what Ansible has to judge."""
        if not isinstance(values, dict) or not values.keys() <= self._known:
            return None
        result: dict[str, object] = {}
        for name, types, choices, required, default in self._options:
            value = values.get(name)
            if value is None:
                if required:
                    return None
                value = default
            elif not (type(value) in types and (not choices or value in choices) and _has_texts_only(value)):
                return None
            result[name] = value
        return result


def _has_texts_only(value: object) -> bool:
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)


# Of an option's type, those that stay as they are; no other is in the spec of a record.
_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "list": (list,)}


def _without(secret_texts: Collection[str], result: dict[str, object]) -> dict[str, object]:
    """The result without the secrets, which is looked through only if one of them is in it at all."""
    text = json.dumps(result, ensure_ascii=False, default=str)
    if any(json.dumps(secret, ensure_ascii=False)[1:-1] in text for secret in secret_texts):
        result = remove_values(result, secret_texts)
    return result


def listed(problems: list[str]) -> str:
    """One message for all of them."""
    if len(problems) == 1:
        return problems[0]
    return f"{len(problems)} problems:\n" + "\n".join(f"- {problem}" for problem in problems)
