# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks with settings and options of Ansible: none passes a gate, or loses mail behind a green run."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.tests.integration.playbooks import run_playbook

# Records are entered by hand, so no DNS server is asked.
INVENTORY = """
all:
  vars:
    mail_domains: [{name: example.org}]
    mail_dns: {default: {provider: manual}}
    ansible_host: 127.0.0.1
    ansible_port: %d
    ansible_ssh_timeout: 2
mail_servers:
  hosts:
    mail:
      mail_topology: direct
      mail_fqdn: mail.example.org
      mail_addresses: [9.9.0.1]
"""
RETIRED = """
mail_retired:
  hosts:
    former: {ansible_connection: local}
"""
GATEWAY = """
mail_gateways:
  hosts:
    gw: {mail_addresses: [9.9.0.1, 192.168.0.1], mail_interfaces: {wan: [eth0], lan: [eth1]}}
"""
BEHIND_NAT = (
    INVENTORY.replace("direct", "nat").replace(
        "[9.9.0.1]", "[192.168.0.10]\n      mail_public_addresses: [9.9.0.1]\n      mail_gateway: gw"
    )
    + GATEWAY
)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything, as a host does that hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def run(tmp_path: Path, silent_port: int) -> Run:
    """Runs a playbook in a folder of its own on the text of an inventory, in which %d is the silent port."""

    def run(
        playbook: str, inventory: str, *options: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "inventory.yml").write_text(inventory % silent_port, encoding="utf-8")
        variables = {"ANSIBLE_HOST_KEY_CHECKING": "0", **(environment or {})}
        return run_playbook(tmp_path, f"inbound.mail.{playbook}", "-i", "inventory.yml", *options, **variables)

    return run


def said(result: subprocess.CompletedProcess[str]) -> str:
    """What it printed, in one line."""
    return " ".join((result.stdout + result.stderr).replace("\\n", " ").split())


def tasks_done(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The names of the tasks that ran on a host, in this order."""
    parts = re.split(r"^(?:TASK|PLAY) \[?", result.stdout, flags=re.MULTILINE)
    names = [part.split("]", 1)[0] for part in parts if re.search(r"^(ok|changed|fatal|failed):", part, re.MULTILINE)]
    return [name for name in names if "Validating arguments against arg spec" not in name]


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_configured_strategy_lets_no_host_pass_a_gate_before_a_slow_one_has_failed(strategy: str, run: Run) -> None:
    result = run("site", INVENTORY + RETIRED, environment={"ANSIBLE_STRATEGY": strategy})
    assert result.returncode != 0
    assert "mail could not be set up" in said(result)
    assert "Probe every mail exchanger by its address" not in tasks_done(result)


@pytest.mark.parametrize("options", [[], ["--limit", "mail"]], ids=["all hosts", "one host"])
@pytest.mark.parametrize("playbook", ["plan", "site", "verify", "cutover"])
def test_missing_group_is_neither_a_warning_nor_an_end_in_the_middle(
    playbook: str, options: list[str], run: Run
) -> None:
    run("plan", INVENTORY, "-e", "mail_plan_dest=former.json")
    variables = (
        "mail_cutover_from=former.json mail_verify_timeout=0.5 mail_verify_smtp_timeout=1 mail_verify_deadline=2"
    )
    options = [*options, "-e", variables, "--check"]
    usual = run(playbook, INVENTORY, *options)
    strict = run(playbook, INVENTORY, *options, environment={"ANSIBLE_HOST_PATTERN_MISMATCH": "error"})
    assert "host pattern" not in said(usual) + said(strict)
    assert strict.returncode == usual.returncode
    assert tasks_done(strict) == tasks_done(usual)


def test_hosts_outside_of_the_mail_groups_take_no_part(run: Run) -> None:
    result = run("site", INVENTORY + "ungrouped:\n  hosts: {stranger: {}}\n", "--check")
    assert "stranger" not in result.stdout


# Tags. Every host hangs, so a run ends where it would begin to change something.


@pytest.mark.parametrize("tags", ["plan", "verify", "nosuch"])
def test_any_tag_compiles_the_plan_and_these_change_nothing(tags: str, run: Run) -> None:
    result = run("site", BEHIND_NAT, "--tags", tags)
    assert result.returncode == 0
    assert tasks_done(result) == ["Compile the plan"]


def test_tag_mail_begins_with_the_mail_hosts(run: Run) -> None:
    result = run("site", BEHIND_NAT, "--tags", "mail")
    assert result.returncode != 0
    assert "fatal: [mail]: UNREACHABLE!" in result.stdout
    assert "gw" not in result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--tags", "firewall"],
        ["--tags", "firewall,dns"],
        ["--skip-tags", "mail"],
        ["--tags", "mail,firewall,dns", "--skip-tags", "mail"],
    ],
    ids=" ".join,
)
def test_no_device_is_changed_before_the_mail_hosts(options: list[str], run: Run) -> None:
    result = run("site", BEHIND_NAT, *options)
    assert result.returncode != 0
    assert "mail was not configured in this run" in said(result)
    assert "(--tags mail,firewall)" in said(result)
    assert tasks_done(result)[-1] == "Require that the mail hosts were configured first"


def test_limited_run_changes_a_device_alone(run: Run) -> None:
    result = run("site", BEHIND_NAT, "--tags", "firewall", "--limit", "gw")
    assert "was not configured in this run" not in said(result)
    assert "fatal: [gw]: UNREACHABLE!" in result.stdout


@pytest.mark.parametrize("options", [["--tags", "dns"], ["--skip-tags", "mail,firewall"]], ids=" ".join)
def test_no_record_is_published_before_the_probe(options: list[str], run: Run) -> None:
    result = run("site", INVENTORY, *options)
    assert result.returncode != 0
    assert tasks_done(result)[-1] == "Probe every mail exchanger by its address"


@pytest.mark.parametrize(
    "options",
    [
        ["--skip-tags", "always"],
        ["--skip-tags", "always,mail"],
        ["--skip-tags", "always,mail,firewall"],
        ["--skip-tags", "always", "--tags", "dns"],
        ["--skip-tags", "always", "--tags", "firewall"],
        ["--start-at-task", "Configure the NAT gateway"],
        ["--start-at-task", "Publish the DNS records of each endpoint"],
    ],
    ids=" ".join,
)
def test_nothing_is_changed_without_the_plan(options: list[str], run: Run) -> None:
    result = run("site", BEHIND_NAT, *options)
    assert result.returncode != 0
    assert not re.search("^changed:", result.stdout, re.MULTILINE)
    if "--skip-tags" in options:
        assert re.search("The plan was not compiled in this run|leaves out the plan", said(result))


@pytest.mark.parametrize(
    "options",
    [["--tags", "dns"], ["--tags", "nosuch"], ["--skip-tags", "mail"], ["--skip-tags", "verify"]],
    ids=" ".join,
)
def test_cutover_is_done_whole(options: list[str], run: Run) -> None:
    run("plan", INVENTORY, "-e", "mail_plan_dest=former.json")
    result = run("cutover", INVENTORY, "-e", "mail_cutover_from=former.json", *options)
    assert result.returncode != 0
    assert "A cutover is run whole" in said(result)


def test_cutover_without_its_first_play_is_none(run: Run) -> None:
    run("plan", INVENTORY, "-e", "mail_plan_dest=former.json")
    result = run("cutover", INVENTORY, "-e", "mail_cutover_from=former.json", "--skip-tags", "always")
    assert result.returncode != 0
    assert not re.search("^changed:", result.stdout, re.MULTILINE)
