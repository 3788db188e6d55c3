# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `endpoint`: the description of one DNS service as a dictionary, in place of an option for each part."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from .base import InvalidOptions
from .options import ENDPOINT_SPEC, ArgumentSpec
from .secrets import secrets

TASK_SPEC: ArgumentSpec = {"endpoint": {"type": "dict", "no_log": True}}
"""Beside ARGUMENT_SPEC, in a task."""


def with_endpoint(arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a task with those of its endpoint in their place. Raises InvalidOptions, with all that is wrong.

    What the endpoint has counts, also where the task has it too; an option that is set to nothing is at its default.
    """
    merged = dict(arguments)
    endpoint = merged.pop("endpoint", None)
    if endpoint is None:
        return merged
    if not isinstance(endpoint, Mapping):
        raise InvalidOptions([f"endpoint: expected a dictionary, not {type(endpoint).__name__}"])
    if strange := [str(name) for name in endpoint if name not in ENDPOINT_SPEC]:
        raise InvalidOptions([f"endpoint: there is no option '{name}'. {_remedy(name)}" for name in strange])
    return {**merged, **endpoint}


def secrets_of(arguments: Mapping[str, object]) -> set[str]:
    """All that must not be shown, wherever in the arguments of a task it is."""
    endpoint = arguments.get("endpoint")
    return secrets(arguments) | (secrets(endpoint) if isinstance(endpoint, Mapping) else set())


def _remedy(name: str) -> str:
    near = get_close_matches(name, ENDPOINT_SPEC, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(sorted(ENDPOINT_SPEC))}"
