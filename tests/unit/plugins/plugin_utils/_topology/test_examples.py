# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example compiles to the plan that lies beside it; tests/write_plans.py writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[5] / "examples").glob("*/inventory.yml"))


def test_there_are_examples() -> None:
    assert {example.parent.name for example in EXAMPLES} >= {"direct", "nat", "relay", "relay-nat-firewall"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_example_compiles_to_its_golden_plan(example: Path, plan_of: Any) -> None:
    golden = json.loads(example.with_name("plan.json").read_text(encoding="utf-8"))
    plan = plan_of(example.read_text(encoding="utf-8"))
    assert plan == golden
    assert plan["warnings"] == []
    asked = {"balance": ["backup MX: backup.example.com"]}
    assert [request["owner"] for request in plan["manual"]] == asked.get(example.parent.name, [])


def test_order_is_stable(plan_of: Any) -> None:
    text = EXAMPLES[0].read_text(encoding="utf-8")
    assert json.dumps(plan_of(text)) == json.dumps(plan_of(text))
