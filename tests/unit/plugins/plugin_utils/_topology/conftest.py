# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as people write them, in YAML, compiled without Ansible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.model import Inventory
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import (
    DeclarationError,
    compile_plan,
)


def inventory(text: str) -> Inventory:
    """The variables of `all`, then of the group, then of the host, as Ansible merges them."""
    groups: dict[str, dict[str, Any]] = yaml.safe_load(text)
    common = (groups.pop("all", None) or {}).get("vars", {})
    hosts: dict[str, dict[str, Any]] = {}
    for group in groups.values():
        for name, variables in group["hosts"].items():
            hosts.setdefault(name, dict(common)).update({**group.get("vars", {}), **(variables or {})})
    return Inventory(hosts, {name: list(group["hosts"]) for name, group in groups.items()})


@pytest.fixture
def plan_of() -> Callable[[str], dict[str, Any]]:
    """The plan of an inventory."""
    return lambda text: compile_plan(inventory(text))


@pytest.fixture
def errors_of() -> Callable[[str], list[dict[str, str]]]:
    """Every error of an inventory."""

    def errors(text: str) -> list[dict[str, str]]:
        with pytest.raises(DeclarationError) as raised:
            compile_plan(inventory(text))
        return [problem.as_result() for problem in raised.value.errors]

    return errors
