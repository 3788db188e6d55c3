# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exim and OpenSMTPD behind a relay, set up by hand with what the plan says, and Exchange, which is never contacted."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from debian_lab import RELEASES, Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "other_servers"
SERVERS = {"exim": "example.org", "opensmtpd": "example.net"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    plan = tmp_path_factory.mktemp("plan") / "plan.json"
    with Lab.up(SCENARIO, release=RELEASES[0]) as lab:
        lab.playbook("inbound.mail.plan", "-e", f"mail_plan_dest={plan}")
        for request in json.loads(plan.read_text())["manual"]:
            host = request["owner"].removeprefix("server: ")
            if host in SERVERS:
                follow(lab, host, request["steps"])
        yield lab


def follow(lab: Lab, host: str, steps: list[dict[str, str]]) -> None:
    """Do what an administrator does with the steps."""
    before = everything(lab, host)
    *there, (_undo, back) = [(step["title"], step["text"]) for step in steps]
    for _round in range(2):
        for title, text in there:
            if title.startswith("/"):
                (lab.root(host) / title.lstrip("/")).write_text(text)
            else:
                lab.run(host, text)
        if _round == 0:
            lab.run(host, back)
            assert everything(lab, host) == before


def everything(lab: Lab, host: str) -> str:
    return lab.run(host, "find /etc/exim4* /etc/smtpd.conf* -type f -exec md5sum {} + 2>/dev/null | sort; true").stdout


def smtp(lab: Lab, client: str, server: str, *words: str) -> str:
    command = ["swaks", "--server", server, "--helo", "outside.example.com", "--from", "root@example.com", *words]
    return lab.run(client, command, check=False).stdout


def headers(lab: Lab, host: str, user: str, subject: str) -> str:
    lab.await_run(host, f"grep -q 'Subject: {subject}' /var/mail/{user}", within=60)
    mailbox = lab.run(host, f"cat /var/mail/{user}").stdout
    header = next(message for message in mailbox.split("\nFrom ") if subject in message).partition("\n\n")[0]
    return re.sub(r"\n\s+", " ", header)


def test_site_and_verify_leave_exchange_alone(lab: Lab) -> None:
    site = lab.playbook("inbound.mail.site").stdout
    # To be copied from the terminal into the shell of Exchange.
    assert '\n  -Identity "$env:COMPUTERNAME\\Default Frontend $env:COMPUTERNAME" `\n' in site
    verify = lab.playbook("inbound.mail.verify", "-e", "mail_verify_fail_on=never").stdout
    for out in (site, verify):
        assert re.search(r"^relay +: .*unreachable=0 +failed=0", out, re.MULTILINE)
        assert not re.search(r"^exchange +: .*(unreachable|failed)=[1-9]", out, re.MULTILINE)


@pytest.mark.parametrize(("server", "domain"), SERVERS.items())
def test_mail_comes_in_through_the_relay_only(lab: Lab, server: str, domain: str) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    to = ("--to", f"anna@{domain}")
    said = smtp(lab, "outside", "203.0.113.17", *to, "--header", f"Subject: {subject}")
    assert "250 2.0.0 Ok: queued" in said
    header = headers(lab, server, "anna", subject)
    assert "outside.example.com" in header and "by mail.example.org" in header
    address = {"exim": "203.0.113.10", "opensmtpd": "203.0.113.11"}[server]
    for client, host in (("outside", "203.0.113.17"), ("relay", address)):
        assert "250-SIZE 2097152" in smtp(lab, client, host, "--quit-after", "EHLO")
    assert re.search(r"<\*\* 5\d\d", smtp(lab, "outside", address, *to, "--quit-after", "RCPT"))
    elsewhere = ("--to", "victim@elsewhere.example.com", "--quit-after", "RCPT")
    assert re.search(r"<\*\* 5\d\d", smtp(lab, "relay", address, *elsewhere))


@pytest.mark.parametrize(("server", "domain"), SERVERS.items())
def test_mail_goes_out_through_the_relay(lab: Lab, server: str, domain: str) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    message = f"From: anna@{domain}\\nTo: root@example.com\\nSubject: {subject}\\n\\nhello\\n"
    lab.run(server, f"printf '{message}' | sendmail -f anna@{domain} root@example.com")
    header = headers(lab, "outside", "root", subject)
    assert f"from mailbox.{domain}" in header
    assert "by mail.example.org" in header
