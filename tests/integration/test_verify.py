# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook inbound.mail.verify on real hosts: nothing to find where all is sound, and each fault put in by hand."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from debian_lab import Lab

DOMAINS = ("example.org", "example.net")
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
    report = json.loads((folder / "report.json").read_text())
    # All reports say the same.
    failures = [case.attrib["name"] for case in ElementTree.parse(folder / "report.xml").iter("testcase") if len(case)]
    assert sorted(failures) == sorted(f"{one['id']} {one['subject']}" for one in report["findings"])
    page = (folder / "report.html").read_text()
    assert page.count("<article") == len(report["findings"])
    assert all(escape(one["remedy"]) in page for one in report["findings"])
    return Verdict(done, report)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def test_sound_path(lab: Lab, tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    verdict = verify(lab, tmp_path)
    assert verdict.done.returncode == 0, verdict.done.stdout
    assert verdict.report["findings"] == []
    # They tell of the inside of the network and of what is weak there; the directory is the administrator's.
    assert modes(tmp_path) == {
        tmp_path.name: 0o750,
        "report.json": 0o600,
        "report.xml": 0o600,
        "report.html": 0o600,
    }
    # The way of the message, for people to read.
    hops = ["mail.example.org (from 203.0.113.25, +N s)", "mailbox.example.org (from 198.51.100.17, +N s)"]
    way = " -> ".join(["postmaster@example.org: sender", *hops, "mail:/var/mail/root"])
    assert way in re.sub(r"\+\d+ s", "+N s", " ".join(verdict.done.stdout.split()))
    assert "Verdict: no finding." in verdict.done.stdout
    for proof in ("192.168.0.10 and 2001:db8:10::10", "mail and insider", "denied by relay"):
        assert proof in verdict.done.stdout
    token = verdict.report["observation"]["sent"][0]["token"]
    assert lab.run("mail", f"grep -c 'X-Inbound-Mail-Token: {token}' /var/mail/root").stdout == "1\n"


def test_check_mode_sends_nothing(lab: Lab) -> None:
    before = lab.run("mail", "grep -c X-Inbound-Mail-Token /var/mail/root", check=False).stdout
    done = lab.playbook("inbound.mail.verify", "--check")
    assert "Verdict: no finding." in done.stdout
    assert lab.run("mail", "grep -c X-Inbound-Mail-Token /var/mail/root", check=False).stdout == before


def test_everything_left_open(lab: Lab, tmp_path: Path) -> None:
    """No filter, a relay that trusts the vantage, a gateway that hides clients, an alias for two mailboxes."""
    restrictions = "permit_mynetworks,reject_unauth_destination"
    settings = {
        # The gateway's address too, which is what the relay sees of everybody.
        "mynetworks": "203.0.113.0/24,[2001:db8:113::]/64,198.51.100.1",
        "smtpd_relay_restrictions": restrictions,
        "smtpd_recipient_restrictions": restrictions,
    }
    before = lab.run("relay", ["postconf", *settings]).stdout.splitlines()
    masquerade = 'table ip hides { chain c { type nat hook postrouting priority 100; oifname "dmz" masquerade; }; }'
    lab.run("firewall", "nft delete table inet inbound_mail_dmz")
    lab.run("firewall", ["nft", masquerade])
    lab.run("relay", ["postconf", "-e", *(f"{name}={value}" for name, value in settings.items())])
    lab.run("relay", "postfix reload")
    lab.run("mail", "cp /etc/aliases /root/aliases && echo 'postmaster: root, games' >/etc/aliases && newaliases")
    try:
        verdict = verify(lab, tmp_path)
    finally:
        lab.run("mail", "cp /root/aliases /etc/aliases && newaliases")
        lab.run("relay", ["postconf", "-e", *before])
        lab.run("relay", "postfix reload")
        lab.run("firewall", "nft delete table ip hides")
        lab.playbook("inbound.mail.site")
    assert verdict.done.returncode != 0
    assert verdict.found == {
        ("port25-forbidden-open", "192.168.0.10"),
        ("port25-forbidden-open", "2001:db8:10::10"),
        ("egress25-open", "mail"),
        ("egress25-open", "insider"),
        ("open-relay", "relay"),
        *((name, f"postmaster@{zone}") for name in ("source-translated", "delivery-twice") for zone in DOMAINS),
    }


def test_insider_that_sees_what_the_world_sees(lab: Lab, tmp_path: Path) -> None:
    """No resolver inside has the view that is declared for it."""
    inside = {"zone": "example.org", "name": "mail.example.org", "type": "A", "values": ["192.168.0.17"]}
    outside = {**inside, "values": ["198.51.100.17"]}
    records = [{**outside, "view": "public"}, {**inside, "view": "internal"}]
    told = {"mail_verify_expectations": {"records": records}, "mail_verify_report_mode": "0644"}
    verdict = verify(lab, tmp_path, "-e", json.dumps(told))
    assert verdict.done.returncode == 0, verdict.done.stdout
    assert verdict.found == {("view-hairpin", "mail.example.org")}
    assert "insider" in verdict.report["findings"][0]["subject"]
    assert modes(tmp_path)["report.html"] == 0o644, "for a web server to show"


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
        verdict = verify(lab, tmp_path, "-e", '{"mail_verify_delivery_timeout": 3, "mail_verify_timeout": 2}')
    finally:
        lab.run("mail", "cp /root/aliases /etc/aliases && newaliases")
    assert verdict.done.returncode != 0
    assert verdict.found == {("delivery-missing", f"postmaster@{zone}") for zone in DOMAINS}
