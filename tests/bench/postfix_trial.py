"""What the second Postfix adds to a run of the module that changes something, and to one that does not."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import row

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from ansible_collections.inbound.mail.tests.integration.postfix.debian_host import (  # noqa: E402
    RELAY,
    RELAY6,
    SERVER,
    debian_host,
)
from debian_lab import RELEASES  # noqa: E402

ROUNDS = 5
# The module as it is, and without its questions.
MODULE = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.inbound.mail.plugins.module_utils._postfix import reconcile
from ansible_collections.inbound.mail.plugins.modules import postfix
if sys.argv[1] == "unasked":
    reconcile.declaration_problems = lambda *_configuration: []
with patch_module_args(json.loads(sys.argv[2])):
    postfix.main()
"""
DOMAINS = 100


def options(state: str) -> str:
    """Of a relay for many domains."""
    hops = [{"address": "192.0.2.2"}]
    relay = {
        "fqdn": "mail.example.org",
        "domains": [{"name": f"example-{number}.org", "next_hops": hops} for number in range(DOMAINS)],
        "relay_from": ["192.0.2.2"],
        "addresses": [RELAY, RELAY6, SERVER],
    }
    declared = {"relay": relay} if state == "present" else {}
    return json.dumps({"name": "relay", "state": state, **declared})


def runs() -> Iterator[tuple[str, float]]:
    """Which run, and its seconds."""
    with tempfile.TemporaryDirectory() as folder, debian_host(RELEASES[-1], Path(folder)) as host:
        host.start()
        for _round in range(ROUNDS):
            for way in ("asked", "unasked"):
                for which in ("first", "second"):
                    start = time.monotonic()
                    said = json.loads(host.run("python3", "-c", MODULE, way, options("present")).splitlines()[-1])
                    yield f"{which}, {way}", time.monotonic() - start
                    if said["changed"] is not (which == "first"):
                        raise RuntimeError(f"the {which} run: {said}")
                host.run("python3", "-c", MODULE, way, options("absent"))


def run() -> list[dict]:
    """A row for each kind of run."""
    seen: dict[str, list[float]] = {}
    for which, seconds in runs():
        seen.setdefault(which, []).append(seconds)
    median = {which: statistics.median(seconds) for which, seconds in seen.items()}
    return [
        row(
            f"{which} run of the module on a relay for {DOMAINS} domains, median of {ROUNDS}",
            median[f"{which}, asked"],
            "the same without asking a second Postfix",
            median[f"{which}, unasked"],
            None,
        )
        for which in ("first", "second")
    ]
