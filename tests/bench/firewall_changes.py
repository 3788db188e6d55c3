"""Changes on gateways that others keep: what a connection every few milliseconds meets, and what many openings take."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from ansible_collections.inbound.mail.tests.integration.firewall_keepers import alternation  # noqa: E402
from ansible_collections.inbound.mail.tests.integration.firewall_keepers.gateways import PLAYBOOK, SCENARIO  # noqa: E402
from debian_lab import Lab  # noqa: E402
from rows import row  # noqa: E402

# Each is two changes, which take less than a second.
ROUNDS = {"ufw": 500, "iptables": 500, "firewalld": 500}
# For each change firewalld is reloaded, and what it let through at that moment is asked for again.
ROUNDS_WITH_RELOADS = {"firewalld": 20}
OPENINGS, EXCHANGES = 1_000, 3


def run() -> list[dict]:
    """For each keeper, how many connections met neither of the two, and of how many the first packet was dropped."""
    with Lab.up(SCENARIO) as lab:
        alternation.bring(lab, alternation.ONE, alternation.OTHER)
        rows = [*_rows(lab, ROUNDS, "")]
        alternation.bring(lab, alternation.ONE, [*alternation.OTHER, alternation.OUT])
        return [*rows, *_rows(lab, ROUNDS_WITH_RELOADS, ", which is reloaded each time"), exchange_row(lab)]


def exchange_row(lab: Lab) -> dict:
    """What it takes to exchange firewalld's openings for as many others, beside what it took to add them."""
    added, exchanged = [], []
    for _round in range(EXCHANGES):
        _apply(lab, {"state": "absent"})
        added.append(_apply(lab, {"flows": _openings(1)}))
        exchanged.append(_apply(lab, {"flows": _openings(2)}))
    title = f"{OPENINGS:,} openings exchanged for others beside firewalld, median of {EXCHANGES}"
    return row(title, median(exchanged), f"adding {OPENINGS:,}", median(added), 2)


def _openings(network: int) -> list[dict]:
    addresses = [f"10.{network}.{number // 250}.{number % 250 + 1}" for number in range(OPENINGS)]
    rest = {"name": "rest", "action": "drop", "source": ["wan"], "destination": ["lan"]}
    return [{"name": "many", "action": "accept", "source": ["wan"], "destination": addresses}, rest]


def _apply(lab: Lab, variables: dict) -> float:
    begin = time.monotonic()
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", json.dumps(variables))
    return time.monotonic() - begin


def _rows(lab: Lab, rounds: dict[str, int], how: str) -> Iterator[dict]:
    for gateway, met in alternation.while_alternating(lab, rounds).items():
        print(f"firewall-changes: {gateway}{how}: {met}", flush=True)
        good, seen = alternation.behaviours(gateway), met.connections
        if not good <= seen.keys():
            raise RuntimeError(f"{gateway}: nobody met {', '.join(sorted(good - seen.keys()))}")
        neither = sum(count for what, count in seen.items() if what not in good)
        title, every = f"{2 * rounds[gateway]:,} changes beside {gateway}{how}: new connections", sum(seen.values())
        yield row(f"{title} that met neither", neither, "all of them", every, 0, "connections")
        yield row(f"{title} that began twice", met.dropped, "all of them", every, None if how else 0, "connections")
