# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay that scans: rspamd and ClamAV that the playbook `site` installs, real Postfix on both sides of it."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from debian_lab import RELEASES, Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "scanning"
RELAY, SENDER = "203.0.113.17", "203.0.113.25"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
# The EICAR test file, written so that no scanner takes this file for it.
EICAR = bytes.fromhex(
    "58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d54455354"
    "2d46494c452124482b482a"
)
HEADER = """\
From: root@{sender}
To: root@{recipient}
Subject: {subject}
Date: {date}
Message-ID: <{token}@{sender}>
X-Spamd-Bar: forged
Authentication-Results: mail.example.org; spf=pass forged
MIME-Version: 1.0
"""
WITH_ATTACHMENT = """\
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

hello
--x
Content-Type: application/octet-stream
Content-Disposition: attachment; filename=invoice
Content-Transfer-Encoding: base64

{attachment}
--x--
"""
# Hands a message to the relay, from one domain to another; prints its answer to that, or to what it refused before.
CLIENT = """
import smtplib, sys
sender, recipient, message = sys.argv[1:]
with smtplib.SMTP("203.0.113.17", timeout=60) as smtp:
    smtp.ehlo("outside.example.com")
    code, text = smtp.mail(f"root@{sender}")
    if code == 250:
        code, text = smtp.rcpt(f"root@{recipient}")
    if code == 250:
        code, text = smtp.data(message)
    print(code, text.decode())
"""


@dataclass
class FirstRun:
    """What was seen while the playbook met hosts without Postfix and scanners."""

    lab: Lab
    checked: CompletedProcess[str]
    after_check: str


@pytest.fixture(scope="module", params=RELEASES)
def first_run(request: pytest.FixtureRequest) -> Iterator[FirstRun]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        checked = lab.playbook("inbound.mail.site", "--check", "--diff")
        after_check = lab.run("relay", "ls -d /etc/postfix /usr/bin/rspamadm /usr/sbin/clamd", check=False).stdout
        lab.playbook("inbound.mail.site")
        yield FirstRun(lab, checked, after_check)


@pytest.fixture
def lab(first_run: FirstRun) -> Lab:
    return first_run.lab


# What follows from our code alone, and not from how a release packs it, is asked on one release.
on_one_release = pytest.mark.parametrize("first_run", RELEASES[:1], indirect=True, scope="module")


def message(subject: str, sender: str, recipient: str, body: str = "hello", attachment: bytes = b"") -> str:
    # Points for a date of yesterday, or for a space in the Message-ID, would make a marked message a refused one.
    token, date = subject.rsplit(maxsplit=1)[-1], formatdate()
    header = HEADER.format(subject=subject, token=token, sender=sender, recipient=recipient, date=date)
    if attachment:
        return header + WITH_ATTACHMENT.format(attachment=base64.b64encode(attachment).decode())
    return f"{header}\n{body}\n"


def send(
    lab: Lab, what: str = "", host: str = "outside", body: str = "hello", attachment: bytes = b""
) -> tuple[str, str]:
    """Hand a message to the relay; returns its subject and the relay's answer to it."""
    subject = f"{what} token-{secrets.token_hex(8)}".strip()
    sender, recipient = ("example.org", "example.com") if host == "server" else ("example.com", "example.org")
    text = message(subject, sender, recipient, body, attachment)
    return subject, lab.run(host, ["python3", "-c", CLIENT, sender, recipient, text]).stdout.strip()


def await_message(lab: Lab, subject: str, host: str = "server") -> str:
    """Wait for the message in root's mailbox; returns its header, unfolded."""
    lab.await_run(host, f"grep -q 'Subject: {subject}' /var/mail/root", within=60)
    mailbox = lab.run(host, "cat /var/mail/root").stdout
    header = next(found for found in mailbox.split("\nFrom ") if subject in found).partition("\n\n")[0]
    return re.sub(r"\n\s+", " ", header)


def site(lab: Lab, scanner: object, *options: str, check: bool = True) -> CompletedProcess[str]:
    """Declare another scanner and run the playbook for the relay."""
    words = ("--limit", "relay", "-e", json.dumps({"mail_scanner": scanner}), *options)
    return lab.playbook("inbound.mail.site", *words, check=check)


@contextmanager
def stopped(lab: Lab, *units: str) -> Iterator[None]:
    lab.run("relay", f"systemctl stop {' '.join(units)}")
    try:
        yield
    finally:
        lab.run("relay", f"systemctl start {' '.join(units)}")
        lab.await_run("relay", "nc -z 127.0.0.1 11332", within=30)


@contextmanager
def declared_again(lab: Lab) -> Iterator[None]:
    """Whatever is declared meanwhile, afterwards it is what the inventory says."""
    try:
        yield
    finally:
        lab.playbook("inbound.mail.site", "--limit", "relay")


def files(lab: Lab) -> str:
    """Everything of Postfix's and rspamd's configuration on the relay."""
    sums = "find postfix rspamd -type f -exec md5sum {} +"
    return lab.run("relay", f"cd /etc; {{ {sums}; find postfix rspamd -printf '%p %m %u\\n'; }} | sort").stdout


def test_check_mode_on_a_fresh_host_predicts_and_changes_nothing(first_run: FirstRun) -> None:
    assert "+smtpd_milters = { inet:127.0.0.1:11332, default_action=tempfail, protocol=6 }" in first_run.checked.stdout
    assert '+    servers = "/run/clamav/clamd.ctl";' in first_run.checked.stdout
    assert first_run.after_check == ""


def test_second_run_changes_nothing_in_three_module_tasks(lab: Lab) -> None:
    out = lab.playbook("inbound.mail.site").stdout
    assert re.findall(r"changed=(\d+)", out) == ["0", "0"]
    assert len(re.findall(r"TASK \[inbound\.mail\.mail_relay : (?!Validating).*\] \*+\nok: \[relay\]", out)) == 3


def test_gtube_is_refused(lab: Lab) -> None:
    assert re.match(r"554 5\.7\.1 .*Gtube", send(lab, body=GTUBE)[1])


def test_attachment_with_a_virus_is_refused_and_named_in_the_log(lab: Lab) -> None:
    assert send(lab, attachment=b"harmless")[1].startswith("250")
    assert re.match(r'554 5\.7\.1 Virus found: "Eicar', send(lab, attachment=EICAR)[1])
    refused = rf"milter-reject: END-OF-MESSAGE from \S+\[{SENDER}\]: 5.7.1 Virus found: \"Eicar"
    assert re.search(refused, lab.run("relay", "journalctl -q -o cat -t postfix/cleanup").stdout)


def test_clean_message_passes_with_headers_and_without_forged_ones(lab: Lab) -> None:
    subject, answer = send(lab)
    assert answer.startswith("250")
    header = await_message(lab, subject)
    found = dict(re.findall(r"^(X-Spam\S*): (.*)", header, re.MULTILINE))
    assert sorted(found) == ["X-Spam-Level", "X-Spam-Status", "X-Spamd-Bar"]
    assert header.count("X-Spam") == 3
    assert found["X-Spam-Status"].startswith("No, score=")
    results = re.findall(r"^Authentication-Results: (\S+); (.*)", header, re.MULTILINE)
    assert len(results) == 1 and "spf=pass" in results[0][1] and SENDER in results[0][1]
    assert "forged" not in header


def test_spammy_message_is_marked_and_not_lost(lab: Lab) -> None:
    subject, answer = send(lab, "spammy")
    assert answer.startswith("250")
    header = await_message(lab, subject)
    assert "X-Spam: Yes" in header and "X-Spam-Status: Yes" in header and "forged" not in header


def test_scanner_and_server_know_the_real_senders_address(lab: Lab) -> None:
    subject, _answer = send(lab)
    await_message(lab, subject)
    scanned = f"grep -F '{subject}@example.com' /var/log/rspamd/rspamd.log | grep task_write_log"
    assert f"ip: {SENDER}," in lab.run("relay", scanned).stdout
    # The server writes down both: who handed the message over, and from whom it came.
    received = lab.run("server", "journalctl -q -o cat -t postfix/smtpd | grep client= | tail -n 1").stdout
    assert f"[{RELAY}], orig_queue_id=" in received and f"[{SENDER}]" in received.partition("orig_client=")[2]


def test_servers_own_mail_is_scanned_for_viruses_and_not_judged_as_spam(lab: Lab) -> None:
    assert send(lab, "certain")[1].startswith("554 5.7.1")
    subject, answer = send(lab, "certain", host="server")
    assert answer.startswith("250")
    assert "X-Spam: Yes" not in await_message(lab, subject, "outside")
    assert send(lab, host="server", attachment=EICAR)[1].startswith("554 5.7.1")


@pytest.mark.parametrize("units", [("rspamd",), ("clamav-daemon.socket", "clamav-daemon.service")])
def test_mail_waits_at_the_sender_while_a_scanner_is_away(lab: Lab, units: tuple[str, ...]) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    with stopped(lab, *units):
        assert re.match(r"451 4\.7\.1 ", send(lab)[1])
        lab.run("outside", f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f root@example.com root@example.org")
        lab.await_run("outside", "postqueue -p | grep -q '451 4.7.1'", within=30)
        # What is spam without a doubt needs no virus scanner.
        if units != ("rspamd",):
            assert send(lab, body=GTUBE)[1].startswith("554")
    assert "X-Spamd-Bar" in await_message(lab, subject)


@on_one_release
def test_mail_goes_on_unscanned_where_that_is_declared(lab: Lab) -> None:
    with declared_again(lab):
        site(lab, {"type": "rspamd", "antivirus": True, "unavailable": "accept"})
        with stopped(lab, "clamav-daemon.socket", "clamav-daemon.service"):
            assert send(lab, attachment=EICAR)[1].startswith("250")
            assert send(lab, body=GTUBE)[1].startswith("554")
        with stopped(lab, "rspamd"):
            subject, answer = send(lab, body=GTUBE)
            assert answer.startswith("250")
            assert "X-Spamd-Bar: forged" in await_message(lab, subject)


@on_one_release
def test_milter_of_somebody_else_takes_over_and_everything_of_ours_is_given_back(lab: Lab) -> None:
    """The relay's rspamd has settings of its own, in a file without a newline at its end, and a line below ours."""
    local = lab.root("relay") / "etc/rspamd/rspamd.conf.local"
    with declared_again(lab):
        site(lab, None)
        assert not local.exists()
        assert lab.run("relay", "postconf -nh smtpd_milters", check=False).stdout.strip() == ""
        assert send(lab, body=GTUBE)[1].startswith("250")
        local.write_text("# theirs\nlogging { level = notice; }")
        before = files(lab)
        site(lab, "rspamd")
        assert "logging { level = notice; }\n# BEGIN inbound.mail relay" in local.read_text()
        assert send(lab, body=GTUBE)[1].startswith("554")
        out = site(lab, {"type": "milter", "address": f"inet:{SENDER}:11332"}).stdout
        assert "changed=2" in out
        assert send(lab, body=GTUBE)[1].startswith("554")
        subject, _answer = send(lab)
        assert re.search(r"^X-Spamd-Bar: [-+/]+$", await_message(lab, subject), re.MULTILINE)
        assert subject in lab.run("outside", "cat /var/log/rspamd/rspamd.log").stdout
        assert local.read_text() == "# theirs\nlogging { level = notice; }"
        site(lab, None)
        assert files(lab) == before
        local.unlink()


@on_one_release
def test_smtp_filter_gets_mail_from_the_queue_and_brings_it_back(lab: Lab) -> None:
    """A Postfix that lets everything pass stands for the filter."""
    with declared_again(lab):
        site(lab, {"type": "smtp", "address": f"{SENDER}:10025"})
        for host, mailbox in (("controller", "server"), ("server", "outside")):
            subject, answer = send(lab, host=host)
            assert answer.startswith("250")
            assert re.findall(r"by (\S+) \(Postfix\)", await_message(lab, subject, mailbox))[1:4] == [
                "mail.example.org",
                "outside.example.com",
                "mail.example.org",
            ]


@on_one_release
@pytest.mark.parametrize(
    ("scanner", "says"),
    [
        ({"type": "milter", "address": "inet:203.0.113.10:11332"}, "nothing answers there"),
        ({"type": "milter", "address": "inet:203.0.113.25:25"}, "what answers there is no milter"),
        ({"type": "milter", "address": "unix:/opendkim.sock"}, "below /var/spool/postfix"),
        ({"type": "smtp", "address": "203.0.113.25:53"}, "nothing answers there within 5 seconds"),
        ({"type": "milter", "address": "203.0.113.25"}, "is not an address of a milter"),
        ({"type": "smtp", "address": "filter.example.org:10025"}, "is a name"),
    ],
)
def test_scanner_that_is_not_there_changes_nothing(lab: Lab, scanner: dict[str, str], says: str) -> None:
    before = files(lab)
    for options in ((), ("--check",)):
        failed = site(lab, scanner, *options, check=False)
        assert failed.returncode != 0 and says in failed.stdout
    assert files(lab) == before
    assert send(lab, body=GTUBE)[1].startswith("554")


# Socket units for outside's rspamd, as a milter on the relay itself would have them.
MILTER_SOCKET = "[Socket]\nListenStream={path}\nSocketMode=0600\n"
MILTER_SERVICE = f"[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd {SENDER}:11332\n"


@on_one_release
def test_milters_socket_is_asked_as_postfix_will_ask(lab: Lab) -> None:
    """It is of no use that root can open it, or that a link leads to it from where Postfix cannot get out."""
    units = lab.root("relay") / "etc/systemd/system"
    sockets = {"inside": "/var/spool/postfix/inside.sock", "beyond": "/run/beyond.sock"}
    for name, path in sockets.items():
        (units / f"{name}.socket").write_text(MILTER_SOCKET.format(path=path))
        (units / f"{name}.service").write_text(MILTER_SERVICE)
    lab.run("relay", "systemctl daemon-reload; systemctl start inside.socket beyond.socket; chmod 666 /run/beyond.sock")
    lab.run("relay", "ln -s /run/beyond.sock /var/spool/postfix/beyond.sock")
    before = files(lab)
    for name, why in (("inside", "Permission denied"), ("beyond", "No such file or directory")):
        failed = site(lab, {"type": "milter", "address": f"unix:/{name}.sock"}, check=False)
        assert failed.returncode != 0
        assert (
            f"asked as user postfix below /var/spool/postfix like Postfix's SMTP server: nothing answers there ({why})"
            in failed.stdout
        )
    assert files(lab) == before
    lab.run("relay", "chgrp postfix /var/spool/postfix/inside.sock; chmod 660 /var/spool/postfix/inside.sock")
    with declared_again(lab):
        site(lab, {"type": "milter", "address": "unix:/inside.sock"})
        assert send(lab, body=GTUBE)[1].startswith("554")
    lab.run("relay", "systemctl stop inside.socket inside.service beyond.socket; rm /var/spool/postfix/*.sock")


@on_one_release
def test_rspamd_that_would_not_start_is_never_given_ours(lab: Lab) -> None:
    broken = lab.root("relay") / "etc/rspamd/local.d/antivirus.conf"
    broken.write_text("theirs { type = \n")
    try:
        before = files(lab)
        for options in ((), ("--check",)):
            failed = site(lab, "rspamd", *options, check=False)
            assert failed.returncode != 0
            assert "local.d/antivirus.conf" in failed.stdout
        assert files(lab) == before
    finally:
        broken.unlink()


@on_one_release
def test_absent_gives_back_what_was_there(lab: Lab, tmp_path: Path) -> None:
    role = {"role": "inbound.mail.mail_relay", "mail_relay_state": "absent"}
    playbook = tmp_path / "absent.yml"
    playbook.write_text(json.dumps([{"hosts": "relay", "gather_facts": False, "roles": [role]}]))
    with declared_again(lab):
        assert "changed=2" in lab.playbook(str(playbook)).stdout
        assert "inbound" not in lab.run("relay", "ls -R /etc/rspamd; cat /etc/postfix/main.cf").stdout
        assert not (lab.root("relay") / "etc/rspamd/rspamd.conf.local").exists()
