# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers behind one public address: what a real Postfix outside hands in is shared, and arrives once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "shared"
MESSAGES = 120


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(SCENARIO) as lab:
        lab.playbook("inbound.mail.site")
        yield lab


def send(lab: Lab, name: str, count: int) -> set[str]:
    """Returns the messages' subjects."""
    command = "printf 'Subject: %s\\n\\nhello\\n' \"$s\" | sendmail -f alice@example.com postmaster@example.org"
    lab.run("sender", f"for s in $(seq -f '{name}-%g' 1 {count}); do {command}; done")
    return {f"{name}-{number}" for number in range(1, count + 1)}


def arrived(lab: Lab, server: str, name: str) -> list[str]:
    show = f"touch /var/mail/root; sed -n 's/^Subject: \\({name}-[0-9]*\\)$/\\1/p' /var/mail/root"
    return lab.run(server, show).stdout.split()


def test_two_servers_share_an_address_and_one_goes_on_when_the_other_is_away(lab: Lab) -> None:
    assert lab.run("sender", "dig +short A mail.example.org @203.0.113.53").stdout.split() == ["203.0.113.1"]
    sent = send(lab, "both", MESSAGES)
    lab.await_run("sender", 'test -z "$(postqueue -j)"', within=60)
    for server in ("one", "two"):
        lab.await_run(server, 'test -z "$(postqueue -j)"', within=60)
    found = {server: arrived(lab, server, "both") for server in ("one", "two")}
    assert sorted(found["one"] + found["two"]) == sorted(sent)
    # By chance it would be less than a quarter once in ten million runs.
    assert min(map(len, found.values())) > MESSAGES / 4, {server: len(some) for server, some in found.items()}
    # With the sender's own address, and out again from the one that the MX has.
    for server in found:
        assert "[203.0.113.25]" in lab.run(server, "grep '^Received. from' -A2 /var/mail/root").stdout
        lab.run(server, f"printf 'Subject: out-{server}\\n\\nhello\\n' | sendmail -f info@example.org root@example.com")
        lab.await_run("sender", f"grep -q 'Subject: out-{server}' /var/mail/root", within=30)
    assert (
        lab.run("sender", "grep -c '^Received: from mail.example.org (.*203.0.113.1' /var/mail/root").stdout.strip()
        == "2"
    )

    # A gateway that translates does not ask who is there: what meets the one that is away is tried again by its sender.
    lab.run("two", "systemctl stop postfix postfix@-")
    sent = send(lab, "one", 20)
    lab.await_run("sender", 'postqueue -f && sleep 1 && test -z "$(postqueue -j)"', within=120)
    lab.await_run("one", 'test -z "$(postqueue -j)"', within=60)
    assert sorted(arrived(lab, "one", "one")) == sorted(sent)
    assert not arrived(lab, "two", "one")
    lab.run("two", "systemctl start postfix")

    assert "changed=0" in lab.playbook("inbound.mail.site").stdout.splitlines()[-2]
    lab.playbook("inbound.mail.verify")
