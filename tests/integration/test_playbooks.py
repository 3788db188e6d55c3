# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under the settings and options that people have: strategies, missing groups, tags."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.inbound.mail.tests.integration.playbooks import run_playbook

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))

# Two hosts, of which none is contacted, and one that is not ours.
INVENTORY = """
all:
  vars:
    ansible_host: 192.0.2.1
    mail_domains: [{name: example.org}]
    mail_dns: {default: {provider: rfc2136, server: 192.0.2.53}}
    mail_public_networks: [203.0.113.0/24]
  hosts: {elsewhere: {}}
mail_servers:
  hosts:
    mx1: {mail_topology: direct, mail_fqdn: mx1.example.org, mail_addresses: [203.0.113.1]}
    mx2: {mail_topology: direct, mail_fqdn: mx2.example.org, mail_addresses: [203.0.113.2]}
"""


def run(folder: Path, playbook: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "inventory.yml").write_text(INVENTORY, encoding="utf-8")
    return run_playbook(folder, f"inbound.mail.{playbook}", "-i", "inventory.yml", *options, **environment)


def words(result: subprocess.CompletedProcess[str]) -> str:
    return " ".join((result.stdout + result.stderr).split())


def test_stages_begin_on_all_hosts_together_whatever_strategy_is_configured(tmp_path: Path) -> None:
    """With `free`, `run_once` does not hold, and a host goes on to the next stage before the others have ended."""
    result = run(tmp_path, "plan", "-e", "mail_plan_dest=", ANSIBLE_STRATEGY="free")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert result.stdout.count("10          3600") == 2  # the table once, with both hosts
    for playbook in PLAYBOOKS:
        plays = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8"))
        own = [play for play in plays if "ansible.builtin.import_playbook" not in play]
        assert {play.get("strategy") for play in own} == {"ansible.builtin.linear"}, playbook


@pytest.mark.parametrize("limit", ["", "mx1"])
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_missing_group_is_neither_a_warning_nor_an_error(playbook: str, limit: str, tmp_path: Path) -> None:
    options = ["--list-hosts", *(["--limit", limit] if limit else [])]
    for mismatch in ("warning", "error"):
        result = run(tmp_path, playbook, *options, ANSIBLE_HOST_PATTERN_MISMATCH=mismatch)
        assert (result.returncode, result.stderr) == (0, "")
        hosts = set(re.findall(r"^      (\S+)$", result.stdout, re.MULTILINE))
        assert hosts - {"localhost"} == ({limit} if limit else {"mx1", "mx2"})


def tasks(folder: Path, playbook: str, *options: str) -> list[str]:
    result = run(folder, playbook, "--list-tasks", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    return re.findall(r"^      (\S.*?)\tTAGS", result.stdout, re.MULTILINE)


PROBE = "Probe every mail exchanger by its address"
STAGES = {
    "plan": (),
    "mail": ("Configure the relay", "Configure the mail server"),
    "firewall": ("Configure the NAT gateway", "Configure the DMZ firewall"),
    "dns": (
        PROBE,
        "Require that every mail exchanger was seen to take mail",
        "Publish the DNS records of each endpoint",
    ),
}


@pytest.mark.parametrize("tag", STAGES)
def test_a_tag_of_site_selects_a_stage_and_keeps_its_gates(tag: str, tmp_path: Path) -> None:
    found = tasks(tmp_path, "site", "--tags", tag)
    assert "Compile the plan" in found
    for stage, names in STAGES.items():
        assert all((name in found) is (stage == tag) for name in names), (stage, found)
    left = tasks(tmp_path, "site", "--skip-tags", tag) if tag != "plan" else found
    assert not set(STAGES[tag]) & set(left) or tag == "plan"


@pytest.mark.parametrize(
    ("playbook", "options", "said"),
    [
        *((name, ["--skip-tags", tag], "leaves out the plan") for name in ("plan", "site", "verify")
          for tag in ("always", "plan", "tagged")),
        ("verify", ["--tags", "plan"], "nothing is proven"),
        ("verify", ["--tags", "dns"], "nothing is proven"),
        ("verify", ["--skip-tags", "verify"], "nothing is proven"),
        ("cutover", ["--tags", "dns"], "A cutover is run whole"),
        ("cutover", ["--skip-tags", "dns"], "A cutover is run whole"),
    ],
)  # fmt: skip
def test_tags_that_leave_out_a_gate_are_refused(playbook: str, options: list[str], said: str, tmp_path: Path) -> None:
    result = run(tmp_path, playbook, *options)
    assert result.returncode != 0
    assert said in words(result)
    assert "unreachable=1" not in result.stdout  # no host was contacted
