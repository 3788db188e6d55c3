# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A saved plan that was damaged ends a run with its name and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._former_plan import UnreadablePlan, read_former_plan
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.plan import FORMAT_VERSION

PLAN = json.dumps({"format_version": FORMAT_VERSION, "dns": {"default": {"caf\u00e9.example": []}}}, ensure_ascii=False)
DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path,
    "truncated": lambda path: path.write_text(PLAN[:-9], encoding="utf-8"),
    "empty": lambda path: path.write_text(""),
    "NULs": lambda path: path.write_bytes(b"\0" * 99),
    "Latin-1": lambda path: path.write_bytes(PLAN.encode("latin-1")),
    "deep": lambda path: path.write_text("[" * 100_000),
    "list": lambda path: path.write_text("[]"),
    "newer": lambda path: path.write_text(json.dumps({"format_version": FORMAT_VERSION + 1})),
    "of a stage": lambda path: path.write_text(json.dumps({"format_version": FORMAT_VERSION, "cutover": {}})),
    "directory": Path.mkdir,
    "fifo": os.mkfifo,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_message_names_the_file_and_the_remedy(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "former.json"
    DAMAGES[damage](path)
    with pytest.raises(UnreadablePlan, match=r"-e mail_plan_dest=FILE") as raised:
        read_former_plan(str(path))
    assert str(path) in str(raised.value)


def test_one_that_is_whole_is_read(tmp_path: Path) -> None:
    (tmp_path / "former.json").write_text(PLAN, encoding="utf-8")
    assert read_former_plan(str(tmp_path / "former.json")) == json.loads(PLAN)
