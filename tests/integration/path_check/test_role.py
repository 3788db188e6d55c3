# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mail_verify without any lab host: what a run fails for, and where its reports are."""

from __future__ import annotations

from pathlib import Path

import pytest
from controller import Controller
from world import World


@pytest.mark.parametrize(
    ("fail_on", "failed_for"),
    [("error", ["open-relay"]), ("warning", ["open-relay", "starttls-missing"]), ("never", [])],
)
def test_run_names_what_it_fails_for(world: World, tmp_path: Path, fail_on: str, failed_for: list[str]) -> None:
    second = world.network.new_address()
    world.listen("open")
    world.listen("in-clear", second)
    exchangers = [
        {"host": host, "fqdn": f"{host}.example.org", "addresses": [address], "domains": ["example.org"]}
        for host, address in (("mail", world.mx), ("other", second))
    ]
    told = {"mail_verify_expectations": {"smtp": exchangers}, "mail_verify_fail_on": fail_on}
    role = {"ansible.builtin.include_role": {"name": "inbound.mail.mail_verify"}, "vars": told}
    done = Controller(world.network, tmp_path).play([role], "--connection", "local")
    assert (done.returncode != 0) is bool(failed_for), done.stdout + done.stderr
    says = f"Verdict: 1 error and 1 warning. It fails for {', '.join(failed_for)}."
    assert (says in done.stdout) is bool(failed_for), done.stdout


def test_reports_are_below_the_directory_in_which_ansible_was_started(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not beside the playbook, which may be in a collection that is installed somewhere."""
    world.listen()
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    exchanger = {"host": "mail", "fqdn": "mail.example.org", "addresses": [world.mx], "domains": ["example.org"]}
    told = {"mail_verify_expectations": {"smtp": [exchanger]}, "mail_verify_report_dir": "report"}
    role = {"ansible.builtin.include_role": {"name": "inbound.mail.mail_verify"}, "vars": told}
    done = Controller(world.network, tmp_path).play([role], "--connection", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(file.name for file in (here / "report").iterdir()) == ["report.html", "report.json", "report.xml"]
