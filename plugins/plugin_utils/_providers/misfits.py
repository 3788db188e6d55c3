# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options whose value is not of the kind that it has to be, told without the value: a secret may have got into any."""

from __future__ import annotations

from collections.abc import Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .options import ArgumentSpec, OptionSpec

_NEEDS = {
    "bool": "true or false",
    "dict": "a dictionary",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "text",
}


def misfits(argument_spec: ArgumentSpec, values: Mapping[str, object]) -> dict[str, str]:
    """Option -> what it has to be, for those of the spec whose value is not so."""
    return {
        name: _need(about) for name, about in argument_spec.items() if name in values and not _fits(about, values[name])
    }


def _fits(about: OptionSpec, value: object) -> bool:
    try:
        return not ArgumentSpecValidator({"option": about}).validate({"option": value}).error_messages
    except (OverflowError, ValueError):  # Ansible does not foresee numbers without end.
        return False


def _need(about: OptionSpec) -> str:
    if "choices" in about:
        return f"write one of {', '.join(about['choices'])} (what it has is not shown: it could be a secret)"
    return f"write {_NEEDS[about['type']]} (what it has is not shown: it could be a secret)"
