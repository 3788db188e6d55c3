"""Ten thousand messages through our relay, beside a minimal one written by hand, of the same Postfix on the same host.

Then the same with rspamd in between, for both the same one. The two take turns; a round is over when the server behind
the relay has every message, so that none is lost.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from debian_lab import Lab  # noqa: E402
from rows import row  # noqa: E402

MESSAGES, SESSIONS = 10_000, 20
ROUNDS = 3
# A scan takes longer than all the rest.
SCANNED = 2_000
# Without scanning as many messages in a second as by hand, or 0.95 of them at least.
AIM = 1 / 0.95
# Seconds that a round may take.
PATIENCE = 300
RSPAMD = json.dumps({"mail_relay_scanner": {"type": "rspamd"}})

# Of 5 kB, as people write them: what lacks the usual fields of a header, or is dated of yesterday, is spam to rspamd.
MESSAGE = """\
From: Sender <sender@example.com>
To: User <user@example.org>
Subject: Minutes of the meeting
Date: {date}
Message-ID: <minutes@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

""" + "".join(
    f"{number}. Everybody agreed to meet again next week, and to bring the figures.\n" for number in range(65)
)

BY_HAND = """\
compatibility_level = 3.6
myhostname = mail.example.org
mydestination = localhost
mynetworks = 127.0.0.0/8
inet_interfaces = all
relay_domains = example.org
transport_maps = inline:{example.org=relay:[203.0.113.10]:25}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
SCANNED_BY_HAND = BY_HAND + "smtpd_milters = inet:127.0.0.1:11332\n"


def seconds(lab: Lab, messages: int) -> float:
    """How long it takes from the first message sent to the last one received."""
    lab.run("relay", "systemctl restart postfix && until nc -z 203.0.113.17 25; do sleep 0.1; done")
    counts = lab.root("server") / "root" / "counts"
    # It writes a line for every message, that overwrites the one before on a terminal.
    sink = lab.popen("server", "echo $$ >/root/sink; exec smtp-sink -c -u postfix 203.0.113.10:25 1000 >/root/counts")
    try:
        lab.await_run("relay", "nc -z 203.0.113.10 25", within=10)
        start = time.monotonic()
        words = "-f sender@example.com -t user@example.org -F /root/message"
        lab.run("sender", f"smtp-source -s {SESSIONS} -m {messages} {words} 203.0.113.17:25")
        while received(counts.read_bytes()) < messages:
            if time.monotonic() - start > PATIENCE:
                raise TimeoutError(f"{received(counts.read_bytes())} of {messages} messages arrived in {PATIENCE} s")
            time.sleep(0.02)
        return time.monotonic() - start
    finally:
        lab.run("server", "kill $(cat /root/sink)")
        sink.wait(timeout=10)


def received(counts: bytes) -> int:
    numbers = re.findall(rb"mesg=(\d+)", counts[-200:])
    return int(numbers[-1]) if numbers else 0


def run() -> list[dict]:
    """The relay as the role makes it, without scanning and with it."""
    playbook = str(ROOT / "tests" / "bench" / "relay" / "roles.yml")
    with Lab.up(ROOT / "tests" / "bench" / "relay", release="trixie") as lab:
        (lab.root("sender") / "root" / "message").write_text(MESSAGE.replace("{date}", formatdate()))
        lab.playbook(playbook)
        plain = _rounds(lab, BY_HAND, MESSAGES)
        lab.playbook(playbook, "-e", RSPAMD)
        scanned = _rounds(lab, SCANNED_BY_HAND, SCANNED)
    peer = "a main.cf of eight lines by hand, the same Postfix on the same host"
    return [
        row(f"{MESSAGES:,} messages through the relay, none lost, median of {ROUNDS}", plain[0], peer, plain[1], AIM),
        row(
            f"{SCANNED:,} messages through the relay and rspamd, none lost, median of {ROUNDS}",
            scanned[0],
            "the same main.cf with one line more, the same rspamd",
            scanned[1],
            None,
        ),
    ]


def _rounds(lab: Lab, by_hand: str, messages: int) -> tuple[float, float]:
    """Medians of ours and of the one by hand."""
    ours_s: list[float] = []
    by_hand_s: list[float] = []
    root = lab.root("relay")
    main_cf, master_cf = (root / "etc" / "postfix" / name for name in ("main.cf", "master.cf"))
    ours = main_cf.read_text(), master_cf.read_text()
    with_hands = by_hand, (root / "usr" / "share" / "postfix" / "master.cf.dist").read_text()
    for _round in range(ROUNDS):
        for files, found in ((ours, ours_s), (with_hands, by_hand_s)):
            for path, text in zip((main_cf, master_cf), files):
                path.write_text(text)
            found.append(seconds(lab, messages))
    for path, text in zip((main_cf, master_cf), ours):
        path.write_text(text)
    return statistics.median(ours_s), statistics.median(by_hand_s)
