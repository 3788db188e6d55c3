# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles without what they need: they say so before they do anything."""

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
