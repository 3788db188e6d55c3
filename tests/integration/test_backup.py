# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup exchanger of one's own: what it keeps while the server is away, whom it refuses, what arrives in the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "backup"
BACKUP = "203.0.113.101"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    # Besides example.org and its list, a domain for whose recipients the backup asks the server.
    scenario = tmp_path_factory.mktemp("backup")
    for name in ("inventory.yml", "lab.yml"):
        shutil.copy(EXAMPLE / name, scenario)
    inventory = scenario / "inventory.yml"
    text = inventory.read_text(encoding="utf-8")
    asked = """      - name: example.net
        backup_mx: [{name: backup.example.net, preference: 20}]
        recipients: {validation: callout}
    # The backup's"""
    assert "    # The backup's" in text
    inventory.write_text(text.replace("    # The backup's", asked, 1), encoding="utf-8")
    with Lab.up(scenario) as lab:
        lab.playbook("inbound.mail.site")
        yield lab


def reply_to(lab: Lab, recipient: str) -> str:
    """The backup's answer to RCPT, of a stranger."""
    swaks = f"swaks --quit-after RCPT --server {BACKUP} --from alice@example.com --to {recipient}"
    # It ends with an error when the recipient is refused.
    dialogue = lab.run("sender", f"{swaks} || true").stdout
    replies = dialogue[dialogue.index("RCPT TO") :].splitlines()
    return replies[1].split()[1]


def subjects(lab: Lab, user: str) -> list[str]:
    return lab.run("mail", f"touch /var/mail/{user}; sed -n 's/^Subject: //p' /var/mail/{user}").stdout.split()


def test_what_it_keeps_arrives_once_and_what_it_refuses_it_refuses_at_once(lab: Lab) -> None:
    # While the server is there, the backup learns who exists of the domain for which it has no list.
    assert reply_to(lab, "sales@example.net") == "250"
    assert reply_to(lab, "stranger@example.net") == "550"

    lab.run("mail", "systemctl stop postfix postfix@-")
    # A real Postfix with its queue, by MX lookup.
    for number in range(20):
        recipient = ("info@example.org", "sales@example.net")[number % 2]
        lab.run("sender", f"printf 'Subject: kept-{number}\\n\\nhello\\n' | sendmail -f root@example.com {recipient}")
    lab.await_run("backup", "test $(postqueue -j | wc -l) = 20", within=60)
    lab.await_run("sender", 'test -z "$(postqueue -j)"', within=60)
    # Nothing that would have to be returned is taken, nobody relays through it, and postmaster is heard.
    assert reply_to(lab, "info@example.org") == "250"
    assert reply_to(lab, "stranger@example.org") == "550"
    assert reply_to(lab, "postmaster@example.org") == "250"
    assert reply_to(lab, "stranger@example.net") == "550"
    assert reply_to(lab, "sales@example.net") == "250"
    # One for whom it never asked waits at the sender's.
    assert reply_to(lab, "info@example.net") == "450"
    assert reply_to(lab, "bob@example.invalid") == "554"

    lab.run("mail", "systemctl start postfix")
    lab.await_run("backup", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=120)
    lab.await_run("mail", 'test -z "$(postqueue -j)"', within=60)
    arrived = [*subjects(lab, "info"), *subjects(lab, "sales")]
    assert sorted(arrived) == sorted(f"kept-{number}" for number in range(20))
    # No bounce went to anybody: the one who wrote has no mail, and mail of this kind would reach him.
    assert lab.run("sender", "grep '^Subject:' /var/mail/root", check=False).stdout == ""
    lab.run("mail", "printf 'Subject: returned\\n\\nhello\\n' | sendmail -f '<>' root@example.com")
    lab.await_run("sender", "grep -q '^Subject: returned' /var/mail/root", within=30)
    lab.playbook("inbound.mail.verify")
