# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inbound.mail.verify alone, on hosts that somebody set up by hand, and messages that Dovecot keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from debian_lab import Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "by-hand"
PLACE = "/srv/mail"
FILES = {"mail_verify_mailboxes": [PLACE]}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(SCENARIO) as lab:
        yield lab


def account(lab: Lab, password: str = "") -> dict[str, Any]:
    one = {"user": "postmaster@example.org", "password": password or lab.secrets["MAILBOX_PASSWORD"]}
    return {"mail_verify_imap": [one]}


def verify(lab: Lab, folder: Path, *words: str, **variables: Any) -> tuple[dict[str, Any], str]:
    """The report as JSON, and what was printed."""
    told = {
        "mail_verify_report_dir": str(folder),
        "mail_verify_fail_on": "never",
        "mail_verify_timeout": 1.5,
        **variables,
    }
    output = lab.playbook("inbound.mail.verify", "-e", json.dumps(told), *words).stdout
    return json.loads((folder / "report.json").read_text()), output


def found(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["id"], one["status"]) for one in report["findings"]]


def copies(lab: Lab, report: dict[str, Any], *more: str) -> str:
    """How many of the messages Dovecot has, by its own word."""
    token = report["observation"]["sent"][0]["token"]
    search = ["doveadm", "search", "-u", "postmaster@example.org", "HEADER", "X-Inbound-Mail-Token", token, *more]
    return lab.run("mail", search).stdout


def test_sound_where_only_the_log_tells(lab: Lab, tmp_path: Path) -> None:
    report, output = verify(lab, tmp_path)
    assert found(report) == []
    (trace,) = report["observation"]["traces"]
    assert (trace["host"], trace["kind"], trace["hops"]) == ("mail", "log", [])
    assert re.search(r"log: lmtp 127\.0\.0\.1\[127\.0\.0\.1\]:24: 250 .* Saved", trace["file"])
    assert "Verdict: no finding." in output
    assert len(copies(lab, report).splitlines()) == 1


def test_found_in_the_maildir_with_its_way(lab: Lab, tmp_path: Path) -> None:
    report, output = verify(lab, tmp_path, **FILES)
    assert found(report) == []
    (trace,) = report["observation"]["traces"]
    assert trace["kind"] == "mailbox"
    assert lab.run("mail", ["test", "-f", trace["file"]]).returncode == 0
    way = r"sender -> mail\.example\.org \(from 203\.0\.113\.25, \+\d+ s\) -> mailbox\.example\.org \(from 192\.168"
    assert re.search(way, " ".join(output.split()))


def test_found_through_imap_and_left_unread(lab: Lab, tmp_path: Path) -> None:
    report, output = verify(lab, tmp_path, "-vvv", **account(lab))
    assert found(report) == []
    (trace,) = report["observation"]["traces"]
    assert (trace["kind"], trace["file"].split(";")[0]) == ("imap", "imap://postmaster@example.org@127.0.0.1:993/INBOX")
    hops = [(hop["by"], hop["address"]) for hop in trace["hops"]]
    assert hops[:2] == [("mail.example.org", "203.0.113.25"), ("mailbox.example.org", "192.168.0.17")]
    assert len(copies(lab, report, "UNSEEN").splitlines()) == 1
    assert lab.secrets["MAILBOX_PASSWORD"] not in output


def test_account_that_cannot_be_opened(lab: Lab, tmp_path: Path) -> None:
    """Nothing is said of a message that nobody could look for, and the password is tried once."""
    lab.run("mail", ["postconf", "-e", "virtual_transport=discard:"])
    lab.run("mail", "postfix reload")
    began = lab.run("mail", "date +%s").stdout.strip()
    try:
        report, output = verify(lab, tmp_path, **account(lab, "not-the-password"), mail_verify_delivery_timeout=3)
        nowhere, _output = verify(lab, tmp_path, **account(lab), **FILES, mail_verify_delivery_timeout=3)
    finally:
        lab.run("mail", ["postconf", "-e", "virtual_transport=lmtp:inet:127.0.0.1:24"])
        lab.run("mail", "postfix reload")
    assert found(report) == [("delivery-missing", "unknown")]
    assert "Authentication failed" in report["findings"][0]["message"]
    assert "not-the-password" not in output
    tries = lab.run("mail", f"journalctl -u dovecot --since=@{began} --grep='auth failed'").stdout
    assert tries.count("auth failed") == 1
    assert found(nowhere) == [("delivery-missing", "finding")]


def test_forward_that_leads_past_the_relay(lab: Lab, tmp_path: Path) -> None:
    """A rule on the relay gives what comes for it to the server itself."""
    past = "ip saddr 203.0.113.25 tcp dport 25 dnat to 192.168.0.10"
    lab.run("relay", ["nft", f"table ip past {{ chain c {{ type nat hook prerouting priority -100; {past}; }}; }}"])
    try:
        report, _output = verify(lab, tmp_path, **FILES)
    finally:
        lab.run("relay", "nft delete table ip past")
    wrong = {one["id"]: one["message"] for one in report["findings"]}
    assert "mailbox.example.org accepted it first, not relay" in wrong["delivery-path"]


def test_what_others_were_asked_for(lab: Lab, tmp_path: Path) -> None:
    """Its DNS is somebody else's, who entered another address; that is known, and no reason to fail."""

    def enter(address: str) -> None:
        update = ["server 203.0.113.53", "del mail.example.org A", f"add mail.example.org 300 A {address}", "send"]
        key = f"hmac-sha256:inbound-mail:{lab.secrets['MAIL_DNS_KEY_SECRET']}"
        lab.run("ns1", f"printf '%s\\n' {' '.join(map(repr, update))} | nsupdate -y {key}")
        at_secondary = f"dig +short mail.example.org @203.0.113.54 | grep -qx {address}"
        lab.await_run("ns2", at_secondary, within=20)

    enter("203.0.113.11")
    try:
        reason = {"reason": "The provider has promised it for tomorrow.", "until": "2199-12-31"}
        accepted = [{"id": one, **reason} for one in ("address-differs", "manual-open")]
        told = {"mail_verify_delivery": False, "mail_verify_fail_on": "error", "mail_verify_accepted": accepted}
        report, output = verify(lab, tmp_path, **told)
    finally:
        enter("203.0.113.10")
    wrong = {one["id"]: (one["subject"], one["status"]) for one in report["findings"]}
    assert wrong["address-differs"] == ("mail.example.org A", "accepted")
    assert wrong["manual-open"] == ("dns: default", "accepted")
    for text in (output, (tmp_path / "report.html").read_text(), (tmp_path / "report.xml").read_text()):
        assert "The provider has promised it for tomorrow." in text
