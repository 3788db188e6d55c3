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

# Each is two changes, which take ufw and iptables less than half a second, firewalld about six.
ROUNDS = {"ufw": 500, "iptables": 500, "firewalld": 50}
# For each change firewalld is reloaded, and what it let through at that moment is asked for again.
ROUNDS_WITH_RELOADS = {"firewalld": 5}


def run() -> list[dict]:
    """For each keeper, how many connections met neither of the two, and how many had to send a packet again."""
    with Lab.up(SCENARIO) as lab:
        alternation.bring(lab, alternation.ONE, alternation.OTHER)
        rows = [*_rows(lab, ROUNDS, "")]
        alternation.bring(lab, alternation.ONE, [*alternation.OTHER, alternation.OUT])
        return [*rows, *_rows(lab, ROUNDS_WITH_RELOADS, ", which is reloaded each time")]


def _rows(lab: Lab, rounds: dict[str, int], how: str) -> Iterator[dict]:
    for gateway, seen in alternation.while_alternating(lab, rounds).items():
        print(f"firewall-changes: {gateway}{how}: {seen}", flush=True)
        good = alternation.behaviours(gateway)
        met = alternation.without_repetition(seen)
        if not good <= met:
            raise RuntimeError(f"{gateway}: nobody met {', '.join(sorted(good - met))}")
        neither = sum(count for what, count in seen.items() if not alternation.without_repetition([what]) <= good)
        waited = sum(count for what, count in seen.items() if what.endswith(alternation.AGAIN))
        title, every = f"{2 * rounds[gateway]:,} changes beside {gateway}{how}: new connections", sum(seen.values())
        yield row(f"{title} that met neither", neither, "all of them", every, 0, "connections")
        yield row(f"{title} that waited", waited, "all of them", every, None if how else 0, "connections")
