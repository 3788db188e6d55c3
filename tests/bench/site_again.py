"""The second run of `site` on the relay scenario, beside gathering facts and a ping on the same hosts."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from debian_lab import Lab  # noqa: E402

ROUNDS = 5
AIM = 3.0


def seconds(lab: Lab, playbook: str) -> float:
    """How long the whole ansible-playbook process takes."""
    start = time.monotonic()
    lab.playbook(playbook)
    return time.monotonic() - start


def run() -> list[dict]:
    """One row: ours and the peer are run in turn, and the medians compared."""
    peer = str(Path(__file__).with_name("setup_and_ping.yml"))
    ours_s, peer_s = [], []
    with Lab.up(ROOT / "examples" / "relay") as lab:
        lab.playbook("inbound.mail.site")
        for _round in range(ROUNDS):
            ours_s.append(seconds(lab, "inbound.mail.site"))
            peer_s.append(seconds(lab, peer))
    ours, theirs = statistics.median(ours_s), statistics.median(peer_s)
    return [
        {
            "what": f"second run of site, examples/relay, median of {ROUNDS}",
            "ours_s": round(ours, 2),
            "peer": "ansible.builtin.setup and ping on the same hosts",
            "peer_s": round(theirs, 2),
            "ratio": round(ours / theirs, 2),
            "aim": f"<= {AIM}",
            "holds": "yes" if ours / theirs <= AIM else "no",
        }
    ]
