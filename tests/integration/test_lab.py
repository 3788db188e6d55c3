# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: that what it says of its hosts is so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab, LabError
from debian_lab.rehearsal import state

LAB = Path(__file__).resolve().parents[1] / "lab"
SMOKE = LAB / "scenarios" / "smoke"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(SMOKE) as lab:
        yield lab


def test_what_must_hold_holds(lab: Lab) -> None:
    lab.hold()


def test_ansible_reaches_every_host(lab: Lab) -> None:
    output = lab.ansible("all", "-m", "ansible.builtin.command", "-a", "hostname").stdout
    assert "alice | CHANGED | rc=0 >>\nalice" in output
    assert "bob | CHANGED | rc=0 >>\nbob" in output


def test_a_host_sees_nothing_of_the_machine_and_has_no_way_out(lab: Lab) -> None:
    assert lab.run("alice", "ip -brief link").stdout.split("\n")[0].startswith("lo ")
    links = {line.split()[0].partition("@")[0] for line in lab.run("alice", "ip -brief link").stdout.splitlines()}
    assert links == {"lo", "internet", "mgmt"}
    assert "Network is unreachable" in lab.run("alice", "ping -c 1 -W 1 198.51.100.1", check=False).stderr
    # Nor does the machine have one in.
    inside = subprocess.run(["ip", "route", "get", "10.255.0.2"], capture_output=True, text=True, check=False).stdout
    assert "dev mgmt" not in inside


def test_packages_install_without_a_mirror(lab: Lab) -> None:
    lab.ansible("alice", "-m", "ansible.builtin.apt", "-a", "name=nftables cache_valid_time=3600")
    assert "nftables v" in lab.run("alice", "nft --version").stdout


def test_a_reboot_clears_the_kernel_and_keeps_the_disk(lab: Lab) -> None:
    lab.run("bob", "nft add table inet by_hand && sysctl -qw net.ipv4.ip_forward=1 && echo kept >/root/file")
    boot = lab.run("bob", "cat /proc/1/stat").stdout.split()[21]
    lab.reboot("bob")
    assert lab.run("bob", "cat /proc/1/stat").stdout.split()[21] != boot
    assert "by_hand" not in lab.run("bob", "nft list tables").stdout
    assert lab.run("bob", "cat /proc/sys/net/ipv4/ip_forward").stdout == "0\n"
    assert lab.run("bob", "cat /root/file").stdout == "kept\n"
    lab.hold()


def test_a_pulled_plug_is_survived(lab: Lab) -> None:
    lab.reboot("bob", power=False)
    lab.hold()


def test_a_pulled_cable_makes_a_host_unreachable_until_it_is_back(lab: Lab) -> None:
    lab.disconnect("bob", "internet")
    with pytest.raises(
        LabError, match=r"does not hold: IPv4\n  on alice: ping .*\n  expected: to succeed; got: exit status 1"
    ):
        lab.hold()
    lab.connect("bob", "internet")
    lab.await_run("alice", "ping -c 1 -W 1 203.0.113.12", within=10)
    lab.hold()


def test_state_sees_what_a_check_mode_must_not_do(lab: Lab) -> None:
    before = state(lab, "bob")
    assert state(lab, "bob") == before
    for change, back in (
        ("touch /etc/new", "rm /etc/new"),
        ("chmod 600 /etc/hosts", "chmod 644 /etc/hosts"),
        ("nft add table inet new", "nft delete table inet new"),
        ("sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.ip_forward=0"),
    ):
        lab.run("bob", change)
        assert state(lab, "bob") != before
        lab.run("bob", back)
        assert state(lab, "bob") == before


def test_secrets_are_new_and_private(lab: Lab) -> None:
    assert lab.secrets["SMOKE_KEY"] in lab.run("bob", "cat /etc/bind/named.conf.local").stdout
    assert lab.run("bob", "stat -c '%a %U:%G' /etc/bind/named.conf.local").stdout == "640 root:bind\n"
    assert (lab.folder / "lab.json").stat().st_mode & 0o777 == 0o600
    assert lab.folder.stat().st_mode & 0o777 == 0o700
