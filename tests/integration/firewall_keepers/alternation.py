# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two lists of flows made in turn, again and again, while somebody connects every few milliseconds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
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
_RESULTS = "/root/results"

# Connects to each address every few milliseconds, and counts what came: the client's address as the server sees it and
# the server's. A reset ends a connection at both ends at once.
_PROBE = """
import collections, json, select, socket, struct, sys
reset = struct.pack("ii", 1, 0)
seen = collections.Counter()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for address in sys.argv[1:]:
        try:
            with socket.create_connection((address, 25), 60) as connection:
                seen[connection.makefile().readline().strip()] += 1
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        except OSError as error:
            seen[f"{address}: {error!r}"] += 1
print(json.dumps(seen))
"""

# The first packets of connections and their answers, before all that a gateway does to them and behind it. A client
# sends again what was dropped, and it comes about a second later: that is not told by what was met, and to take the
# time would tell of a busy machine too.
_COUNTERS = """
table inet begun {
    counter came { }
    counter went { }
    chain first {
        type filter hook prerouting priority -350;
        tcp flags & syn == syn tcp dport 25 counter name came
        tcp flags & syn == syn tcp sport 25 counter name came
    }
    chain last {
        type filter hook postrouting priority 400;
        tcp flags & syn == syn tcp dport 25 counter name went
        tcp flags & syn == syn tcp sport 25 counter name went
    }
}
"""


@dataclass(frozen=True)
class Met:
    """connections: what they met, and how many. dropped: first packets and answers that did not get through."""

    connections: dict[str, int]
    dropped: int


def bring(lab: Lab, one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Have the gateways make the one; each can make the one and the other by itself from now on."""
    bring_module(lab, "/root/other/module.py", other)
    bring_module(lab, "/root/one/module.py", one)


def behaviours(gateway: str) -> set[str]:
    """What a connection can meet: its client's address translated or not, and IPv6."""
    number = GATEWAYS[gateway]
    four = {f"{client} 192.168.{number}.10" for client in (f"192.168.{number}.1", "203.0.113.25")}
    return {*four, f"2001:db8:113::25 2001:db8:{number}::10"}


def while_alternating(lab: Lab, rounds: Mapping[str, int]) -> dict[str, Met]:
    """Gateway -> what connections met while it made the other and the one so many times.

    Every one of those has to be a change.
    """
    with ExitStack() as stack:
        for gateway in rounds:
            lab.run(gateway, f"nft -f - <<'END'\n{_COUNTERS}END")
            stack.callback(lab.run, gateway, "nft delete table inet begun")
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
            seen[gateway] = Met(json.loads(probes[gateway].communicate("")[0]), _dropped(lab, gateway))
            results = lab.run(gateway, f"cat {_RESULTS}").stdout
            assert results.count('"changed": true') == 2 * times, results.splitlines()[-1]
    return seen


def _probe(stack: ExitStack, lab: Lab, gateway: str) -> subprocess.Popen[str]:
    """Whatever happens, it ends with its standard input."""
    number = GATEWAYS[gateway]
    command = [*lab.inside("outside"), "python3", "-uc", _PROBE, f"203.0.113.{number}", f"2001:db8:{number}::10"]
    probe = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert probe.stdout is not None
    assert probe.stdout.readline() == "begun\n"
    return probe


def _dropped(lab: Lab, gateway: str) -> int:
    listed = json.loads(lab.run(gateway, "nft -j list counters table inet begun").stdout)["nftables"]
    counted = {one["counter"]["name"]: one["counter"]["packets"] for one in listed if "counter" in one}
    assert counted["came"], counted
    difference: int = counted["came"] - counted["went"]
    return difference
