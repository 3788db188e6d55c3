# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""While the rules change: what lasts goes on, and what begins meets the old rules or the new ones."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from typing import Any

from debian_lab import Lab
from debian_lab.scenario import CONTROLLER

from .alternation import ONE, OTHER, OUT, behaviours, bring, while_alternating
from .gateways import FORWARD, GATEWAYS, PLAYBOOK, RELAY, SIX, both_releases, one_release

_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}

# Sends a part of a long transfer to each server for each line that it is told, and gets it back.
_TRANSFER = """
import os, socket, sys, threading
servers = [socket.create_connection((address, 25), 60) for address in sys.argv[1:]]
for server in servers:
    while not server.recv(100).endswith(b"\\n"):
        pass
for line in sys.stdin:
    part = os.urandom(10_000_000)
    for server in servers:
        sending = threading.Thread(target=server.sendall, args=(part,))
        sending.start()
        back = bytearray()
        while len(back) < len(part):
            back += server.recv(len(part) - len(back)) or sys.exit("ended")
        assert back == part
        sending.join()
    print("sent and back", flush=True)
"""


@both_releases
def test_what_lasts_outlives_every_change(lab: Lab) -> None:
    """50 MB through each gateway, and an SSH session with each of them."""
    lab.playbook(PLAYBOOK)
    config = ["-F", str(lab.folder / "ssh_config")]
    commands = [[*lab.inside("outside"), "python3", "-uc", _TRANSFER, *(f"203.0.113.{n}" for n in GATEWAYS.values())]]
    commands += [
        [*lab.inside(CONTROLLER), "ssh", *config, lab.network.management_address(gateway), "cat"]
        for gateway in GATEWAYS
    ]
    with ExitStack() as stack:
        lasting = [stack.enter_context(subprocess.Popen(command, **_PIPES)) for command in commands]

        def go_on() -> None:
            for client in lasting:
                assert client.stdin and client.stdout
                client.stdin.write("sent and back\n")
                client.stdin.flush()
                assert client.stdout.readline() == "sent and back\n"

        go_on()
        for flows in (
            [{**FORWARD, "limits": {"rate": "1/minute", "connections": 1}}, SIX, RELAY],
            [{**FORWARD, "ports": [25, 465, 587]}, RELAY],
            [FORWARD, SIX],
            [{**FORWARD, "translate_source": True}],
        ):
            lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": flows, "timeout": 300}))
            go_on()
        for client in lasting:
            client.communicate()


# Connects to each address, and once more when it is told a line; says which server it came to then, and whether the
# first connection is still answered.
_TWICE = """
import socket, sys
def connect(address):
    lines = socket.create_connection((address, 25), 60).makefile("rw")
    return lines, lines.readline().split()[1]
lasting = {address: connect(address)[0] for address in sys.argv[1:]}
print("begun", flush=True)
sys.stdin.readline()
for address, lines in lasting.items():
    try:
        lines.write("still there\\n")
        lines.flush()
        said = lines.readline().strip()
    except OSError:
        said = ""
    print(address, connect(address)[1], said or "ended")
"""


@one_release
def test_a_new_target_gets_the_connections_of_its_forward_and_no_others_are_touched(lab: Lab) -> None:
    second = {**FORWARD, "name": "second", "public_address": "203.0.113.{{ 10 + number }}"}
    moved = {**FORWARD, "targets": [{"address": "192.168.{{ number }}.50"}]}
    lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": [FORWARD, second]}))
    addresses = [f"203.0.113.{tens + number}" for number in GATEWAYS.values() for tens in (0, 10)]
    with subprocess.Popen([*lab.inside("outside"), "python3", "-uc", _TWICE, *addresses], **_PIPES) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
        lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": [moved, second]}))
        seen = client.communicate("go on\n")[0].splitlines()
    servers = {number: f"192.168.{number}" for number in GATEWAYS.values()}
    expected = [
        (f"203.0.113.{number} {net}.50 ended", f"203.0.113.{10 + number} {net}.10 still there")
        for number, net in servers.items()
    ]
    assert seen == [line for lines in expected for line in lines]


# Two changes each; `make soak` makes 1,000 beside each of them. firewalld is reloaded for each of its changes.
_ROUNDS = {"ufw": 6, "firewalld": 2, "iptables": 6}


@one_release
def test_each_connection_meets_the_old_rules_or_the_new_ones(lab: Lab) -> None:
    """The table and what its keeper lets through change again and again, while somebody connects all the time."""
    bring(lab, ONE, [*OTHER, OUT])
    seen = while_alternating(lab, _ROUNDS)
    for gateway, met in seen.items():
        assert set(met.connections) == behaviours(gateway), gateway
        # While firewalld is reloaded it drops what begins, and it comes about by the client's second SYN.
        assert met.dropped == 0 or gateway == "firewalld", gateway
