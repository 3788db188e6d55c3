# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay as the edge: what it takes from whom. Asked over SMTP by a host outside, and by the server's mailbox."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from debian_lab import RELEASES, Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "edge"
ROLES = str(SCENARIO / "roles.yml")
OUTSIDE, LISTED, RELAY, SERVER = "203.0.113.25", "203.0.113.66", "203.0.113.17", "203.0.113.10"

# Says each of its arguments but the first two, after the answer to the one before; prints the answers' codes.
CLIENT = """
import smtplib, sys
source, server, *lines = sys.argv[1:]
smtp = smtplib.SMTP(timeout=30, source_address=(source, 0))
try:
    print(smtp.connect(server)[0])
    smtp.putcmd("EHLO outside.example.com")
    code, text = smtp.getreply()
    print(text.decode().replace(" ", "=").replace("\\n", ","))
    for line in lines:
        smtp.send(line.encode().decode("unicode_escape") + "\\r\\n")
        print(smtp.getreply()[0])
    smtp.sock.settimeout(1)
    for answer in smtp.file:
        print(answer[:3].decode())
except (smtplib.SMTPServerDisconnected, TimeoutError):
    pass
"""


@pytest.fixture(scope="module", params=RELEASES)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        lab.playbook(ROLES)
        yield lab


on_one_release = pytest.mark.parametrize("lab", RELEASES[:1], indirect=True, scope="module")


def talk(lab: Lab, server: str, *lines: str, source: str = OUTSIDE, host: str = "outside") -> list[str]:
    """The code of the greeting, what EHLO is answered with, as ``SIZE=1000,STARTTLS``, and the codes of all answers."""
    return lab.run(host, ["python3", "-c", CLIENT, source, server, *lines]).stdout.split()


def message(recipient: str = "root@example.org", subject: str = "") -> list[str]:
    data = f"Subject: {subject}\\r\\n\\r\\nhello\\r\\n."
    return ["MAIL FROM:<root@example.com>", f"RCPT TO:<{recipient}>", "DATA", data]


def send(lab: Lab, server: str = RELAY, recipient: str = "root@example.org", source: str = OUTSIDE) -> str:
    """Hand a message in; returns its subject."""
    subject = f"token-{secrets.token_hex(8)}"
    answers = talk(lab, server, *message(recipient, subject), source=source)
    assert answers[-4:] == ["250", "250", "354", "250"]
    return subject


def await_message(lab: Lab, host: str, subject: str) -> str:
    """Wait for the message in root's mailbox; returns the message."""
    lab.await_run(host, f"grep -q 'Subject: {subject}' /var/mail/root", within=60)
    mailbox = lab.run(host, "cat /var/mail/root").stdout
    return next(one for one in mailbox.split("\nFrom ") if subject in one)


@contextmanager
def declared(lab: Lab, host: str, **edge: object) -> Iterator[None]:
    """The edge of the host declared so, for as long as this lasts."""
    try:
        lab.playbook(ROLES, "--limit", host, "-e", json.dumps({f"mail_{host}_edge": edge}))
        yield
    finally:
        lab.playbook(ROLES, "--limit", host)


def test_second_run_changes_nothing(lab: Lab) -> None:
    out = lab.playbook(ROLES).stdout
    assert re.findall(r"ok=(\d+) +changed=(\d+)", out) == [("4", "0"), ("4", "0")]


# A second message within the first, for servers that take the dot between two bare newlines for its end.
SMUGGLED = (
    "Subject: {0}\\r\\n\\r\\nhello\\n.\\r\\nMAIL FROM:<root@example.com>\\r\\nRCPT TO:<{1}>\\r\\nDATA\\r\\n"
    "Subject: hidden-{0}\\r\\n\\r\\nhello\\r\\n."
)


def test_message_that_is_hidden_in_another_one_stays_a_part_of_it(lab: Lab) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    lab.run("outside", "postconf -e smtpd_forbid_bare_newline=no smtpd_forbid_unauth_pipelining=no; postfix reload")
    hidden = [*message("root@example.com")[:3], SMUGGLED.format(subject, "root@example.com")]
    answers = talk(lab, OUTSIDE, *hidden, source=RELAY, host="relay")
    assert answers[2:] == ["250", "250", "354", "250"] * 2, "the attack does not work, so nothing is proven"
    lab.run("relay", "grep -q 'smtpd_forbid_bare_newline = normalize' /etc/postfix/main.cf")
    hidden = [*message()[:3], SMUGGLED.format(subject, "root@example.org")]
    assert talk(lab, RELAY, *hidden)[2:] == ["250", "250", "354", "250"]
    assert f"Subject: hidden-{subject}" in await_message(lab, "server", subject)


def test_size_of_a_message_is_the_same_at_relay_and_server(lab: Lab) -> None:
    for server, source, host in ((RELAY, OUTSIDE, "outside"), (SERVER, RELAY, "relay")):
        answers = talk(lab, server, "MAIL FROM:<root@example.com> SIZE=1000001", source=source, host=host)
        assert "SIZE=1000000" in answers[1].split(",")
        assert answers[-1] == "552"


@on_one_release
def test_client_that_connects_too_often_is_put_off_and_the_server_is_not(lab: Lab) -> None:
    with declared(lab, "relay", client_limits={"connections_per_minute": 2}):
        outside = [talk(lab, RELAY, "NOOP")[-1] for _time in range(3)]
        server = [talk(lab, RELAY, "NOOP", source=SERVER, host="server")[-1] for _time in range(3)]
    assert outside == ["250", "250", "421"]
    assert server == ["250", "250", "250"]


@on_one_release
def test_mailbox_that_is_smaller_than_a_message_is_an_error_before_anything_changes(lab: Lab) -> None:
    lab.run("server", "postconf -e mailbox_size_limit=500000")
    before = lab.run("server", "cat /etc/postfix/main.cf").stdout
    try:
        refused = lab.playbook(ROLES, "--limit", "server", check=False)
    finally:
        after = lab.run("server", "cat /etc/postfix/main.cf; postconf -e mailbox_size_limit=0").stdout
    assert refused.returncode != 0
    assert "a mailbox of 500000 bytes cannot hold a message of 1000000" in refused.stdout
    assert after == before
