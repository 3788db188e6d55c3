# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm on a host that boots: a change that no connection confirms is reverted by the host itself."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from debian_lab import Lab
from debian_lab.scenario import CONTROLLER

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "firewall"
PLAYBOOK = str(SCENARIO / "roles.yml")
# Seconds until a change is taken back. What is waited for is that it is, however long that takes on this machine.
TIMEOUT = 15
PATIENCE = 120
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}
# Another server behind the same gateway.
POST: dict[str, Any] = {
    **FORWARD,
    "name": "post",
    "public_address": "203.0.113.3",
    "targets": [{"address": "192.168.0.11"}],
}
SIX: dict[str, Any] = {"name": "six", "action": "accept", "destination": ["2001:db8:10::10"]}


@pytest.fixture(scope="module")
def booted() -> Iterator[Lab]:
    with Lab.up(SCENARIO) as lab:
        yield lab


@pytest.fixture
def lab(booted: Lab) -> Lab:
    """A gateway with the scenario's flows, and nothing that waits for confirmation."""
    booted.playbook(PLAYBOOK, "--limit", "gateway")
    assert_nothing_waits(booted)
    return booted


def firewall(lab: Lab, flows: list[dict[str, Any]], env: dict[str, str] | None = None, **options: Any) -> str:
    """The task on the gateway; returns what it said, which begins with whether it failed."""
    interfaces = {"wan": ["internet"], "lan": ["lan"]}
    arguments = {"name": "nat", "interfaces": interfaces, "flows": flows, "confirm_timeout": TIMEOUT, **options}
    task = "gateway", "-m", "inbound.mail.firewall", "-a", json.dumps(arguments)
    return lab.ansible(*task, check=False, env=env or {}).stdout


def trap(lab: Lab) -> dict[str, Any]:
    """Catches the controller's own SSH: it is sent to a host that has none."""
    management = lab.run("gateway", "ip -4 -brief address show dev mgmt").stdout.split()[2].partition("/")[0]
    return {**FORWARD, "name": "trap", "source": ["any"], "public_address": management, "ports": [22], "hairpin": False}


def state(lab: Lab) -> str:
    """All that the change is about, in the kernel and on the disk. Sets come in the order in which they were made."""
    return lab.run(
        "gateway",
        "nft --stateless list ruleset | sort; sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding;"
        "cat /etc/inbound.mail/firewall/nat.nft /etc/sysctl.d/60-inbound-mail.conf",
    ).stdout


def assert_nothing_waits(lab: Lab) -> None:
    assert lab.run("gateway", "ls -A /run/inbound.mail/firewall", check=False).stdout == ""
    assert "inbound" not in lab.run("gateway", "systemctl list-timers --all --no-legend").stdout


def await_taken_back(lab: Lab) -> None:
    lab.await_run("gateway", 'test -z "$(ls -A /run/inbound.mail/firewall)"', within=PATIENCE)


def test_a_good_change_is_confirmed_and_outlives_a_reboot(lab: Lab) -> None:
    assert '"confirmed": true' in firewall(lab, [FORWARD, SIX])
    assert_nothing_waits(lab)
    after = state(lab)
    assert "net.ipv6.conf.all.forwarding = 1" in after
    lab.reboot("gateway")
    assert state(lab) == after
    assert '"changed": false' in firewall(lab, [FORWARD, SIX])


# Sends another part of a long message for each line that it is told, and says what the whole body's checksum is.
_SENDER = """
import base64, hashlib, os, smtplib, sys
client = smtplib.SMTP("203.0.113.3", 25, "outside.example.com", 60)
client.ehlo()
client.mail("sender@example.com")
client.rcpt("keeper@example.org")
assert client.docmd("DATA")[0] == 354
client.send("Subject: long\\r\\n\\r\\n")
checksum = hashlib.sha256()
for line in sys.stdin:
    part = base64.encodebytes(os.urandom(57 * 128 * 1024))
    checksum.update(part)
    client.send(part.replace(b"\\n", b"\\r\\n"))
    print("sent", flush=True)
client.send(".\\r\\n")
assert client.getreply()[0] == 250
print(checksum.hexdigest(), flush=True)
"""


def test_what_lasts_outlives_every_change(lab: Lab) -> None:
    """A message of 50 MB from outside, and an SSH session with the gateway."""
    assert '"confirmed": true' in firewall(lab, [FORWARD, POST])
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    ssh = ["ssh", "-F", str(lab.folder / "ssh_config"), lab.network.management_address("gateway"), "cat"]
    with (
        subprocess.Popen([*lab.inside("outside"), "python3", "-uc", _SENDER], **pipes) as sender,
        subprocess.Popen([*lab.inside(CONTROLLER), *ssh], **pipes) as session,
    ):

        def go_on() -> None:
            assert sender.stdin and sender.stdout and session.stdin and session.stdout
            sender.stdin.write("more\n")
            sender.stdin.flush()
            assert sender.stdout.readline() == "sent\n"
            session.stdin.write("still there\n")
            session.stdin.flush()
            assert session.stdout.readline() == "still there\n"

        go_on()
        shut = {"name": "shut", "action": "drop", "source": ["lan"], "destination": ["wan"]}
        for flows in (
            [{**FORWARD, "targets": [{"address": "192.168.0.12"}]}, POST],
            [FORWARD, {**POST, "limits": {"rate": "1/minute", "connections": 1}, "log": True}, shut],
            [SIX, shut, {**POST, "ports": [25, 465, 587], "source": ["203.0.113.0/24"]}],
            [{**FORWARD, "translate_source": True}, POST],
        ):
            assert '"confirmed": true' in firewall(lab, flows)
            go_on()
        go_on()
        checksum, _complaints = sender.communicate()
        session.communicate()
    lab.await_run("post", 'test -n "$(ls -A /home/keeper/Maildir/new)"', within=PATIENCE)
    body = "sed '1,/^$/d' /home/keeper/Maildir/new/*"
    arrived, size = lab.run("post", f"{body} | sha256sum; {body} | wc -c").stdout.splitlines()
    assert arrived.split()[0] == checksum.strip()
    assert int(size) > 50_000_000


def test_a_change_that_cuts_the_controller_off_is_taken_back(lab: Lab) -> None:
    before = state(lab)
    said = firewall(lab, [FORWARD, SIX, trap(lab)])
    assert "FAILED" in said
    assert "takes it back by itself" in " ".join(said.split()), said
    await_taken_back(lab)
    assert state(lab) == before
    lab.ansible("gateway", "-m", "ansible.builtin.ping")


def test_a_reboot_before_the_confirmation_gives_the_old_rules(lab: Lab) -> None:
    before = state(lab)
    said: list[str] = []
    flows = [FORWARD, SIX, trap(lab)]
    waiting = threading.Thread(target=lambda: said.append(firewall(lab, flows, confirm_timeout=600)))
    waiting.start()
    lab.await_run("gateway", "nft list table inet inbound_mail_nat | grep -q '\\. 22 :'", within=PATIENCE)
    # The module has returned once its connection is closed. A reboot before that is a host lost in mid-task.
    lab.await_run("gateway", 'test -z "$(ss -Htn state established sport = :22)"', within=PATIENCE)
    lab.reboot("gateway", power=False)
    assert state(lab) == before
    # The task gets through again, finds that nothing waits, and says so.
    waiting.join()
    assert "no change of nat waits for confirmation" in " ".join(said[0].split())
    assert state(lab) == before


@pytest.fixture
def abandoned(lab: Lab) -> str:
    """A command on the gateway that makes the change and is not followed by a confirmation.

    It is the module as Ansible brought it to the host: what is left of a run whose controller dies.
    """
    lab.run("gateway", "rm -rf /root/.ansible/tmp")
    firewall(lab, [FORWARD, SIX], env={"ANSIBLE_KEEP_REMOTE_FILES": "1"}, confirm_timeout=0)
    lab.run("gateway", "mv /root/.ansible/tmp/*/AnsiballZ_firewall.py /root/module.py")
    lab.run("gateway", f'sed -i \'s/"confirm_timeout": 0/"confirm_timeout": {TIMEOUT}/\' /root/module.py')
    lab.playbook(PLAYBOOK, "--limit", "gateway")
    return "python3 /root/module.py"


def later(lab: Lab, abandoned: str) -> str:
    """The same with a time to confirm that does not come during a test."""
    lab.run(
        "gateway", f'sed \'s/"confirm_timeout": {TIMEOUT}/"confirm_timeout": 600/\' /root/module.py >/root/later.py'
    )
    return abandoned.replace("module.py", "later.py")


def test_a_change_is_taken_back_when_the_controller_dies(lab: Lab, abandoned: str) -> None:
    before = state(lab)
    assert '"confirmed": false' in lab.run("gateway", abandoned).stdout
    assert "change_id" in firewall(lab, [], state="confirmed")
    await_taken_back(lab)
    assert state(lab) == before
    assert "no change of nat waits" in firewall(lab, [], state="confirmed")


def test_it_is_confirmed_for_the_backend_that_it_was_made_for(lab: Lab) -> None:
    """Two seem to be in charge, and so a confirmation alone would not know."""
    two = "table inet firewalld { chain filter_FORWARD { }; }; table ip filter { chain ufw-before-forward { }; }"
    lab.run("gateway", f"nft '{two}'")
    assert "firewalld and ufw at once" in firewall(lab, [FORWARD, SIX])
    assert '"confirmed": true' in firewall(lab, [FORWARD, SIX], backend="nftables")
    assert_nothing_waits(lab)
    lab.run("gateway", "nft 'delete table inet firewalld; delete table ip filter'")


def test_tables_that_iptables_makes_for_a_change_go_with_it(lab: Lab) -> None:
    """By the host itself without a confirmation; where it was confirmed, also if others made them at a later boot."""
    before = state(lab)
    assert "FAILED" in firewall(lab, [FORWARD, SIX, trap(lab)], backend="iptables")
    await_taken_back(lab)
    assert state(lab) == before
    assert '"confirmed": true' in firewall(lab, [FORWARD, SIX], backend="iptables")
    lab.reboot("gateway")
    after = state(lab)
    for table in ("table ip filter", "table ip6 filter"):
        assert table in after
    # The recovery of docs/firewall.md.
    ours = "nft --stateless list table inet inbound_mail_nat; iptables -S; ip6tables -S"
    rules = lab.run("gateway", ours).stdout
    lab.run("gateway", "nft flush ruleset")
    assert lab.run("gateway", ours, check=False).stdout != rules
    lab.run("gateway", "systemctl reload inbound-mail-firewall@nat inbound-mail-openings@nat")
    assert lab.run("gateway", ours).stdout == rules
    lab.run("gateway", "systemctl restart nftables")
    assert '"confirmed": true' in firewall(lab, [FORWARD, SIX])
    assert '"confirmed": true' in firewall(lab, [], state="absent")
    rules = lab.run("gateway", "nft list ruleset").stdout
    assert "filter {" not in rules
    assert "inbound_mail" not in rules


def test_what_waits_is_reverted_before_the_next_change(lab: Lab, abandoned: str) -> None:
    """By its timer, or by the command that a second controller is told."""
    before = state(lab)
    lab.run("gateway", later(lab, abandoned))
    timers = lab.run(
        "gateway", "systemctl show --property=TimersMonotonic,TimersCalendar 'inbound-mail-*.timer'"
    ).stdout
    assert re.search("^TimersMonotonic=.*OnActiveUSec", timers, re.MULTILINE)
    assert "TimersCalendar=\n" in timers or "TimersCalendar" not in timers
    refused = " ".join(firewall(lab, [FORWARD]).split())
    assert "waits for its confirmation, and the host reverts it in " in refused
    assert state(lab) != before
    command = re.search(r"systemctl start inbound-mail-firewall-revert-nat-[0-9a-f]+\.service", refused)
    assert command, refused
    lab.run("gateway", command[0])
    await_taken_back(lab)
    assert state(lab) == before
    lab.playbook(PLAYBOOK, "--limit", "gateway")
    assert_nothing_waits(lab)
    assert state(lab) == before


@pytest.mark.parametrize("how", ["exec sleep 600", "kill -STOP $PPID; exec sleep 600"], ids=["slow", "stopped"])
def test_a_change_that_takes_longer_than_its_timer_is_reverted(lab: Lab, abandoned: str, how: str) -> None:
    """The program that ends connections hangs, or its run is stopped as well; neither goes on afterwards."""
    before = state(lab)
    lab.run("gateway", f"printf '#!/bin/sh\n%s\n' '{how}' >/root/slow; chmod +x /root/slow")
    lab.run("gateway", "mount --bind /root/slow /usr/sbin/conntrack")
    try:
        said = lab.run("gateway", abandoned, check=False).stdout
        await_taken_back(lab)
    finally:
        lab.run("gateway", "umount /usr/sbin/conntrack")
    assert "kill" in how or "was not finished and confirmed within confirm_timeout" in said
    assert "confirmed" not in said.replace("confirmed within", "")
    assert state(lab) == before
    assert lab.run("gateway", "pgrep -f '[m]odule.py|[s]leep 600'", check=False).stdout == ""
    lab.reboot("gateway")
    assert state(lab) == before


def test_a_confirmation_after_the_revert_is_refused(lab: Lab, abandoned: str) -> None:
    before = state(lab)
    change_id = json.loads(lab.run("gateway", abandoned).stdout)["change_id"]
    await_taken_back(lab)
    assert f"Change {change_id} was reverted" in firewall(lab, [], state="confirmed", change_id=change_id)
    assert state(lab) == before


def test_taking_it_out_is_confirmed_too(lab: Lab) -> None:
    assert '"confirmed": true' in firewall(lab, [], state="absent")
    assert_nothing_waits(lab)
    for _boot in range(2):
        assert "inbound_mail" not in lab.run("gateway", "nft list ruleset").stdout
        assert lab.run("gateway", "sysctl -n net.ipv4.ip_forward").stdout == "0\n"
        lab.reboot("gateway")
