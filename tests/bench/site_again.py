"""The second run of `site` on the relay scenario, beside gathering facts and a ping on the same hosts."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from debian_lab import Lab  # noqa: E402
from rows import row  # noqa: E402

ROUNDS = 5
AIM = 2.0


def seconds(lab: Lab, playbook: str) -> float:
    """How long the whole ansible-playbook process takes."""
    start = time.monotonic()
    lab.playbook(playbook)
    return time.monotonic() - start


def run() -> list[dict]:
    """One row: ours and the peer are run in turn, and the medians compared."""
    setup_and_ping = str(Path(__file__).with_name("setup_and_ping.yml"))
    ours_s, peer_s = [], []
    with Lab.up(ROOT / "examples" / "relay") as lab:
        lab.playbook("inbound.mail.site")
        for _round in range(ROUNDS):
            ours_s.append(seconds(lab, "inbound.mail.site"))
            peer_s.append(seconds(lab, setup_and_ping))
    ours, theirs = statistics.median(ours_s), statistics.median(peer_s)
    peer = "ansible.builtin.setup and ping on the same hosts"
    return [row(f"second run of site, examples/relay, median of {ROUNDS}", ours, peer, theirs, AIM)]
