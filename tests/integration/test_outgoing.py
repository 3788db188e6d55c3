# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a relay and the server behind it send: through a provider's smarthosts, over verified TLS, from the MX address.

What follows from Postfix and not from how a release packs it; so it is asked on one release.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from debian_lab import RELEASES, Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "outgoing"
ROLES = str(SCENARIO / "roles.yml")
CERTIFICATES = "etc/ssl/lab"
NEW = r"""a "new" Pa55word with all 'that' \n needs quoting"""
PASSWORDS = "/etc/postfix/inbound_mail/relay/passwords"


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        self._folder = folder
        self._openssl("req", "-x509", "-subj", f"/CN={folder.name}", *self._new_key(self._key), self.certificate)

    def _new_key(self, path: Path) -> list[str | Path]:
        return ["-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", path, "-out"]

    def _openssl(self, *words: str | Path) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def issue(self, name: str) -> str:
        """Key and certificate for a name, as one PEM text."""
        key, certificate = self._folder / "key", self._folder / "certificate"
        words = ["-subj", "/CN=x", "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=CA:FALSE"]
        signer = ["-CA", self.certificate, "-CAkey", self._key]
        self._openssl("req", "-x509", *words, *signer, *self._new_key(key), certificate)
        return key.read_text() + certificate.read_text()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def lab(authority: Authority) -> Iterator[Lab]:
    names = {
        "first": "smtp.example.net",
        "second": "smtp2.example.net",
        "relay": "mail.example.org",
        "server": "mailbox.example.org",
    }
    with Lab.up(SCENARIO, release=RELEASES[0]) as lab:
        for host, name in names.items():
            folder = lab.root(host) / CERTIFICATES
            folder.mkdir()
            (folder / "ca.pem").write_text(authority.certificate.read_text())
            (folder / f"{name}.pem").write_text(authority.issue(name))
        lab.playbook(ROLES)
        yield lab


def send(lab: Lab, sender: str = "root@example.org", recipient: str = "root@example.com", host: str = "server") -> str:
    """Hand a message in on a host; returns its subject."""
    subject = f"token-{secrets.token_hex(8)}"
    lab.run(host, f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f {sender} {recipient}")
    return subject


def await_message(lab: Lab, host: str, subject: str) -> str:
    """Wait for the message in root's mailbox; returns its headers, unfolded."""
    lab.await_run(host, f"grep -q 'Subject: {subject}' /var/mail/root", within=60)
    mailbox = lab.run(host, "cat /var/mail/root").stdout
    header = next(message for message in mailbox.split("\nFrom ") if subject in message).partition("\n\n")[0]
    return re.sub(r"\n\s+", " ", header)


def test_mail_goes_out_through_the_smarthost_as_who_logged_in(lab: Lab) -> None:
    header = await_message(lab, "outside", send(lab))
    # Received lines, the last hop first.
    hops = re.findall(r"Received: from (\S+) .*?\[(\S+)\]\).*? by (\S+)", header)
    assert hops == [
        ("smtp.example.net", "203.0.113.30", "outside.example.com"),
        ("mail.example.org", "203.0.113.17", "smtp.example.net"),
        ("mailbox.example.org", "203.0.113.10", "mail.example.org"),
    ]
    assert re.search(r"\(Authenticated sender: relay\) by smtp\.example\.net \(Postfix\) with ESMTPSA", header)


def test_mail_of_one_senders_domain_goes_through_its_own_smarthost(lab: Lab) -> None:
    header = await_message(lab, "outside", send(lab, sender="root@example.net"))
    assert "(Authenticated sender: relay) by smtp2.example.net" in header
    assert "by smtp.example.net" not in header


def test_second_smarthost_takes_the_mail_when_the_first_is_away(lab: Lab) -> None:
    lab.run("first", "postfix stop")
    try:
        header = await_message(lab, "outside", send(lab))
    finally:
        lab.run("first", "systemctl restart postfix")
    assert "(Authenticated sender: relay) by smtp2.example.net" in header


def test_second_run_changes_nothing_in_three_module_tasks(lab: Lab) -> None:
    out = lab.playbook(ROLES).stdout
    assert re.findall(r"ok=(\d+) +changed=(\d+)", out) == [("3", "0")] * 3


def test_password_is_shown_nowhere(lab: Lab) -> None:
    """Neither the one in use, nor a new one, nor one that cannot be used."""
    now = lab.secrets["PROVIDER_PASSWORD"]
    lab.run("relay", "journalctl --rotate --vacuum-time=1s")
    seen = []
    for password in (NEW, "two lines\nof a Pa55word", "Pa55word with a blank "):
        words = ("--limit", "relay", "--check", "--diff", "-vvv")
        run = lab.playbook(ROLES, *words, env={"PROVIDER_PASSWORD": password}, check=False)
        seen.append(run.stdout + run.stderr)
        assert ("this is not a username, a colon and a password" in seen[-1]) == (password != NEW)
    assert "+# with other credentials than before" in seen[0]
    seen.append(lab.run("relay", "journalctl -q -o cat; cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout)
    assert "Invoked with" in seen[-1]
    for word in ("Pa55word", now):
        assert [line for text in seen for line in text.splitlines() if word in line] == []
    assert lab.run("relay", f"stat -c '%a %U' {PASSWORDS}").stdout == "600 root\n"


def test_passwords_that_others_could_read_are_shut_again(lab: Lab) -> None:
    lab.run("relay", f"chmod 644 {PASSWORDS}")
    assert "changed=1" in lab.playbook(ROLES, "--limit", "relay").stdout
    assert lab.run("relay", f"stat -c %a {PASSWORDS}").stdout == "600\n"
    assert "changed=0" in lab.playbook(ROLES, "--limit", "relay").stdout


def test_without_smarthosts_mail_goes_to_its_mx_from_the_exchangers_address(lab: Lab) -> None:
    try:
        lab.playbook(ROLES, "--limit", "relay", "-e", '{"smarthosts": false}')
        header = await_message(lab, "outside", send(lab))
    finally:
        lab.playbook(ROLES, "--limit", "relay")
    assert re.search(r"from mail\.example\.org \(.*?\[203\.0\.113\.17\]\).*? by outside\.example\.com", header)


def test_other_relay_takes_the_servers_mail_when_the_first_is_away(lab: Lab) -> None:
    """It sends it from the address of its own MX. The first refuses connections, or does not answer at all."""
    answers_lost = "blackhole 203.0.113.10/32"
    smarthosts = [{"address": "203.0.113.17"}, {"address": "203.0.113.20"}]
    lab.run("server", "postconf -e smtp_connect_timeout=5s")
    try:
        lab.playbook(ROLES, "--limit", "server", "-e", json.dumps({"mail_server_smarthosts": smarthosts}))
        assert "by mail.example.org" in await_message(lab, "outside", send(lab))
        for away, back in (
            ("postfix stop", "systemctl restart postfix"),
            (f"ip route add {answers_lost}", f"ip route del {answers_lost}"),
        ):
            lab.run("relay", away)
            try:
                header = await_message(lab, "outside", send(lab))
            finally:
                lab.run("relay", back)
            hops = re.findall(r"Received: from (\S+) .*?\[(\S+)\]\).*? by (\S+)", header)
            assert hops == [
                ("mail2.example.org", "203.0.113.20", "outside.example.com"),
                ("mailbox.example.org", "203.0.113.10", "mail2.example.org"),
            ]
    finally:
        lab.playbook(ROLES, "--limit", "server")


@contextmanager
def certificate_of(lab: Lab, host: str, name: str, text: str) -> Iterator[None]:
    """Another certificate in the place of the host's own, for as long as this lasts."""
    path = lab.root(host) / CERTIFICATES / f"{name}.pem"
    own = path.read_text()
    try:
        path.write_text(text)
        lab.run(host, "postfix reload")
        yield
    finally:
        path.write_text(own)
        lab.run(host, "postfix reload")


def waits_because(lab: Lab, host: str, reason: str) -> None:
    lab.await_run(host, f"postqueue -j | grep -q '{reason}'", within=30)


def test_relay_hands_over_to_a_verified_server_only(lab: Lab, authority: Authority, tmp_path: Path) -> None:
    """Right name of a wrong authority, wrong name of the right one, no TLS at all: the mail waits, and is not lost."""
    (tmp_path / "stranger").mkdir()
    stranger = Authority(tmp_path / "stranger")
    name = "mailbox.example.org"
    waiting = []
    for text in (stranger.issue(name), authority.issue("other.example.org")):
        with certificate_of(lab, "server", name, text):
            waiting.append(send(lab, recipient="root@example.org", host="relay"))
            waits_because(lab, "relay", "Server certificate not")
        lab.run("relay", "postqueue -f")
        header = await_message(lab, "server", waiting[-1])
        assert re.search(r"with ESMTPS", header)
    lab.run("server", "postconf -e smtpd_tls_security_level=none && postfix reload")
    try:
        waiting.append(send(lab, recipient="root@example.org", host="relay"))
        waits_because(lab, "relay", "TLS is required, but was not offered")
    finally:
        lab.run("server", "postconf -e smtpd_tls_security_level=may && postfix reload")
    lab.run("relay", "postqueue -f")
    await_message(lab, "server", waiting[-1])


def test_server_hands_over_to_its_verified_relay_only(lab: Lab, authority: Authority) -> None:
    with certificate_of(lab, "relay", "mail.example.org", authority.issue("other.example.org")):
        subject = send(lab)
        waits_because(lab, "server", "Server certificate not")
    lab.run("server", "postqueue -f")
    await_message(lab, "outside", subject)


def test_certificate_of_an_acme_client_is_taken_over_when_it_is_renewed(lab: Lab, authority: Authority) -> None:
    """As certbot leaves them: links in live/ to numbered files in archive/; here in two steps, as at a renewal."""
    show = (
        "openssl s_client -starttls smtp -connect 203.0.113.17:25 </dev/null 2>/dev/null | openssl x509 -serial -noout"
    )
    root = lab.root("relay") / "etc/letsencrypt"
    live, archive = root / "live/mail.example.org", root / "archive/mail.example.org"
    for folder in (live, archive):
        folder.mkdir(parents=True)

    def renew(number: int) -> None:
        key, marker, certificate = authority.issue("mail.example.org").partition("-----BEGIN CERTIFICATE-----")
        for kind, text in {"privkey": key, "fullchain": marker + certificate}.items():
            (archive / f"{kind}{number}.pem").write_text(text)
            link = live / f"{kind}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/mail.example.org/{kind}{number}.pem")

    renew(1)
    files = {kind: f"/etc/letsencrypt/live/mail.example.org/{name}.pem" for kind, name in
             {"mail_relay_tls_certificate": "fullchain", "mail_relay_tls_key": "privkey"}.items()}  # fmt: skip
    try:
        lab.playbook(ROLES, "--limit", "relay", "-e", json.dumps(files))
        serials = [lab.run("outside", show).stdout]
        renew(2)
        # The hook that docs/postfix.md names.
        lab.run("relay", "postfix reload")
        serials.append(lab.run("outside", show).stdout)
        assert "serial=" in serials[0] and "serial=" in serials[1]
        assert serials[0] != serials[1]
        assert "changed=0" in lab.playbook(ROLES, "--limit", "relay", "-e", json.dumps(files)).stdout
    finally:
        lab.playbook(ROLES, "--limit", "relay")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mail_relay_send_from": ["203.0.113.99"]}, "203.0.113.99 is not an address of this host"),
        ({"mail_relay_tls_ca": "/etc/ssl/none.pem"}, "there is no file /etc/ssl/none.pem"),
        ({"mail_relay_smarthosts": [{"address": "smtp9.example.net"}]}, "smtp9.example.net has no address"),
    ],
)
def test_what_the_host_cannot_do_changes_nothing(lab: Lab, changes: dict[str, object], says: str) -> None:
    everything = "cat /etc/postfix/main.cf; ls -lAR --full-time /etc/postfix/inbound_mail"
    before = lab.run("relay", everything).stdout
    refused = lab.playbook(ROLES, "--limit", "relay", "-e", json.dumps(changes), check=False)
    assert refused.returncode != 0
    assert says in refused.stdout
    assert lab.run("relay", everything).stdout == before


def test_absent_takes_the_passwords_away(lab: Lab) -> None:
    lab.playbook(ROLES, "--limit", "relay", "-e", "mail_relay_state=absent")
    assert (
        lab.run("relay", "ls /etc/postfix/inbound_mail; grep -c smtp_sasl /etc/postfix/main.cf", check=False).stdout
        == "0\n"
    )
