# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes examples/*/plan.json anew, the golden plans that the unit tests compare with. Never run by a test.

After a change of the compiler that is meant so: python tests/write_plans.py, then read the diff before committing it.
The directory above ansible_collections/inbound/mail must be on PYTHONPATH, as for the unit tests (see the Makefile).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/unit/plugins/plugin_utils/_topology"))

from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import compile_plan  # noqa: E402
from conftest import inventory  # noqa: E402

for example in sorted((ROOT / "examples").glob("*/inventory.yml")):
    plan = compile_plan(inventory(example.read_text(encoding="utf-8")))
    golden = example.with_name("plan.json")
    golden.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(golden.relative_to(ROOT))
