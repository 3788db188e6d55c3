# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchangers of equal preference and a backup: real messages from a real Postfix, which chooses by MX lookup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balance"
SERVERS = ("maila", "mailb", "mailc")
MANY, SOME = 3000, 300

# Hands that many messages to the sender's Postfix, each with a token of its own in its subject.
INJECT = """
import smtplib, sys
from concurrent.futures import ThreadPoolExecutor
name, count = sys.argv[1], int(sys.argv[2])
def hand_in(part):
    with smtplib.SMTP("localhost", timeout=60) as smtp:
        for number in range(part, count, 10):
            message = f"Subject: {name}-{number}\\r\\n\\r\\nhello\\r\\n"
            smtp.sendmail("alice@example.com", ["postmaster@example.org"], message)
with ThreadPoolExecutor(10) as pool:
    list(pool.map(hand_in, range(10)))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(EXAMPLE) as lab:
        lab.playbook("inbound.mail.site")
        yield lab


def send(lab: Lab, name: str, count: int) -> set[str]:
    """Returns the messages' subjects."""
    lab.run("sender", ["python3", "-c", INJECT, name, str(count)])
    return {f"{name}-{number}" for number in range(count)}


def await_empty_queue(lab: Lab, host: str) -> None:
    folders = " ".join(f"/var/spool/postfix/{queue}" for queue in ("maildrop", "incoming", "active", "deferred"))
    lab.await_run(host, f'test "$(find {folders} -type f | wc -l)" = 0', within=120)


def arrived(lab: Lab, name: str) -> dict[str, Counter[str]]:
    """Server -> how many times each message is in its mailbox."""
    show = f"touch /var/mail/root; sed -n 's/^Subject: \\({name}-[0-9]*\\)$/\\1/p' /var/mail/root"
    return {server: Counter(lab.run(server, show).stdout.split()) for server in SERVERS}


def kill(lab: Lab, server: str) -> None:
    """All of its Postfix at once."""
    lab.run(server, "kill -s KILL -- -$(tr -d ' ' </var/spool/postfix/pid/master.pid)")
    lab.await_run(server, "! nc -z 127.0.0.1 25", within=10)


def whole(found: dict[str, Counter[str]]) -> Counter[str]:
    return sum(found.values(), Counter())


def test_load_is_shared_others_take_over_and_the_backup_keeps_mail_while_all_are_away(lab: Lab) -> None:
    # Three servers of equal preference share the load.
    sent = send(lab, "balance", MANY)
    await_empty_queue(lab, "sender")
    for server in SERVERS:
        await_empty_queue(lab, server)
    found = arrived(lab, "balance")
    assert whole(found) == Counter(sent)
    assert all(MANY / 4 < found[server].total() < MANY / 2 for server in SERVERS), found

    # One is killed: the others take its part.
    kill(lab, "maila")
    sent = send(lab, "two", SOME)
    await_empty_queue(lab, "sender")
    for server in SERVERS[1:]:
        await_empty_queue(lab, server)
    found = arrived(lab, "two")
    assert whole(found) == Counter(sent)
    assert not found["maila"]
    assert all(found[server].total() > SOME / 4 for server in SERVERS[1:]), found

    # All are killed: mail waits at the provider's.
    for server in SERVERS[1:]:
        kill(lab, server)
    sent = send(lab, "none", SOME)
    await_empty_queue(lab, "sender")
    assert not whole(arrived(lab, "none"))
    lab.await_run("backup", f"test $(postqueue -j | wc -l) = {SOME}", within=60)

    # They are back: it hands on what it has kept. Its administrator does not wait for the next attempt.
    for server in SERVERS:
        lab.run(server, "systemctl restart postfix")
    lab.await_run("backup", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=120)
    for server in SERVERS:
        await_empty_queue(lab, server)
    assert whole(arrived(lab, "none")) == Counter(sent)
    # Nothing came a second time in all this.
    assert set(whole(arrived(lab, "[a-z]*")).values()) == {1}
    lab.playbook("inbound.mail.verify")
