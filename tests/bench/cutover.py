"""Ten thousand messages from outside at 20 a second, while mail is moved from each state to the next."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from moves import Moves, Stream, arrived, direct, nat, relay  # noqa: E402
from rows import row  # noqa: E402

MESSAGES, RATE = 10_000, 20
# Each topology to each other one, and back; with one server, from one to the other, and both at once; and the DNS host
# of the zone, alone and with them.
STATES = (
    (nat("first"), "old"),
    (relay("first"), "old"),
    (direct("first"), "old"),
    (relay("first"), "old"),
    (nat("first"), "old"),
    (direct("first"), "old"),
    (direct("first"), "new"),
    (direct("second"), "new"),
    (relay("second"), "new"),
    (relay("first"), "old"),
    (nat("second"), "old"),
    (direct("first"), "old"),
)


def run() -> list[dict]:
    """One row: how many messages did not arrive exactly once, or came back to their sender."""
    with tempfile.TemporaryDirectory() as folder, Moves.up(Path(folder)) as moves:
        former = moves.declare(direct("first"))
        moves.lab.playbook("inbound.mail.site")
        return [_all_moves(moves, former)]


def _all_moves(moves: Moves, former: str) -> dict:
    stream = Stream(moves.lab, RATE)
    done = 0
    # All of them, and then from the beginning until enough was sent.
    delegated_to = "old"
    for groups, dns in itertools.cycle(STATES):
        new = moves.declare(groups, dns)
        # A web server's record is missing at the new DNS host, which is not asked about here.
        options = ["-e", "mail_cutover_accept_differences=true"]
        if dns != delegated_to:
            moves.cutover(former, *options, "-e", "mail_cutover_wait=false")
            moves.delegate(dns)
            delegated_to = dns
        moves.cutover(former, *options)
        former = new
        done += 1
        print(f"cutover: {done} moves, {stream.sent()} messages", flush=True)
        if done >= len(STATES) and stream.sent() >= MESSAGES:
            break
    sent = stream.end()
    found = arrived(moves.lab)
    returned = stream.bounced().splitlines()
    wrong = {token for token in sent | found.keys() if found[token] != 1}
    for line in [*(f"{token}: arrived {found[token]} times" for token in sorted(wrong)), *returned]:
        print(line)
    what = f"messages over {done} moves, {RATE} a second: lost, doubled or returned"
    return row(what, len(wrong) + len(returned), "all that were sent", len(sent), 0, "messages")
