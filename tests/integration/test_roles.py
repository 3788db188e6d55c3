# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles without what they need, said before they do anything, and with nothing that they could see."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

# Nobody is there: whoever contacts the host first finds it unreachable.
INVENTORY = "mail ansible_host=192.0.2.1 ansible_ssh_common_args='-o ConnectTimeout=1'\n"
PLAYBOOK = "[{{hosts: mail, gather_facts: false, roles: [inbound.mail.{role}]}}]"


@pytest.mark.parametrize(("role", "given"), [("mail_relay", ""), ("mail_server", "_fqdn: mx.example.org")])
def test_postfix_is_not_installed_for_nothing(role: str, given: str, tmp_path: Path) -> None:
    (tmp_path / "inventory").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAYBOOK.format(role=role), encoding="utf-8")
    told = ["-e", f"{{{role}{given}}}"] if given else []
    run = subprocess.run(
        ["ansible-playbook", "-i", "inventory", *told, "play.yml"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2, run.stdout + run.stderr
    assert f"{role}_fqdn" in run.stdout + run.stderr
    assert "Nothing was changed" in run.stdout + run.stderr
    assert "unreachable=0" in run.stdout


VERIFY = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles: [inbound.mail.mail_verify]
  vars:
    mail_verify_vantage: localhost
    mail_verify_expectations:
      records: [{zone: example.org, name: example.org, type: MX, values: [10 mail.example.org.]}]
      ports: [{host: mail, address: 192.0.2.1, port: 25, open: true}]
    mail_verify_timeout: 1
"""


@pytest.mark.parametrize(("fail_on", "status"), [("error", 2), ("never", 0)])
def test_verdict_of_a_vantage_without_a_network(fail_on: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(VERIFY, encoding="utf-8")
    isolated = ["unshare", "--net", "ansible-playbook", "-i", "localhost,"]
    run = subprocess.run(
        [*isolated, "-e", f"mail_verify_fail_on={fail_on}", "play.yml"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert run.returncode == status, run.stdout + run.stderr
    assert "Verdict: no finding" in run.stdout
    assert ("nothing could be seen from localhost" in " ".join(run.stdout.split())) is (status != 0)
