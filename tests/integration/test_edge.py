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
OUTSIDE, LISTED, HASTY, RELAY, SERVER, BALANCER = (f"203.0.113.{host}" for host in (25, 66, 67, 17, 10, 80))

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
    assert re.findall(r"ok=(\d+) +changed=(\d+)", out) == [("3", "0"), ("3", "0")]


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


@on_one_release
def test_size_of_a_message_is_the_same_at_relay_and_server(lab: Lab) -> None:
    answers = talk(lab, RELAY, "MAIL FROM:<root@example.com> SIZE=1000001")
    assert "SIZE=1000000" in answers[1].split(",")
    assert answers[-1] == "552"
    assert "SIZE=1000000" in talk(lab, SERVER, source=RELAY, host="relay")[1].split(",")


def test_client_on_a_block_list_is_refused(lab: Lab) -> None:
    assert talk(lab, RELAY, *message()[:2], source=LISTED)[2:] == ["250", "550"]
    assert lab.run("relay", f"journalctl -q -o cat | grep 'DNSBL rank 2 for .{LISTED}.'").stdout


# Says hello before it is greeted, and all that it has to say after that; prints the last answer.
HASTE = """
import socket, sys
source, server = sys.argv[1:]
with socket.create_connection((server, 25), timeout=30, source_address=(source, 0)) as connection:
    replies = connection.makefile()
    lines = ["HELO hasty", "EHLO outside.example.com", "MAIL FROM:<root@example.com>", "RCPT TO:<root@example.org>"]
    for line in lines:
        connection.send(f"{line}\\r\\n".encode())
        while (reply := next(replies))[3] == "-":
            pass
    print(reply)
"""


def test_client_that_talks_before_it_is_greeted_is_refused(lab: Lab) -> None:
    assert lab.run("outside", ["python3", "-c", HASTE, HASTY, RELAY]).stdout.startswith("550")
    assert lab.run("relay", f"journalctl -q -o cat | grep 'PREGREET .* from .{HASTY}.'").stdout


@on_one_release
def test_verify_waits_for_the_greeting_and_compares_the_size(lab: Lab) -> None:
    exchanger = {
        "host": "relay",
        "fqdn": "mail.example.org",
        "addresses": [RELAY],
        "port": 25,
        "domains": ["example.org"],
        "refuses_unknown": False,
        "message_size": 1000001,
    }
    words = {"expectations": {"smtp": [exchanger]}, "fail_on": "never"}
    words["public_networks"] = ["203.0.113.0/24"]
    # Its own address is a new client to the relay.
    out = lab.ansible("relay", "-m", "inbound.mail.path_check", "-a", json.dumps(words)).stdout
    findings = json.loads(out[out.index("=> {") + 3 : out.rindex("}") + 1])["findings"]
    assert [finding for finding in findings if finding["severity"] == "error"] == []
    assert ("size-differs", "SIZE 1000000") in [(finding["id"], finding["observed"]) for finding in findings]
    assert lab.run("relay", f"journalctl -q -o cat | grep 'PASS NEW .{RELAY}.'").stdout


# A message with that subject, over TLS.
ENCRYPTED = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], timeout=30) as smtp:
    smtp.starttls()
    smtp.sendmail("root@example.com", "root@example.org", f"Subject: {sys.argv[2]}\\r\\n\\r\\nhello\\r\\n")
"""


def test_client_that_behaves_gets_through_over_tls(lab: Lab) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    lab.run("outside", ["python3", "-c", ENCRYPTED, RELAY, subject])
    header = await_message(lab, "server", subject)
    assert re.search(r"\[203\.0\.113\.25\].*?by mail\.example\.org \(Postfix\) with ESMTPS", header, re.DOTALL)
    assert lab.run("relay", f"journalctl -q -o cat | grep 'PASS NEW .{OUTSIDE}.'").stdout


@on_one_release
def test_address_of_the_client_comes_through_the_load_balancer(lab: Lab) -> None:
    header = await_message(lab, "server", send(lab, BALANCER, source=HASTY))
    assert re.search(r"from outside\.example\.com \(.*?\[203\.0\.113\.67\]\)\s+by mail\.example\.org", header)
    assert BALANCER not in header
    assert lab.run("relay", f"journalctl -q -o cat -t postfix/smtpd | grep 'connect from .*.{HASTY}.'").stdout


@on_one_release
def test_nobody_relays_by_a_header_that_he_makes_himself(lab: Lab) -> None:
    """Neither as the server that may relay, nor as the relay itself; and nobody gets in without a header."""
    for forged in (SERVER, "127.0.0.1"):
        proxied = f"--port 10025 --proxy-version 1 --proxy-family TCP4 --proxy-source {forged} --proxy-source-port 9"
        proxied += f" --proxy-dest {RELAY} --proxy-dest-port 25 --server {RELAY}"
        words = f"{proxied} --timeout 30 --from root@example.org --to victim@example.com --quit-after RCPT"
        answer = lab.run("outside", f"swaks {words}", check=False).stdout
        assert "250-mail.example.org" in answer, "it was not let in, so nothing was proven"
        assert "Relay access denied" in answer
    bare = lab.run("outside", f"swaks --server {RELAY} --port 10025 --timeout 15 --quit-after HELO", check=False)
    assert bare.returncode != 0
    assert "421 4.3.0" in bare.stdout


def from_server(lab: Lab, recipient: str) -> str:
    """Send to the outside through the relay; returns the subject."""
    subject = f"token-{secrets.token_hex(8)}"
    lab.run("server", f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f root@example.org {recipient}")
    return subject


def test_mail_goes_over_tls_to_the_certificate_that_dns_names(lab: Lab) -> None:
    header = await_message(lab, "outside", from_server(lab, "root@example.com"))
    assert "by outside.example.com (Postfix) with ESMTPS" in header
    lab.await_run("relay", "journalctl -q -o cat | grep 'Verified TLS connection established to outside.example'", 10)


def told(lab: Lab, host: str, subject: str) -> str:
    """The client that the host was told of as the one whom it is from, empty if it was told of none."""
    queue_id = re.findall(r"Postfix\) with ESMTPS?A? id (\w+)", await_message(lab, host, subject))[0]
    taken = lab.run(host, f"journalctl -q -o cat -t postfix/smtpd | grep '^{queue_id}: client='").stdout
    return taken.partition("orig_client=")[2]


@on_one_release
def test_nobody_outside_is_told_from_whom_the_relay_has_its_mail(lab: Lab) -> None:
    """Release 0.4.0 told all of them that announce XFORWARD."""
    main_cf = lab.root("relay") / "etc/postfix/main.cf"
    ours = main_cf.read_text()
    main_cf.write_text(
        ours.replace("allow_untrusted_routing", "smtp_send_xforward_command = yes\nallow_untrusted_routing")
    )
    lab.run("relay", "postfix reload")
    assert SERVER in told(lab, "outside", from_server(lab, "root@example.com")), "it asks nobody, so nothing is proven"
    lab.playbook(ROLES, "--limit", "relay")
    assert main_cf.read_text() == ours
    assert told(lab, "outside", from_server(lab, "root@example.com")) == ""
    assert OUTSIDE in told(lab, "server", send(lab))


@on_one_release
def test_mail_that_leaves_tells_of_no_host_inside_and_mail_that_comes_keeps_its_trace(lab: Lab) -> None:
    leaving = await_message(lab, "outside", from_server(lab, "root@example.com"))
    assert re.findall(r"^Received: (?:from|by) (\S+)", leaving, re.MULTILINE) == ["mail.example.org"]
    coming = await_message(lab, "server", send(lab))
    froms = re.findall(r"^Received: from (\S+)", coming, re.MULTILINE)
    assert froms == ["mail.example.org", "outside.example.com"]


def test_mail_waits_where_dns_names_another_certificate(lab: Lab) -> None:
    subject = from_server(lab, "root@wrong.example")
    try:
        lab.await_run("relay", "postqueue -j | grep -q 'Server certificate not'", within=30)
    finally:
        lab.run("relay", "postsuper -d ALL")
    assert subject not in lab.run("outside", "cat /var/mail/root", check=False).stdout


def test_mail_goes_as_ever_to_a_domain_that_is_not_signed(lab: Lab) -> None:
    assert "with ESMTPS" in await_message(lab, "outside", from_server(lab, "root@unsigned.example"))
    lab.await_run(
        "relay", "journalctl -q -o cat | grep 'Untrusted TLS connection established to mx.unsigned.example'", 10
    )


@on_one_release
def test_dane_is_refused_where_the_resolver_does_not_validate(lab: Lab) -> None:
    with declared(lab, "relay"):
        resolvers = lab.run("relay", "cat /etc/resolv.conf; echo nameserver 203.0.113.25 >/etc/resolv.conf").stdout
        configuration = "cat /etc/postfix/main.cf /etc/postfix/master.cf"
        before = lab.run("relay", configuration).stdout
        try:
            refused = lab.playbook(ROLES, "--limit", "relay", check=False)
            after = lab.run("relay", configuration).stdout
        finally:
            lab.run("relay", f"printf '{resolvers}' >/etc/resolv.conf")
    assert refused.returncode != 0
    assert "the resolver 203.0.113.25 in /etc/resolv.conf does not validate DNSSEC" in refused.stdout
    assert after == before


@on_one_release
def test_server_takes_nothing_in_clear_from_its_relay(lab: Lab) -> None:
    assert talk(lab, SERVER, *message()[:1], source=RELAY, host="relay")[-1] == "530"


@on_one_release
def test_what_this_host_cannot_do_is_refused_before_anything_changes(lab: Lab) -> None:
    """All of it at once."""
    files = "cat /etc/postfix/main.cf /etc/postfix/master.cf"
    edge = {"proxy_port": 22, "queue_lifetime": "5", "tls_required": True}
    edge |= {"hide_received": {"addresses": ["mailbox"]}, "message_size": 1}
    before = lab.run("relay", files).stdout
    refused = lab.playbook(ROLES, "--limit", "relay", "-e", json.dumps({"mail_relay_edge": edge}), check=False)
    assert refused.returncode != 0
    for what in ("edge.queue_lifetime", "edge.tls_required", "edge.hide_received.addresses[0]", "edge.message_size"):
        assert f"{what}: " in refused.stdout
    # The port is asked of the host, once all else is right.
    edge = json.dumps({"mail_relay_edge": {"proxy_port": 22}})
    refused = lab.playbook(ROLES, "--limit", "relay", "-e", edge, check=False)
    assert refused.returncode != 0
    assert "edge.proxy_port: Postfix could not listen on port 22: Address already in use" in refused.stdout
    assert lab.run("relay", files).stdout == before


@on_one_release
def test_services_that_are_no_longer_declared_are_taken_back(lab: Lab) -> None:
    """Byte for byte, with an option of the administrator's that stays in effect meanwhile."""
    master_cf = lab.root("relay") / "etc/postfix/master.cf"
    dist = (lab.root("relay") / "usr/share/postfix/master.cf.dist").read_text()
    assert "smtp inet n - y - 1 postscreen" in master_cf.read_text()
    with declared(lab, "relay"):
        (left,) = re.findall(r"^# BEGIN inbound.*\n((?:.*\n)*)# END inbound", master_cf.read_text(), re.MULTILINE)
        assert re.fullmatch(r"relay unix - - y - - smtp .* -o smtp_send_xforward_command=yes\n", left)
        own = dist.replace("smtpd\n", "smtpd\n  -o syslog_name=postfix/edge\n", 1)
        master_cf.write_text(own)
        lab.playbook(ROLES, "--limit", "relay")
        assert "smtpd pass - - y - - smtpd -o syslog_name=postfix/edge\n" in master_cf.read_text()
        assert talk(lab, RELAY, "NOOP")[-1] == "250"
        assert lab.run("relay", "journalctl -q -o cat -t postfix/edge/smtpd | grep 'connect from'").stdout
        lab.playbook(ROLES, "--limit", "relay", "-e", "mail_relay_state=absent")
        assert master_cf.read_text() == own
        master_cf.write_text(dist)


@on_one_release
def test_client_that_connects_too_often_is_put_off_and_the_server_is_not(lab: Lab) -> None:
    with declared(lab, "relay", client_limits={"connections_per_minute": 2}, proxy_port=10025):
        outside = [talk(lab, RELAY, "NOOP")[-1] for _time in range(3)]
        server = [talk(lab, RELAY, "NOOP", source=SERVER, host="server")[-1] for _time in range(3)]
        # Through the balancer it is the client that counts, too.
        balanced = [talk(lab, BALANCER, "NOOP", source=one)[-1] for one in (HASTY, HASTY, HASTY, LISTED)]
    assert outside == ["250", "250", "421"]
    assert server == ["250", "250", "250"]
    assert balanced == ["250", "250", "421", "250"]


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
