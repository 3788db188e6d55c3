"""The roles mail_relay and mail_server and the module postfix, on real Postfix, asked by SMTP and by the mailbox."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from debian_lab import RELEASES, Lab

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "postfix"
ROLES = str(SCENARIO / "roles.yml")
RELAY, RELAY6, SERVER, SERVER6 = "203.0.113.17", "2001:db8:113::17", "203.0.113.10", "2001:db8:113::10"
MAIN_CF = "/etc/postfix/main.cf"
# Debian 12 has the server in an instance of a template, and does not wait for that when postfix.service is restarted.
# However often it was started just now, systemd is to do so again.
RESTART = (
    "{ systemctl reset-failed 'postfix*'; systemctl is-active -q postfix@- && systemctl restart postfix@- "
    "|| systemctl restart postfix; }"
)

# Exchange the configuration directory for another one, in a moment.
TAKE = "mv /etc/postfix /root/old && mv %s /etc/postfix && rm -r /root/old"

# Tries to relay through both hosts until it is told to stop, or for five minutes. Prints every answer to RCPT.
PROBE = """
import os, smtplib, time
deadline = time.monotonic() + 300
while time.monotonic() < deadline and not os.path.exists("/run/stop-probing"):
    for host in ("203.0.113.17", "203.0.113.10"):
        try:
            with smtplib.SMTP(host, timeout=5) as smtp:
                smtp.ehlo("outside.example.com")
                smtp.mail("stranger@example.com")
                answer = smtp.rcpt("victim@elsewhere.example.com")[0]
        except OSError:
            answer = "closed"
        print(host, answer, flush=True)
    time.sleep(0.05)
"""

# A dialogue for each recipient, which goes over the wire as it is spelled, and over IPv6 as well, which swaks cannot do
# on Debian 12. Ends after the answer to RCPT, or to a message with that subject; prints that answer.
CLIENT = """
import smtplib, sys
server, subject, *recipients = sys.argv[1:]
for recipient in recipients:
    with smtplib.SMTP(server, timeout=30) as smtp:
        smtp.ehlo("outside.example.com")
        smtp.mail("root@example.com", [] if recipient.isascii() else ["SMTPUTF8"])
        code, text = smtp.docmd("RCPT", f"TO:<{recipient}>")
        if subject and code == 250:
            code, text = smtp.data(f"Subject: {subject}\\r\\n\\r\\nhello\\r\\n")
        print(code, text.decode().replace("\\n", " "))
"""

# As many dialogues at once as need processes that were not there. Prints each answer to RCPT.
MANY = """
import smtplib
for smtp in [smtplib.SMTP("203.0.113.17", timeout=30) for _number in range(12)]:
    smtp.starttls()
    smtp.ehlo("outside.example.com")
    smtp.mail("root@example.com")
    print(*smtp.docmd("RCPT", "TO:<root@example.org>"))
"""

# Ways to say "for somebody elsewhere" in which open relays were found.
SPELLINGS = [
    "victim@elsewhere.example.com",
    "victim%elsewhere.example.com@example.org",
    "victim%elsewhere.example.com",
    '"victim%elsewhere.example.com"',
    '"victim@elsewhere.example.com"@example.org',
    '"victim@elsewhere.example.com"',
    "victim@elsewhere.example.com@example.org",
    "@example.org:victim@elsewhere.example.com",
    "elsewhere.example.com!victim",
    "elsewhere.example.com!victim@example.org",
    "victim@[203.0.113.25]",
    "victim@sub.example.org",
    "victim@[IPv6:2001:db8:113::25]",
]


# What follows from Postfix alone and not from how a release packs it is asked on one release.
on_one_release = pytest.mark.parametrize("first_run", RELEASES[:1], indirect=True, scope="module")


@dataclass
class FirstRun:
    """What was seen while the roles met hosts without Postfix."""

    lab: Lab
    checked: str
    after_check: str
    probes: dict[str, set[str]]


def roles(lab: Lab, *options: str) -> str:
    """What the roles print on both hosts, which are set up at the same time."""
    with ThreadPoolExecutor() as pool:
        runs = pool.map(lambda host: lab.playbook(ROLES, "--limit", host, *options), ("relay", "server"))
        return "".join(run.stdout for run in runs)


@pytest.fixture(scope="module", params=RELEASES)
def first_run(request: pytest.FixtureRequest) -> Iterator[FirstRun]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        checked = roles(lab, "--check", "--diff")
        after_check = lab.run("relay", "ls -d /etc/postfix /usr/sbin/postconf", check=False).stdout
        (lab.root("outside") / "root/probe.py").write_text(PROBE)
        probing = lab.popen("outside", "python3 /root/probe.py >/root/answers")
        try:
            roles(lab)
        finally:
            lab.run("outside", "touch /run/stop-probing")
        probing.wait(timeout=60)
        probes: dict[str, set[str]] = {RELAY: set(), SERVER: set()}
        for line in (lab.root("outside") / "root/answers").read_text().splitlines():
            host, answer = line.split()
            probes[host].add(answer)
        yield FirstRun(lab, checked, after_check, probes)


@pytest.fixture
def lab(first_run: FirstRun) -> Lab:
    return first_run.lab


def smtp(lab: Lab, client: str, server: str, *recipients: str, subject: str = "") -> list[str]:
    """The last answer of a dialogue for each recipient, such as ``250 2.1.5 Ok``, from one host to another."""
    done = lab.run(client, ["python3", "-c", CLIENT, server, subject, *recipients], check=False)
    assert done.returncode == 0, f"no answer from {server} to {client}: {done.stderr}"
    return done.stdout.splitlines()


def rcpt(lab: Lab, client: str, server: str, recipient: str) -> str:
    """The answer to RCPT."""
    return smtp(lab, client, server, recipient)[0]


def send(lab: Lab, client: str, server: str, recipient: str) -> str:
    """Hand a message in; returns its subject."""
    subject = f"token-{secrets.token_hex(8)}"
    assert smtp(lab, client, server, recipient, subject=subject)[0].startswith("250")
    return subject


def await_message(lab: Lab, host: str, subject: str) -> str:
    """Wait for the message in root's mailbox; returns its headers."""
    lab.await_run(host, f"grep -q 'Subject: {subject}' /var/mail/root", within=60)
    mailbox = lab.run(host, "cat /var/mail/root").stdout
    return next(message for message in mailbox.split("\nFrom ") if subject in message).partition("\n\n")[0]


def postfix(lab: Lab, host: str, *options: str, **arguments: object) -> dict[str, object]:
    """Run the module; the result says whether it failed."""
    words = ("-m", "inbound.mail.postfix", "-a", json.dumps(arguments), *options)
    out = lab.ansible(host, *words, check=False).stdout
    return {"failed": "FAILED!" in out, **json.loads(out[out.index("=> {") + 3 : out.rindex("}") + 1])}


def refusals(lab: Lab, host: str, runs: list[dict[str, object]], *options: str) -> list[str]:
    """Run the module with each of these arguments in one play, and have it fail each time; what it says then."""
    tasks: list[dict[str, object]] = []
    for arguments in runs:
        tasks.append({"inbound.mail.postfix": arguments, "register": "run", "failed_when": "run is not failed"})
        tasks.append({"ansible.builtin.debug": {"msg": "REFUSED {{ run.msg }} END"}})
    path = lab.folder / "refusals.yml"
    path.write_text(json.dumps([{"hosts": host, "gather_facts": False, "tasks": tasks}]))
    return re.findall(r"REFUSED (.*?) END", lab.playbook(str(path), *options).stdout)


def state(lab: Lab, host: str) -> tuple[str, str]:
    """Everything of ours on the host, and the master process with when it was last told something."""
    files = lab.run(host, f"cat {MAIN_CF}; ls -lAR --full-time /etc/postfix; find /etc/postfix/inbound_mail -type f "
                          "-exec cat {} + 2>/dev/null; true").stdout  # fmt: skip
    log = lab.run(
        host, "cat /var/spool/postfix/pid/master.pid; journalctl -q -o cat | grep -cE 'reload --|daemon started'"
    )
    return files, log.stdout


def settle(path: Path) -> None:
    """Nobody edits it any more: what has just changed Postfix's programs read again and again for two seconds."""
    then = time.time() - 60
    os.utime(path, (then, then))


@contextmanager
def restored(lab: Lab, host: str, listens: bool = True) -> Iterator[None]:
    """Whatever happens to the host's Postfix meanwhile, afterwards it is as before.

    listens: whether it still listens where it did; that is decided when it is started.
    """
    lab.run(host, "cp -a /etc/postfix /root/postfix")
    try:
        yield
    finally:
        lab.run(host, f"{TAKE % '/root/postfix'} && {{ {f'postfix reload || {RESTART}' if listens else RESTART}; }}")


@contextmanager
def started_at_most_once(lab: Lab, host: str) -> Iterator[None]:
    """systemd starts Postfix no second time within the hour, as it does after some more within ten seconds."""
    units = [f"/run/systemd/system/{unit}.service.d" for unit in ("postfix", "postfix@")]
    limit = r"[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=1\n"
    lab.run(host, "".join(f"mkdir -p {unit}; printf '{limit}' >{unit}/limit.conf; " for unit in units))
    lab.run(host, "systemctl daemon-reload")
    try:
        yield
    finally:
        lab.run(host, f"rm -r {' '.join(units)}; systemctl daemon-reload")


@contextmanager
def main_cf_of(lab: Lab, host: str, text: str = "", listens: bool = True) -> Iterator[Path]:
    """A main.cf with none of ours in it, only with what an administrator added; gives its path."""
    with restored(lab, host, listens):
        if lab.run(host, "test -d /root/without-ours", check=False).returncode == 0:
            lab.run(host, f"cp -a /root/without-ours /root/new && {TAKE % '/root/new'} && postfix reload")
        else:
            postfix(lab, host, name=host, state="absent")
            lab.run(host, "cp -a /etc/postfix /root/without-ours")
        path = lab.root(host) / "etc/postfix/main.cf"
        path.write_text(path.read_text() + text)
        settle(path)
        yield path


def test_check_mode_on_a_fresh_host_predicts_and_changes_nothing(first_run: FirstRun) -> None:
    assert "+mynetworks = 127.0.0.0/8, [::1]/128, 203.0.113.10/32" in first_run.checked
    assert "+example.org relay:[203.0.113.10]:2525, [203.0.113.10]:25" in first_run.checked
    assert first_run.after_check == ""


def test_no_open_relay_at_any_moment_while_the_roles_run(first_run: FirstRun) -> None:
    for answers in first_run.probes.values():
        assert answers - {"closed"}, "it never answered, so nothing was proven"
        assert {answer[0] for answer in answers - {"closed"}} <= {"4", "5"}


def test_second_run_changes_nothing(lab: Lab) -> None:
    assert re.findall(r"changed=(\d+)", roles(lab)) == ["0", "0"]


@pytest.mark.parametrize(("recipient", "address"), [("postmaster@example.org", RELAY), ("root@example.net", RELAY6)])
def test_mail_from_outside_reaches_the_server_and_not_the_mx(lab: Lab, recipient: str, address: str) -> None:
    headers = await_message(lab, "server", send(lab, "outside", address, recipient))
    assert "by mailbox.example.org" in headers
    assert re.search(r"from mail\.example\.org .*\[(IPv6:2001:db8:113::17|203\.0\.113\.17)\]", headers)
    assert "from outside.example.com" in headers or "[203.0.113.25]" in headers or "2001:db8:113::25" in headers


def test_mail_to_the_outside_goes_through_the_relay(lab: Lab) -> None:
    subject = f"token-{secrets.token_hex(8)}"
    lab.run(
        "server", f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f postmaster@example.org root@example.com"
    )
    assert re.search(
        r"from mail\.example\.org .*by outside\.example\.com", await_message(lab, "outside", subject), re.DOTALL
    )


def test_relays_postmaster_of_its_own_name_is_read_on_the_relay(lab: Lab) -> None:
    await_message(lab, "relay", send(lab, "outside", RELAY, "postmaster@mail.example.org"))


def subject_of(lab: Lab, address: str) -> str:
    """For whom the certificate is that port 25 there shows, as openssl reads it."""
    show = f"openssl s_client -starttls smtp -connect {address}:25 </dev/null 2>/dev/null | openssl x509"
    return lab.run("outside", f"{show} -noout -ext subjectAltName").stdout.split()[-1]


@on_one_release
def test_certificate_is_made_where_there_is_none(lab: Lab) -> None:
    assert subject_of(lab, RELAY) == "DNS:mail.example.org"
    assert lab.run("relay", "find / -xdev -name mail.example.org.pem -printf '%m %u'").stdout == "600 root"


def test_mail_is_encrypted_though_nobody_named_a_certificate(lab: Lab) -> None:
    header = await_message(lab, "server", send(lab, "outside", RELAY, "postmaster@example.org"))
    assert re.search(r"from mail\.example\.org .*?by mailbox\.example\.org \(Postfix\) with ESMTPS", header, re.DOTALL)


CERTIFICATE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -addext subjectAltName=DNS:mx.example.org "
    "-keyout /root/key.pem -out /root/certificate.pem 2>/dev/null"
)


def declared_relay(**more: str) -> dict[str, object]:
    hop = {"address": SERVER}
    return {"fqdn": "mx.example.org", "domains": [{"name": "example.org", "next_hops": [hop]}], **more}


@on_one_release
def test_certificate_that_is_named(lab: Lab) -> None:
    lab.run("relay", CERTIFICATE)
    with main_cf_of(lab, "relay", "smtpd_tls_cert_file = /etc/ssl/other.pem\n"):
        files = {"tls_certificate": "/root/certificate.pem", "tls_key": "/root/key.pem"}
        assert postfix(lab, "relay", name="relay", relay=declared_relay(**files))["changed"]
        assert subject_of(lab, RELAY) == "DNS:mx.example.org"
        assert not postfix(lab, "relay", name="relay", relay=declared_relay(**files))["changed"]


@on_one_release
def test_certificate_that_cannot_be_used_changes_nothing(lab: Lab) -> None:
    spoilt = {
        "rm key.pem": "there is no file /root/0/key.pem",
        "openssl genrsa -out key.pem 2048": "the key is not that of the certificate",
        "openssl rsa -in key.pem -aes256 -passout pass:x -out key.pem": "without a password",
        "echo >certificate.pem": "cannot be used",
    }
    for number, spoil in enumerate(spoilt):
        folder = f"/root/{number}"
        lab.run("relay", f"mkdir {folder} && cd {folder} && {CERTIFICATE.replace('/root/', '')} && {spoil}")
    before = state(lab, "relay")
    files = [
        {"tls_certificate": f"/root/{n}/certificate.pem", "tls_key": f"/root/{n}/key.pem"} for n in range(len(spoilt))
    ]
    tasks: list[dict[str, object]] = [{"name": "relay", "relay": declared_relay(**named)} for named in files]
    for options in ((), ("--check",)):
        for says, said in zip(spoilt.values(), refusals(lab, "relay", tasks, *options), strict=True):
            assert says in said
    assert state(lab, "relay") == before


@on_one_release
def test_certificate_of_ours_that_was_deleted_is_made_anew(lab: Lab) -> None:
    with main_cf_of(lab, "relay"):
        postfix(lab, "relay", name="relay", relay=declared_relay())
        lab.run("relay", "rm /etc/postfix/inbound_mail/relay/mx.example.org.pem")
        assert postfix(lab, "relay", "--check", name="relay", relay=declared_relay())["changed"]
        assert postfix(lab, "relay", name="relay", relay=declared_relay())["changed"]
        assert subject_of(lab, RELAY) == "DNS:mx.example.org"
        renamed = {**declared_relay(), "fqdn": "mx2.example.org"}
        postfix(lab, "relay", name="relay", relay=renamed)
        assert subject_of(lab, RELAY) == "DNS:mx2.example.org"
        assert lab.run("relay", "ls /etc/postfix/inbound_mail/relay").stdout.split() == [
            "asked",
            "mx2.example.org.pem",
            "relay_domains",
            "transport",
        ]


def relay_of(recipients: dict[str, object]) -> dict[str, object]:
    """For example.org with these recipients, and for example.net without any declared."""
    hops = [{"address": SERVER}]
    domains = [{"name": "example.org", "next_hops": hops, "recipients": recipients}]
    return {"fqdn": "mail.example.org", "domains": [*domains, {"name": "example.net", "next_hops": hops}]}


@on_one_release
def test_listed_recipients_are_taken_while_the_server_is_away_and_others_are_refused(lab: Lab) -> None:
    recipients = {"validation": "static", "addresses": ["root"], "maps": ["proxy:texthash:/etc/postfix/people"]}
    with main_cf_of(lab, "relay"):
        lab.run("relay", "printf 'ann@example.org OK\\nbob@example.org\\n' >/etc/postfix/people")
        before = state(lab, "relay")
        broken = postfix(lab, "relay", name="relay", relay=relay_of(recipients))
        assert "/etc/postfix/people, line 2: 'bob@example.org' has nothing after it" in str(broken["msg"])
        assert state(lab, "relay") == before
        lab.run("relay", "echo 'ann@example.org OK' >/etc/postfix/people")
        assert postfix(lab, "relay", name="relay", relay=relay_of(recipients))["changed"]
        assert not postfix(lab, "relay", name="relay", relay=relay_of(recipients))["changed"]
        lab.run("server", "systemctl stop postfix postfix@-")
        try:
            for known in ("root@example.org", "ANN@example.org", "postmaster@example.org", "anybody@example.net"):
                assert rcpt(lab, "outside", RELAY, known).startswith("250"), known
            assert rcpt(lab, "outside", RELAY, "stranger@example.org").startswith("550 5.1.1")
        finally:
            lab.run("server", RESTART)


@on_one_release
def test_server_is_asked_for_recipients_and_the_answer_is_kept(lab: Lab) -> None:
    # That it looks for the answer every three seconds only is not what is tried here.
    with main_cf_of(lab, "relay", "address_verify_poll_delay = 1s\naddress_verify_poll_count = 9\n"):
        assert postfix(lab, "relay", name="relay", relay=relay_of({"validation": "callout"}))["changed"]
        assert rcpt(lab, "outside", RELAY, "root@example.org").startswith("250")
        assert rcpt(lab, "outside", RELAY, "stranger@example.org").startswith("550 5.1.1")
        lab.run("server", "systemctl stop postfix postfix@-")
        try:
            # Answers are kept over a restart; whom the server was not asked about has to come again.
            lab.run("relay", RESTART)
            assert rcpt(lab, "outside", RELAY, "root@example.org").startswith("250")
            assert rcpt(lab, "outside", RELAY, "stranger@example.org").startswith("550 5.1.1")
            assert rcpt(lab, "outside", RELAY, "somebody@example.org").startswith("450 4.1.1")
        finally:
            lab.run("server", RESTART)


def test_strange_recipients_are_refused_however_they_are_spelled(lab: Lab) -> None:
    answers = dict(zip(SPELLINGS, smtp(lab, "outside", RELAY, *SPELLINGS), strict=True))
    assert {spelling: said for spelling, said in answers.items() if not said.startswith("554 5.7.1")} == {}
    # The relay may deliver to the server, but not through it.
    answers = dict(zip(SPELLINGS, smtp(lab, "relay", SERVER, *SPELLINGS), strict=True))
    assert {spelling: said for spelling, said in answers.items() if not re.match(r"5\d\d 5\.", said)} == {}


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_server_takes_mail_from_its_relay_only(lab: Lab, address: str) -> None:
    refused = rcpt(lab, "outside", address, "postmaster@example.org")
    assert refused.startswith("554 5.7.1") and "Client host rejected: Access denied" in refused
    assert rcpt(lab, "relay", address, "postmaster@example.org").startswith("250")
    assert rcpt(lab, "server", "127.0.0.1", "root@example.com").startswith("250")


@on_one_release
def test_domain_in_other_letters_is_taken_however_it_is_spelled(lab: Lab) -> None:
    """To Postfix an address in A-labels and one in their letters (RFC 6531) are of two domains."""
    domain = {"name": "xn--bcher-kva.example.org", "next_hops": [{"address": SERVER}]}
    with main_cf_of(lab, "relay"), main_cf_of(lab, "server"):
        postfix(lab, "relay", name="relay", relay={"fqdn": "mail.example.org", "domains": [domain]})
        server = {"fqdn": "mailbox.example.org", "domains": [domain["name"]], "accept_from": [RELAY]}
        postfix(lab, "server", name="server", server=server)
        for spelling in ("xn--bcher-kva.example.org", "bücher.example.org"):
            await_message(lab, "server", send(lab, "outside", RELAY, f"root@{spelling}"))
        assert rcpt(lab, "outside", RELAY, "root@bücher.example.net").startswith("554 5.7.1")


def test_only_the_server_sends_through_the_relay(lab: Lab) -> None:
    assert rcpt(lab, "server", RELAY, "root@example.com").startswith("250")
    assert rcpt(lab, "outside", RELAY, "root@example.com").startswith("554 5.7.1")


@on_one_release
def test_relay_behind_a_filtering_service_refuses_the_rest(lab: Lab) -> None:
    """The networks are the service's; here it is nobody in the lab."""
    with restored(lab, "relay"):
        lab.playbook(ROLES, "--limit", "relay", "-e", '{"mail_relay_accept_from": ["192.0.2.0/24"]}')
        assert "Client host rejected: Access denied" in rcpt(lab, "outside", RELAY, "postmaster@example.org")
        assert rcpt(lab, "server", RELAY, "root@example.com").startswith("250")
        lab.playbook(ROLES, "--limit", "relay", "-e", '{"mail_relay_accept_from": ["203.0.113.25"]}')
        assert rcpt(lab, "outside", RELAY, "postmaster@example.org").startswith("250")
        lab.playbook(ROLES, "--limit", "relay")
        assert lab.run("relay", "test -e /etc/postfix/inbound_mail/relay/clients", check=False).returncode == 1


@on_one_release
def test_nobody_is_shut_out_of_a_server_that_faces_the_outside(lab: Lab) -> None:
    with restored(lab, "server"):
        facing = '{"mail_server_accept_from": [], "mail_server_smarthosts": []}'
        lab.playbook(ROLES, "--limit", "server", "-e", facing)
        assert rcpt(lab, "outside", SERVER, "postmaster@example.org").startswith("250")
        assert rcpt(lab, "outside", SERVER, "victim@elsewhere.example.com").startswith("554 5.7.1")
        subject = f"token-{secrets.token_hex(8)}"
        lab.run("server", f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f root@example.org root@example.com")
        assert "mail.example.org" not in await_message(lab, "outside", subject)


BROKEN: list[tuple[dict[str, object], str]] = [
    ({"settings": {"mesage_size_limit": "1"}}, "no such parameter"),
    ({"settings": {"smtpd_sender_restrictions": "reject_evrything"}}, "reject_evrything"),
    ({"settings": {"smtpd_client_connection_count_limit": "many"}}, "smtpd_client_connection_count_limit"),
    ({"settings": {"inet_interfaces": "no.such.host.example"}}, "no.such.host.example"),
    ({"settings": {"mail_owner": "nosuchuser"}}, "nosuchuser"),
    ({"settings": {"daemon_directory": "/nonexistent"}}, "there is no SMTP server in /nonexistent"),
    ({"settings": {"local_recipient_maps": "hash:/nonexistent"}}, "/nonexistent"),
    ({"settings": {"virtual_alias_maps": "hash:/nonexistent"}}, "/nonexistent"),
    ({"settings": {"mynetworks": "0.0.0.0/0"}}, "set by 'inbound.mail relay' on this host already"),
    ({"settings": {"proxy_interfaces": "a\nmynetworks = 0.0.0.0/0"}}, "more than one line"),
    ({"settings": {"debug_peer_list": "x"}, "name": "../x"}, "cannot name a block"),
]


def test_broken_setting_never_reaches_the_running_postfix(lab: Lab) -> None:
    before = state(lab, "relay")
    said = refusals(lab, "relay", [{"name": "broken", **arguments} for arguments, _says in BROKEN])
    assert [says for (_arguments, says), text in zip(BROKEN, said, strict=True) if says not in text] == []
    assert state(lab, "relay") == before


@on_one_release
def test_every_problem_of_a_declaration_is_reported_at_once_and_nothing_is_done(lab: Lab) -> None:
    before = state(lab, "relay")
    result = postfix(
        lab, "relay", name="relay",
        relay={"fqdn": "mail", "domains": [{"name": "example.org", "next_hops": [{"address": "server"}]}],
               "relay_from": ["0.0.0.0/0"]},
    )  # fmt: skip
    problems = result["problems"]
    assert isinstance(problems, list)
    assert [p["option"] for p in problems] == [
        "relay.fqdn",
        "relay.domains[0].next_hops[0].address",
        "relay.relay_from",
    ]
    assert state(lab, "relay") == before


@on_one_release
def test_postfix_without_a_configuration_is_told_from_none(lab: Lab) -> None:
    """As Debian's package is when it was installed with 'No configuration'."""
    with restored(lab, "relay"):
        lab.run("relay", "rm /etc/postfix/main.cf")
        for options in ((), ("--check",)):
            refused = postfix(lab, "relay", *options, name="mine", settings={"debug_peer_level": "3"})
            assert "there is no /etc/postfix/main.cf" in str(refused["msg"])
            assert "dpkg-reconfigure postfix" in str(refused["msg"])


@on_one_release
def test_host_that_only_sends_can_have_parameters(lab: Lab) -> None:
    with main_cf_of(lab, "relay"):
        lab.run("relay", "postconf -MX smtp/inet")
        assert postfix(lab, "relay", name="mine", settings={"smtp_helo_name": "x.example.org"})["changed"]
        assert lab.run("relay", "postconf -h smtp_helo_name").stdout.strip() == "x.example.org"
        assert postfix(lab, "relay", name="mine", state="absent")["changed"]
        refused = postfix(lab, "relay", name="relay", relay=declared_relay())
        assert "Postfix does not listen on port 25" in str(refused["msg"])


@on_one_release
def test_what_was_broken_before_is_not_brought_back(lab: Lab) -> None:
    """An SMTP server that answered nobody, as it had no restriction that keeps strangers from relaying."""
    broken = "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks\n"
    with main_cf_of(lab, "relay", broken):
        assert postfix(lab, "relay", name="relay", relay=declared_relay())["changed"]
        before = state(lab, "relay")
        refused = str(postfix(lab, "relay", name="relay", state="absent")["msg"])
        assert "what was in main.cf and master.cf before ours would not work now" in refused
        assert "lines that begin with '#inbound.mail relay: '" in refused
        assert "specify at least one working instance of: reject_unauth_destination" in refused
        assert state(lab, "relay") == before


@on_one_release
def test_mynetworks_of_everybody_is_refused_on_a_server(lab: Lab) -> None:
    with main_cf_of(lab, "server", "mynetworks = 127.0.0.0/8 0.0.0.0/0\n"):
        refused = lab.playbook(ROLES, "--limit", "server", check=False)
        assert refused.returncode != 0
        assert "lets any client relay through this host" in refused.stdout


@on_one_release
def test_domain_of_virtual_mailboxes_is_not_taken_from_them(lab: Lab) -> None:
    with main_cf_of(lab, "server", "virtual_mailbox_domains = example.net, texthash:/etc/postfix/vdomains\n"):
        vdomains = lab.root("server") / "etc/postfix/vdomains"
        vdomains.write_text("example.org yes\n")
        settle(vdomains)
        before = state(lab, "server")
        refused = lab.playbook(ROLES, "--limit", "server", check=False)
        assert refused.returncode != 0
        for domain in ("example.org", "example.net"):
            assert f"it lists {domain}" in refused.stdout
        assert "mail_local_delivery" in refused.stdout
        assert state(lab, "server") == before
        lab.playbook(ROLES, "--limit", "server", "-e", '{"mail_server_local_delivery": false}')


@on_one_release
def test_options_in_master_cf_that_overrule_ours_are_named(lab: Lab) -> None:
    with main_cf_of(lab, "relay"):
        lab.run("relay", "postconf -P smtp/inet/smtpd_relay_restrictions=permit")
        refused = lab.playbook(ROLES, "--limit", "relay", check=False)
        assert refused.returncode != 0
        assert "overrules what is set for port 25" in refused.stdout


def test_host_that_listened_to_itself_only_listens_after_the_role(lab: Lab) -> None:
    with main_cf_of(lab, "relay", listens=False):
        lab.run("relay", f"postconf -e inet_interfaces=loopback-only && {RESTART}")
        assert lab.run("outside", f"nc -z -w 3 {RELAY} 25", check=False).returncode != 0
        out = lab.playbook(ROLES, "--limit", "relay", "-v").stdout
        assert '"postfix": "restarted"' in out
        # The unit that started Postfix still holds it, so that the next reboot or package upgrade finds it there.
        cgroup = lab.run("relay", "cat /proc/$(xargs </var/spool/postfix/pid/master.pid)/cgroup").stdout
        assert re.search(r"/postfix(@-)?\.service$", cgroup, re.MULTILINE)
        assert rcpt(lab, "outside", RELAY, "postmaster@example.org").startswith("250")


def test_configuration_that_postfix_cannot_start_with_is_taken_back(lab: Lab) -> None:
    """Another program has port 25 of the outside address, which no check of the configuration can see."""
    with main_cf_of(lab, "relay", listens=False), started_at_most_once(lab, "relay"):
        lab.run("relay", f"postconf -e inet_interfaces=loopback-only && {RESTART}")
        before = lab.run("relay", f"cat {MAIN_CF}").stdout
        occupy = f"import signal, socket; s = socket.create_server(('{RELAY}', 25)); signal.pause()"
        lab.popen("relay", f'echo $$ >/root/occupier; exec python3 -c "{occupy}"')
        try:
            lab.await_run("relay", f"ss -Hltn 'src {RELAY}:25' | grep -q .", within=10)
            failed = lab.playbook(ROLES, "--limit", "relay", check=False)
        finally:
            lab.run("relay", "kill $(cat /root/occupier)")
        assert failed.returncode != 0
        assert "former configuration is back" in failed.stdout
        assert lab.run("relay", f"cat {MAIN_CF}").stdout == before
        assert rcpt(lab, "relay", "127.0.0.1", "root@localhost").startswith("250")


def contents(lab: Lab, host: str) -> str:
    """A checksum of each file of Postfix's configuration."""
    return lab.run(host, "find /etc/postfix -type f -exec md5sum {} + | sort -k 2").stdout


@on_one_release
def test_disk_that_fills_up_leaves_no_half_of_a_configuration(lab: Lab) -> None:
    """The table that does not fit comes after some that do."""
    tables, people = "/etc/postfix/inbound_mail", [f"recipient-{number}" for number in range(4000)]
    with restored(lab, "relay"):
        lab.run("relay", f"cp -a {tables} /root && mount -t tmpfs -o size=96k none {tables}")
        try:
            lab.run("relay", f"cp -a /root/inbound_mail/. {tables}")
            before = contents(lab, "relay")
            relay = relay_of({"validation": "static", "addresses": people})
            failed = postfix(lab, "relay", name="relay", relay={**relay, "accept_from": ["203.0.113.25"]})
            assert "inbound_mail/relay/relay_recipients: No space left on device" in str(failed["msg"])
            assert "Nothing was changed" in str(failed["msg"])
            assert contents(lab, "relay") == before
            assert rcpt(lab, "outside", RELAY, "postmaster@example.org").startswith("250")
        finally:
            lab.run("relay", f"umount {tables}")


@on_one_release
def test_user_who_may_not_read_the_passwords_is_told_to_become_root(lab: Lab) -> None:
    nobody = ("--become", "--become-user", "nobody", "--become-method", "su", "-e", "ansible_become_flags='-s /bin/sh'")
    with restored(lab, "relay"):
        lab.run("relay", "install -m 600 /dev/null /etc/postfix/inbound_mail/relay/passwords")
        failed = postfix(lab, "relay", *nobody, name="relay", state="absent")
    assert "/etc/postfix/inbound_mail/relay/passwords: Permission denied" in str(failed["msg"])
    assert "become: true" in str(failed["msg"])


def test_stopped_postfix_is_configured_and_then_started(lab: Lab) -> None:
    """Its own services cannot be asked then, as after an installation that starts nothing (RHEL)."""
    with main_cf_of(lab, "relay", listens=False):
        lab.run("relay", "postfix stop")
        lab.await_run("relay", "! postfix status", within=30)
        assert '"postfix": "none"' in lab.playbook(ROLES, "--limit", "relay", "-v").stdout
        lab.await_run("outside", f"nc -z -w 3 {RELAY} 25", within=30)
        assert rcpt(lab, "outside", RELAY, "postmaster@example.org").startswith("250")


@on_one_release
def test_run_that_was_cut_off_before_the_reload_is_finished_by_the_next(lab: Lab) -> None:
    lab.run("relay", "touch /etc/postfix/inbound_mail/relay/reload-pending")
    first, second = (lab.playbook(ROLES, "--limit", "relay", "-v").stdout for _run in range(2))
    assert '"postfix": "reloaded"' in first
    assert "changed=0" in second


@on_one_release
def test_setting_no_longer_declared_is_put_back(lab: Lab) -> None:
    before = lab.run("relay", f"cat {MAIN_CF}").stdout
    first = postfix(
        lab, "relay", name="limits", settings={"message_size_limit": 1048576, "mailbox_size_limit": 5 << 20}
    )
    assert first["changed"] is True and first["postfix"] == "reloaded"
    assert lab.run("relay", "postconf -h mailbox_size_limit").stdout == "5242880\n"
    second = postfix(lab, "relay", name="limits", settings={"message_size_limit": 1048576})
    assert second["settings"] == [{"name": "mailbox_size_limit", "before": "5242880", "after": "0"}]
    assert postfix(lab, "relay", name="limits", state="absent")["changed"] is True
    assert postfix(lab, "relay", name="limits", state="absent")["changed"] is False
    assert lab.run("relay", f"cat {MAIN_CF}").stdout == before


def test_absent_gives_back_what_was_there_byte_for_byte(lab: Lab) -> None:
    """With a main.cf as grown in years: a setting twice, comments in a value, a stray byte, no newline at the end."""
    grown = b"relayhost =\nrelayhost = [192.0.2.1]\nmydestination = a.test,\n# old\n\t b.test\n# caf\xe9\n\nbiff=yes"
    with main_cf_of(lab, "relay") as path:
        before = path.read_bytes() + grown
        path.write_bytes(before)
        settle(path)
        master_cf = lab.run("relay", "cat /etc/postfix/master.cf").stdout
        listing = lab.run("relay", "ls -lA /etc/postfix | grep -v '\\(main\\|master\\).cf$'").stdout
        mode = lab.run("relay", f"stat -c '%a %U %G' {MAIN_CF}").stdout
        lab.playbook(ROLES, "--limit", "relay")
        assert path.read_bytes() != before
        lab.playbook(ROLES, "--limit", "relay", "-e", "mail_relay_state=absent", "--check")
        assert path.read_bytes() != before
        lab.playbook(ROLES, "--limit", "relay", "-e", "mail_relay_state=absent")
        assert path.read_bytes() == before
        assert lab.run("relay", "cat /etc/postfix/master.cf").stdout == master_cf
        assert lab.run("relay", "ls -lA /etc/postfix | grep -v '\\(main\\|master\\).cf$'").stdout == listing
        assert lab.run("relay", f"stat -c '%a %U %G' {MAIN_CF}").stdout == mode
        # Without the relay's settings nobody's mail is relayed either.
        assert rcpt(lab, "outside", RELAY, "victim@elsewhere.example.com")[0] in "45"


def test_processes_that_start_while_somebody_else_edits_main_cf_have_what_is_ours(lab: Lab) -> None:
    with restored(lab, "relay"):
        lab.run("relay", "journalctl --rotate; journalctl --vacuum-time=1s")
        edits = lab.popen("relay", f"postconf -e biff=yes; for edit in $(seq 10); do touch {MAIN_CF}; sleep 0.3; done")
        answers = lab.run("outside", ["python3", "-c", MANY]).stdout.splitlines()
        edits.wait(timeout=30)
        log = lab.run("relay", "journalctl -q --no-pager -o cat -t postfix/smtpd").stdout
    assert answers == ["250 b'2.1.5 Ok'"] * 12
    assert "connect from" in log
    assert "No such file" not in log


def test_postfix_reads_what_was_written_at_once(lab: Lab) -> None:
    """A file that has just changed is read again and again for two seconds, and its master is deaf meanwhile."""
    with restored(lab, "relay"):
        assert postfix(lab, "relay", name="more", settings={"bounce_size_limit": "60000"})["postfix"] == "reloaded"
        ages = lab.run("relay", f"stat -c '%n %Y %Z' {MAIN_CF} /etc/postfix/inbound_mail/relay/*[a-z_]").stdout
    for line in ages.splitlines():
        name, modified, written = line.split()
        assert int(written) - int(modified) >= 2, name


@on_one_release
def test_edits_by_others_inside_our_block_are_put_right_and_outside_it_left_alone(lab: Lab) -> None:
    """As postconf -e makes them, an editor, and somebody who appends a line that would count instead of ours."""
    with main_cf_of(lab, "relay") as path:
        before = path.read_bytes()
        master_cf = lab.run("relay", "md5sum /etc/postfix/master.cf").stdout
        lab.playbook(ROLES, "--limit", "relay")
        ours = path.read_text()
        folder = "/etc/postfix/inbound_mail/relay"
        lab.run("relay", "postconf -e relay_domains=other.example bounce_size_limit=60000")
        path.write_text(path.read_text() + "smtpd_relay_restrictions = defer_unauth_destination\n")
        settle(path)
        lab.run(
            "relay", f"echo 'evil.example OK' >>{folder}/relay_domains; rm {folder}/transport; mkdir {folder}/theirs"
        )
        first, second = (lab.playbook(ROLES, "--limit", "relay").stdout for _run in range(2))
        assert "changed=1" in first and "changed=0" in second
        assert (
            path.read_text().replace("bounce_size_limit = 60000\n", "", 1)
            == ours + "#inbound.mail relay: smtpd_relay_restrictions = defer_unauth_destination\n"
        )
        assert rcpt(lab, "outside", RELAY, "postmaster@evil.example").startswith("554 5.7.1")
        await_message(lab, "server", send(lab, "outside", RELAY, "postmaster@example.org"))
        # The line of somebody else's is as much theirs as what was there before.
        lab.playbook(ROLES, "--limit", "relay", "-e", "mail_relay_state=absent")
        added = b"smtpd_relay_restrictions = defer_unauth_destination\n"
        assert path.read_bytes().replace(b"bounce_size_limit = 60000\n", b"", 1) == before + added
        assert lab.run("relay", f"ls -A {folder}").stdout == "theirs\n"
        assert lab.run("relay", "md5sum /etc/postfix/master.cf").stdout == master_cf
