# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two lists of flows made in turn, again and again, while somebody connects every few milliseconds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from debian_lab import Lab

from .gateways import FORWARD, GATEWAYS, SIX, bring_module

# The server stays the same: connections to another one would be ended on purpose. The other list has so many openings
# that they are a tree of chains where iptables has them, with those that are asked about among them.
ONE = [FORWARD, SIX]
OTHER = [
    {**FORWARD, "translate_source": True, "ports": [25, 465]},
    *({**FORWARD, "name": f"mx{n}", "public_address": f"203.0.113.{{{{ {n} + number }}}}"} for n in range(130, 160)),
    {**SIX, "destination": [f"2001:db8:{{{{ number }}}}::{n}" for n in range(10, 50)]},
]
# Between other zones: firewalld is reloaded when it comes, and when it goes.
OUT = {"name": "out", "action": "accept", "source": ["lan"], "destination": ["wan"]}
AGAIN = " again"
_RESULTS = "/root/results"

# Connects to each address every few milliseconds, and counts what came: the client's address as the server sees it and
# the server's, and a word more if a packet had to be sent again (tcpi_total_retrans of linux/tcp.h). A reset ends a
# connection at both ends at once.
_PROBE = """
import collections, json, select, socket, struct, sys
reset, again = struct.pack("ii", 1, 0), sys.argv[1]
seen = collections.Counter()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for address in sys.argv[2:]:
        try:
            with socket.create_connection((address, 25), 60) as connection:
                said = connection.makefile().readline().strip()
                (repeated,) = struct.unpack("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[100:])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            seen[said + (again if repeated else "")] += 1
        except OSError as error:
            seen[f"{address}: {error!r}"] += 1
print(json.dumps(seen))
"""


def bring(lab: Lab, one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Have the gateways make the one; each can make the one and the other by itself from now on."""
    bring_module(lab, "/root/other/module.py", other)
    bring_module(lab, "/root/one/module.py", one)


def behaviours(gateway: str) -> set[str]:
    """What a connection can meet: its client's address translated or not, and IPv6."""
    number = GATEWAYS[gateway]
    four = {f"{client} 192.168.{number}.10" for client in (f"192.168.{number}.1", "203.0.113.25")}
    return {*four, f"2001:db8:113::25 2001:db8:{number}::10"}


def while_alternating(lab: Lab, rounds: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Gateway -> what connections met, and how many of them, while it made the other and the one so many times.

    Every one of those has to be a change.
    """
    with ExitStack() as stack:
        probes = {gateway: _probe(stack, lab, gateway) for gateway in rounds}
        applied = {}
        for gateway, times in rounds.items():
            # Unpacked they start in half the time.
            unpack, run = (
                " && ".join(f"python3 /root/{flows}/module.py {what}" for flows in ("other", "one"))
                for what in ("explode", "execute")
            )
            script = f"({unpack} && for round in $(seq {times}); do {run} || exit; done) >{_RESULTS} 2>&1"
            applied[gateway] = stack.enter_context(lab.popen(gateway, script))
        seen = {}
        for gateway, times in rounds.items():
            applied[gateway].wait()
            seen[gateway] = json.loads(probes[gateway].communicate("")[0])
            results = lab.run(gateway, f"cat {_RESULTS}").stdout
            assert results.count('"changed": true') == 2 * times, results.splitlines()[-1]
    return seen


def _probe(stack: ExitStack, lab: Lab, gateway: str) -> subprocess.Popen[str]:
    """Whatever happens, it ends with its standard input."""
    number = GATEWAYS[gateway]
    command = [*lab.inside("outside"), "python3", "-uc", _PROBE, AGAIN, f"203.0.113.{number}", f"2001:db8:{number}::10"]
    probe = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert probe.stdout is not None
    assert probe.stdout.readline() == "begun\n"
    return probe


def without_repetition(seen: Iterable[str]) -> set[str]:
    """What was met in the end, also where a packet had to be sent again."""
    return {what.removesuffix(AGAIN) for what in seen}
