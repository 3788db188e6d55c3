"""A connection every few milliseconds through gateways that others keep, while two lists of flows are made in turn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from ansible_collections.inbound.mail.tests.integration.firewall_keepers import alternation  # noqa: E402
from ansible_collections.inbound.mail.tests.integration.firewall_keepers.gateways import SCENARIO  # noqa: E402
from debian_lab import Lab  # noqa: E402
from rows import row  # noqa: E402

# Each is two changes, which take less than a second.
ROUNDS = {"ufw": 500, "iptables": 500, "firewalld": 500}
# For each change firewalld is reloaded, and what it let through at that moment is asked for again.
ROUNDS_WITH_RELOADS = {"firewalld": 20}


def run() -> list[dict]:
    """For each keeper, how many connections met neither of the two, and of how many the first packet was dropped."""
    with Lab.up(SCENARIO) as lab:
        alternation.bring(lab, alternation.ONE, alternation.OTHER)
        rows = [*_rows(lab, ROUNDS, "")]
        alternation.bring(lab, alternation.ONE, [*alternation.OTHER, alternation.OUT])
        return [*rows, *_rows(lab, ROUNDS_WITH_RELOADS, ", which is reloaded each time")]


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
