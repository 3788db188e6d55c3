# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's roles on hosts that boot: what is there after a reboot, and beside the distribution's own service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "firewall"
GOLDEN = Path(__file__).resolve().parents[1] / "unit" / "plugins" / "module_utils" / "_firewall" / "golden"
PLAYBOOK = str(SCENARIO / "roles.yml")
UNIT = "inbound-mail-firewall@nat.service"


@pytest.fixture(scope="module", params=["trixie", "bookworm"])
def fresh_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        yield lab


@pytest.fixture
def lab(fresh_lab: Lab) -> Lab:
    fresh_lab.playbook(PLAYBOOK)
    return fresh_lab


def reaches(lab: Lab, host: str, address: str) -> str:
    """The address that the server sees the client come from; empty if the client gets no answer."""
    return lab.run(host, f"timeout 5 nc -w 4 {address} 25 </dev/null", check=False).stdout.strip()


def holds(lab: Lab) -> None:
    assert reaches(lab, "outside", "203.0.113.1") == "203.0.113.25"
    assert reaches(lab, "mail", "203.0.113.25") == "203.0.113.3"
    assert reaches(lab, "outside", "2001:db8:10::10") == "2001:db8:113::25"
    assert reaches(lab, "stranger", "2001:db8:10::10") == ""
    assert "masquerade" in lab.run("gateway", "nft list table ip by_hand").stdout


def recap(output: str) -> dict[str, int]:
    return {
        host: int(changed) for host, changed in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", output, re.MULTILINE)
    }


def test_check_mode_on_a_fresh_host_predicts_and_changes_nothing(fresh_lab: Lab) -> None:
    """The first test: nothing is set up yet, and the firewall has no nft."""
    rules = fresh_lab.run("gateway", "nft --handle list ruleset").stdout
    predicted = fresh_lab.playbook(PLAYBOOK, "--check", "--diff").stdout
    assert recap(predicted) == {"gateway": 1, "firewall": 2}
    assert "+\t\t\t203.0.113.1 . 25 : 192.168.0.10," in predicted
    assert '+\t\t\t"internet" . "lan" . 25 : drop,' in predicted
    assert "+net.ipv4.ip_forward = 1" in predicted
    assert fresh_lab.run("firewall", "command -v nft", check=False).returncode != 0
    assert fresh_lab.run("gateway", "nft --handle list ruleset").stdout == rules
    assert fresh_lab.run("gateway", "ls -d /etc/inbound.mail", check=False).returncode != 0
    assert fresh_lab.run("gateway", "sysctl -n net.ipv4.ip_forward").stdout == "0\n"


def test_second_run_changes_nothing(lab: Lab) -> None:
    holds(lab)
    assert recap(lab.playbook(PLAYBOOK).stdout) == {"gateway": 0, "firewall": 0}


@pytest.mark.parametrize("what", ["reload", "restart", "stop", "try-reload-or-restart"])
def test_service_of_the_distribution_does_not_take_the_table_along(lab: Lab, what: str) -> None:
    before = lab.run("gateway", "nft --stateless list ruleset").stdout
    lab.run("gateway", f"systemctl {what} nftables")
    if what == "stop":
        assert "inbound_mail" not in lab.run("gateway", "nft list ruleset").stdout
        lab.run("gateway", "systemctl start nftables")
    # systemctl waits for the service that it was asked about, not for the one that follows it.
    lab.await_run("gateway", "nft list table inet inbound_mail_nat", within=30)
    assert lab.run("gateway", "nft --stateless list ruleset").stdout == before
    assert lab.run("gateway", f"systemctl is-active {UNIT}").stdout == "active\n"
    holds(lab)


def test_documented_recovery_after_a_flush_by_hand(lab: Lab) -> None:
    """By a program of others, or an administrator: systemd does not hear of it."""
    tables = "nft --stateless list table inet inbound_mail_nat"
    before = lab.run("gateway", tables).stdout
    lab.run("gateway", "nft flush ruleset")
    assert reaches(lab, "outside", "203.0.113.1") == ""
    lab.run("gateway", "systemctl reload inbound-mail-firewall@nat")
    assert lab.run("gateway", tables).stdout == before
    assert reaches(lab, "outside", "203.0.113.1") == "203.0.113.25"
    lab.run("gateway", "systemctl restart nftables")


def test_reboot(lab: Lab) -> None:
    before = {host: lab.run(host, "nft --stateless list ruleset").stdout for host in ("gateway", "firewall")}
    lab.reboot("gateway", "firewall")
    for host, rules in before.items():
        assert lab.run(host, "nft --stateless list ruleset").stdout == rules
    holds(lab)
    assert recap(lab.playbook(PLAYBOOK).stdout) == {"gateway": 0, "firewall": 0}


def test_table_is_there_before_the_network(lab: Lab) -> None:
    lab.reboot("firewall")
    times = lab.run(
        "firewall",
        "systemctl show --property=ActiveEnterTimestampMonotonic --value inbound-mail-firewall@dmz network-pre.target",
    ).stdout.split()
    loaded, network = map(int, times)
    assert 0 < loaded <= network


def test_pulled_plug(lab: Lab) -> None:
    lab.reboot("gateway", power=False)
    holds(lab)


def test_nft_of_this_release_takes_the_golden_rulesets(lab: Lab) -> None:
    for golden in sorted(GOLDEN.glob("*.nft")):
        (lab.root("gateway") / "root" / golden.name).write_text(golden.read_text())
        lab.run("gateway", f"nft --check --file /root/{golden.name}")


def test_taken_out_it_is_as_it_was_also_after_a_reboot(lab: Lab) -> None:
    """The last test: nothing of ours is left."""
    state = "-email_nat_gateway_state=absent", "-email_dmz_firewall_state=absent"
    lab.playbook(PLAYBOOK, *state)
    assert recap(lab.playbook(PLAYBOOK, *state).stdout) == {"gateway": 0, "firewall": 0}
    for _boot in range(2):
        assert "inbound_mail" not in lab.run("gateway", "nft list ruleset").stdout
        assert "masquerade" in lab.run("gateway", "nft list table ip by_hand").stdout
        assert lab.run("firewall", "nft list ruleset").stdout == ""
        for host in ("gateway", "firewall"):
            assert lab.run(host, "sysctl -n net.ipv4.ip_forward").stdout == "0\n"
            assert lab.run(host, "find / -xdev -name '*inbound*mail*' ! -path '/root/.ansible/*'").stdout == ""
            assert lab.run(host, "systemctl list-units --all --plain --no-legend 'inbound*'").stdout == ""
        lab.reboot("gateway", "firewall")
