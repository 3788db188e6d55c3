# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways that somebody keeps already, and what is asked of them: whom a server sees, which rules are in force."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from debian_lab import Lab

ROOT = Path(__file__).resolve().parents[3]
SCENARIO = ROOT / "tests" / "lab" / "scenarios" / "keepers"
PLAYBOOK = str(SCENARIO / "flows.yml")
GATEWAYS = {"ufw": 1, "firewalld": 2, "iptables": 3}
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.{{ number }}",
    "targets": [{"address": "192.168.{{ number }}.10"}],
}
SIX = {"name": "six", "action": "accept", "source": ["wan"], "destination": ["2001:db8:{{ number }}::10"]}
# firewalld has to be reloaded for it: it is between other zones.
RELAY = {"name": "relay", "action": "accept", "source": ["wan"], "destination": "{{ relay }}"}
# All rules that are in force, whoever made them, without what they have counted.
RULES = "nft --stateless list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'"
FILES = "find /etc/ufw /etc/firewalld /etc/iptables /etc/inbound.mail -type f -exec md5sum {} + 2>/dev/null | sort -k 2"
PATIENCE = 60

# What a release's own programs decide is tried on both; what only we decide, on one.
both_releases = pytest.mark.parametrize("lab", ["trixie", "bookworm"], indirect=True)
one_release = pytest.mark.parametrize("lab", ["trixie"], indirect=True)


def answer(lab: Lab, host: str, address: str, port: int = 25, source: str = "") -> str:
    """The address that the server sees the client come from; empty if the client gets no answer."""
    return answers(lab, host, [(source, address, port)])[0]


def answers(lab: Lab, host: str, asked: list[tuple[str, str, int]]) -> list[str]:
    """The same for many connections at once, each from an address (empty for any) to one and a port."""
    return [said.partition(" ")[0] for said in greetings(lab, host, asked)]


def greetings(lab: Lab, host: str, asked: list[tuple[str, str, int]]) -> list[str]:
    """The same, and behind it the address that the connection came to."""
    script = ""
    for number, (source, address, port) in enumerate(asked):
        local = f"-s {source}" if source else ""
        script += f'{{ echo {number} "$(timeout 5 nc -N -w 4 {local} {address} {port} </dev/null)"; }} & '
    lines = [line.split(" ", 1) for line in lab.run(host, f"{script} wait").stdout.splitlines()]
    return [text.strip() for _number, text in sorted(lines, key=lambda line: int(line[0]))]


def others_work(lab: Lab, number: int) -> bool:
    """The web forward beside Docker's drop, fail2ban's ban, and the network of libvirt's guests."""
    web = f"203.0.113.{number}"
    seen = answers(lab, "outside", [("", web, 80), ("203.0.113.66", web, 80)])
    seen += answers(lab, f"server{number}", [("192.168.122.10", "203.0.113.25", 80)])
    return seen == ["203.0.113.25", "", web]


# Asks for the web behind each gateway, again and again, over a new connection and over one that lasts.
_ASK_FOR_THE_WEB = """
import select, socket, sys
def connect(address):
    lines = socket.create_connection((address, 80), 60).makefile("rw")
    return lines, lines.readline().strip()
lasting = {address: connect(address)[0] for address in sys.argv[1:]}
seen = set()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.5)[0]:
    for address, lines in lasting.items():
        try:
            lines.write("still there\\n")
            lines.flush()
            seen |= {f"{address} {lines.readline().strip()}", f"{address} {connect(address)[1].split()[0]}"}
        except OSError as error:
            seen.add(f"{address} {error!r}")
print(*sorted(seen), sep="\\n")
"""


@contextmanager
def web_works_throughout(lab: Lab) -> Iterator[None]:
    addresses = [f"203.0.113.{number}" for number in GATEWAYS.values()]
    command = [*lab.inside("outside"), "python3", "-uc", _ASK_FOR_THE_WEB, *addresses]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
        yield
        seen, _complaints = client.communicate("")
    assert seen.splitlines() == [
        f"{address} {what}" for address in addresses for what in ("203.0.113.25", "still there")
    ]


def mail_passes(lab: Lab, number: int) -> bool:
    seen = [
        answer(lab, "outside", f"203.0.113.{number}"),
        answer(lab, "outside", f"2001:db8:{number}::10"),
        answer(lab, f"server{number}", "203.0.113.25", source=f"192.168.{number}.10"),
        answer(lab, f"server{number}", "2001:db8:113::25", source=f"2001:db8:{number}::10"),
        # Another host inside, which the gateway stands in for, as the server would answer it directly.
        answer(lab, f"server{number}", f"203.0.113.{number}", source=f"192.168.{number}.50"),
    ]
    expected = ["203.0.113.25", "2001:db8:113::25", f"203.0.113.{number}", f"2001:db8:{number}::10"]
    return seen == [*expected, f"192.168.{number}.1"]


def await_mail(lab: Lab, gateway: str) -> None:
    number = GATEWAYS[gateway]
    for address in (f"203.0.113.{number}", f"2001:db8:{number}::10"):
        lab.await_run("outside", f"timeout 5 nc -N -w 4 {address} 25 </dev/null | grep -q 113.*25", within=PATIENCE)


def state(lab: Lab, gateway: str) -> list[str]:
    """Sorted, since a table that comes back comes back behind the others.

    Docker makes its chains again a moment after firewalld was reloaded, which flushes them before version 2.0.
    """
    lab.await_run(gateway, "iptables -C FORWARD -j DOCKER-USER", within=PATIENCE)
    return sorted(lab.run(gateway, f"{RULES}; {FILES}").stdout.splitlines())


def changed(output: str) -> dict[str, int]:
    return {host: int(count) for host, count in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", output, re.MULTILINE)}


def bring_module(lab: Lab, path: str, flows: list[dict[str, Any]]) -> None:
    """The module as Ansible brings it to the gateways, with these flows, which are made so. It can be run again."""
    lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": flows}), env={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
    for gateway in GATEWAYS:
        # The folder stays: the module writes there what it then moves to its place.
        lab.run(gateway, f"mkdir -p $(dirname {path}); mv /root/.ansible/tmp/*/AnsiballZ_firewall.py {path}")
