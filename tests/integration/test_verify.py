# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook inbound.mail.verify on real hosts: nothing to find where all is sound, and each fault put in by hand."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from debian_lab import Lab

RELAY = Path(__file__).resolve().parents[2] / "examples" / "relay"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(RELAY) as lab:
        lab.playbook("inbound.mail.site")
        yield lab


@dataclass
class Verdict:
    done: subprocess.CompletedProcess[str]
    report: dict[str, Any]

    @property
    def found(self) -> set[tuple[str, str]]:
        """(id, subject up to the first space), the id with a question mark where it is unknown."""
        return {
            (one["id"] + ("?" if one["status"] == "unknown" else ""), one["subject"].split()[0])
            for one in self.report["findings"]
        }


def verify(lab: Lab, folder: Path, *words: str) -> Verdict:
    words = ("-e", f"mail_verify_report_dir={folder}", *words)
    done = lab.playbook("inbound.mail.verify", *words, check=False)
    return Verdict(done, json.loads((folder / "report.json").read_text()))


def test_sound_path(lab: Lab, tmp_path: Path) -> None:
    verdict = verify(lab, tmp_path)
    assert verdict.done.returncode == 0, verdict.done.stdout
    assert verdict.report["findings"] == []
    # The way of the message, for people to read.
    hops = "mail.example.org (from 203.0.113.25) -> mailbox.example.org (from 198.51.100.17)"
    assert f"postmaster@example.org: sender -> {hops} -> mail:/var/mail/root" in " ".join(verdict.done.stdout.split())
    assert "Verdict: no finding." in verdict.done.stdout
    for proof in ("192.168.0.10 and 2001:db8:10::10", "mail and insider", "refused by relay"):
        assert proof in verdict.done.stdout
    token = verdict.report["observation"]["sent"][0]["token"]
    assert lab.run("mail", f"grep -c 'X-Inbound-Mail-Token: {token}' /var/mail/root").stdout == "1\n"


def test_check_mode_sends_nothing(lab: Lab) -> None:
    before = lab.run("mail", "grep -c X-Inbound-Mail-Token /var/mail/root", check=False).stdout
    done = lab.playbook("inbound.mail.verify", "--check")
    assert "Verdict: no finding." in done.stdout
    assert lab.run("mail", "grep -c X-Inbound-Mail-Token /var/mail/root", check=False).stdout == before


def test_open_firewall_and_open_relay(lab: Lab, tmp_path: Path) -> None:
    saved = lab.run("firewall", "nft list table inet inbound_mail_dmz").stdout
    before = lab.run("relay", "postconf smtpd_relay_restrictions smtpd_recipient_restrictions").stdout
    assert saved
    lab.run("firewall", "nft delete table inet inbound_mail_dmz")
    lab.run(
        "relay", "postconf -e smtpd_relay_restrictions=permit smtpd_recipient_restrictions=permit && postfix reload"
    )
    try:
        verdict = verify(lab, tmp_path)
    finally:
        lab.run("relay", ["postconf", "-e", *before.splitlines()])
        lab.run("relay", "postfix reload")
        lab.playbook("inbound.mail.site")
    assert verdict.done.returncode != 0
    assert verdict.found == {
        ("port25-forbidden-open", "192.168.0.10"),
        ("port25-forbidden-open", "2001:db8:10::10"),
        ("egress25-open", "mail"),
        ("egress25-open", "insider"),
        ("open-relay", "relay"),
    }


def test_translated_source_and_two_copies(lab: Lab, tmp_path: Path) -> None:
    rule = 'table ip masquerade { chain c { type nat hook postrouting priority 100; oifname "dmz" masquerade; }; }'
    lab.run("firewall", ["nft", rule])
    lab.run("mail", "cp /etc/aliases /root/aliases && echo 'postmaster: root, games' >/etc/aliases && newaliases")
    try:
        verdict = verify(lab, tmp_path)
    finally:
        lab.run("firewall", "nft delete table ip masquerade")
        lab.run("mail", "cp /root/aliases /etc/aliases && newaliases")
    assert verdict.done.returncode != 0
    assert {name for name, _subject in verdict.found} == {"source-translated", "delivery-twice"}
    assert "198.51.100.1" in verdict.done.stdout


def test_dead_relay_and_unreachable_insider(lab: Lab, tmp_path: Path) -> None:
    lab.run("relay", "systemctl stop postfix")
    lab.disconnect("insider", "mgmt")
    try:
        verdict = verify(lab, tmp_path)
    finally:
        lab.connect("insider", "mgmt")
        lab.run("relay", "systemctl start postfix")
    assert verdict.done.returncode != 0
    assert verdict.found == {
        ("port25-refused", "198.51.100.17"),
        ("port25-refused", "2001:db8:1::17"),
        ("delivery-missing", "postmaster@example.org"),
        ("delivery-missing", "postmaster@example.net"),
        # Nobody answered on port 25, so what is shut proves nothing; nobody could ask the insider.
        ("port25-vantage?", "sender"),
        ("egress25-open?", "insider"),
    }


def test_message_that_nobody_keeps(lab: Lab, tmp_path: Path) -> None:
    lab.run("mail", "cp /etc/aliases /root/aliases && echo 'postmaster: /dev/null' >/etc/aliases && newaliases")
    try:
        words = ("-e", '{"mail_verify_delivery_timeout": 3}')
        verdict = verify(lab, tmp_path, *words)
        accepted = [{"id": "delivery-missing", "reason": "the mailbox moves today"}]
        tolerated = verify(lab, tmp_path, *words, "-e", json.dumps({"mail_verify_accepted": accepted}))
    finally:
        lab.run("mail", "cp /root/aliases /etc/aliases && newaliases")
    assert verdict.done.returncode != 0
    assert {name for name, _subject in verdict.found} == {"delivery-missing"}
    assert tolerated.done.returncode == 0
    assert "the mailbox moves today" in tolerated.done.stdout
