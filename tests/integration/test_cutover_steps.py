# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step of a cutover counts as done only where this run has carried it out, whatever the clock says meanwhile."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import (
    read_progress,
    write_progress,
)
from ansible_collections.inbound.mail.tests.integration.playbooks import run_playbook

CUTOVER = {
    "stage": "new",
    "id": "a",
    "states": {"former": "f", "new": "n"},
    "former_ttl": 3600,
    "short_ttl": 60,
    "changes": [],
    "zones": [],
    "retired": {"relay": [], "server": []},
    "sessions": {},
    "domains": ["example.org"],
    "former_exchanges": [],
}
DONE_BEFORE = {"beside": [], "switched": ["beside", "switching"], "new": ["beside", "switching", "switched"]}
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: inbound.mail.mail_cutover, tasks_from: "{{ step }}"}
      vars:
        mail_cutover_from: former.json
        mail_cutover_wait: false
        mail_cutover_new: {plan: {cutover: "{{ cutover }}"}}
"""


def recorded(folder: Path, step: str, announced: str, done: list[str]) -> set[str]:
    """What the file says is done after the role's tasks of a step. announced: the stage that `site` was run for."""
    path = folder / "state"
    # Each of them so long ago that every TTL has passed.
    times = dict.fromkeys(done, time.time() - 7200)
    write_progress(str(path), replace(read_progress(str(path), CUTOVER), times=times))  # type: ignore[arg-type]
    result = {"path": str(path), "next": {"stage": announced, "delegation": "", "pause": 0, "verify": False}}
    variables = {"step": step, "cutover": CUTOVER, "mail_cutover_result": result, "mail_dns_result": {"results": []}}
    (folder / "play.yml").write_text(PLAY, encoding="utf-8")
    (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    # As registered results, which a later one replaces: given with -e they could not be.
    play = PLAY.replace("  tasks:\n", "  vars_files: [variables.json]\n  tasks:\n")
    (folder / "play.yml").write_text(play, encoding="utf-8")
    run = run_playbook(folder, "-i", "localhost,", "-c", "local", "play.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    return set(json.loads(path.read_text(encoding="utf-8"))["times"])


@pytest.mark.parametrize("step", DONE_BEFORE)
def test_a_step_that_site_carried_out_is_recorded(step: str, tmp_path: Path) -> None:
    done = DONE_BEFORE[step]
    assert recorded(tmp_path, step, step, done) == {*done, step}


@pytest.mark.parametrize("step", DONE_BEFORE)
def test_a_step_that_site_left_out_is_not_recorded_although_its_time_has_come(step: str, tmp_path: Path) -> None:
    """The TTL ran out after `site` was told to do nothing yet: the records still lead the former way."""
    done = DONE_BEFORE[step]
    assert recorded(tmp_path, step, "", done) == set(done)


def test_records_are_not_switched_that_nothing_announced(tmp_path: Path) -> None:
    """Without that mark `site` would not know that some of them may lead to the new way already."""
    assert recorded(tmp_path, "switched", "switched", ["beside"]) == {"beside"}
