# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check and exchangers that behave badly, each in its own way; listener.py has the ways."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from controller import Controller
from world import PUBLIC_NETWORKS, World, expectations


def smtp(world: World) -> dict[str, Any]:
    return {"smtp": expectations(world)["smtp"]}


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("sound", []),
        ("tarpit", []),
        ("takes-any-user", ["unknown-recipient-accepted"]),
        ("wildcard", []),
        ("other-certificate", ["certificate-name"]),
        ("certificate-by-name", []),
        ("certificate-of-many", []),
        ("unreadable-certificate", []),
        ("expired-certificate", ["certificate-expired"]),
        ("thinks-it-over", ["banner-delay"]),
        ("greylists-at-first", ["greylisted?"]),
        ("silent", ["banner-missing"]),
        ("drips", ["banner-missing"]),
        ("endless-line", ["banner-missing"]),
        ("endless-reply", ["banner-missing"]),
        ("not-smtp", ["banner-missing"]),
        ("refuses", ["banner-refused?"]),
        ("busy", ["banner-refused?"]),
        ("closes-after-ehlo", ["smtp-ended?"]),
        ("tires", ["smtp-ended?"]),
        ("short-name", ["ehlo-name"]),
        ("in-clear", ["starttls-missing"]),
        ("broken-tls", ["starttls-broken"]),
        ("silent-tls", ["starttls-broken"]),
        ("no-tls-today", ["starttls-broken?"]),
        ("logs-in-in-clear", ["auth-without-tls"]),
        ("no-postmaster", ["postmaster-refused"]),
        ("knows-no-domain", ["domain-refused"]),
        ("defers-relaying", ["domain-refused"]),
        ("blocks-the-client", ["postmaster-refused?"]),
        ("no-null-sender", ["null-sender-refused"]),
        ("no-bounces", ["null-sender-refused"]),
        ("greylists", ["greylisted?"]),
        ("open", ["open-relay"]),
        ("takes-source-routes", ["open-relay"]),
        ("trusts-own-senders", ["open-relay"]),
        ("unwraps", ["open-relay"]),
        ("open-but-to-null-mx", ["open-relay"]),
        ("open-but-to-null-mx-recipients", ["open-relay"]),
        ("unqualified-is-local", ["unknown-recipient-accepted"]),
        ("takes-percents-alone", ["open-relay"]),
        ("says-much", []),
        ("old-tls", ["starttls-weak"]),
        ("short-dhe", ["starttls-weak"]),
        ("knows-helo-alone", ["ehlo-refused"]),
        ("demands-tls", ["starttls-required"]),
        ("demands-tls-at-rcpt", ["starttls-required"]),
        ("demands-tls-and-is-open", ["open-relay", "starttls-required"]),
        ("demands-tls-and-is-knows-no-domain", ["domain-refused", "starttls-required"]),
        ("mail:452 4.3.1 Insufficient system storage", ["server-fault"]),
        ("mail:452 Insufficient system storage", ["server-fault"]),
        ("mail:451 4.3.0 Temporary lookup failure", ["server-fault"]),
        ("rcpt:451 4.3.5 Server configuration error", ["server-fault"]),
        ("mail:521 Host does not accept mail", ["server-takes-no-mail"]),
        ("rcpt:556 5.1.10 Recipient domain has null MX", ["server-takes-no-mail"]),
        ("mail:530 5.7.0 Authentication required", ["server-demands-login"]),
        ("mail:450 4.7.1 come back later", ["sender-refused?"]),
        ("mail:550 5.7.1 Nein, von Ihnen nicht", ["sender-refused?"]),
        ("mail:554 Aus Prinzip nicht", ["sender-refused?"]),
        ("null:450 4.7.1 come back later", ["null-sender-refused?"]),
        ("null:550 5.7.1 no", ["null-sender-refused"]),
        ("rcpt:550 5.7.23 The sender's policy (SPF) does not allow it", ["postmaster-refused?"]),
        ("rcpt:550 Sender verify failed", ["postmaster-refused?"]),
        ("rcpt:550 5.7.606 Access denied, banned sending IP [192.0.2.1]", ["postmaster-refused?"]),
        ("rcpt:553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)", ["postmaster-refused?"]),
        ("rcpt:550 SC-001 Mail rejected for policy reasons", ["postmaster-refused?"]),
        ("rcpt:550 Administrative prohibition", ["postmaster-refused?"]),
        ("rcpt:550 5.7.1 Von Ihnen nehmen wir nichts", ["postmaster-refused?"]),
        ("rcpt:550 5.1.1 <u@bachelor.test>: User unknown", ["postmaster-refused"]),
        ("rcpt:553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", ["domain-refused"]),
        (
            "postmaster:554 5.7.1 <p@example.org>: Recipient address rejected: Access denied",
            ["postmaster-refused"],
        ),
        ("postmaster:450 4.7.1 Greylisted by relay.example.org, see 5.1.2.example", ["greylisted?"]),
    ],
)
def test_behaviour(world: World, behaviour: str, found: list[str]) -> None:
    world.listen(behaviour)
    assert world.ids(expectations=smtp(world), smtp_timeout=12 if behaviour == "thinks-it-over" else 2) == found


PINNED = f"_25._tcp.mail TLSA 2 0 1 {'0a' * 32}\n"
HAS_POLICY = '_mta-sts TXT "v=STSv1; id=20261125"\nmta-sts A @MX@\n'


@pytest.mark.parametrize(
    ("more", "signed", "mode", "severity"),
    [
        ("", None, None, "notice"),
        (HAS_POLICY, None, "enforce", "error"),
        (HAS_POLICY, None, "testing", "notice"),
        # Nobody serves it, it leads elsewhere, and it has no end.
        (HAS_POLICY, None, None, "notice"),
        (HAS_POLICY, None, "moved", "notice"),
        (HAS_POLICY, None, "endless", "notice"),
        (PINNED, True, None, "error"),
        # Nobody can tell that the records are the domain's.
        (PINNED, None, None, "notice"),
        # With the certificate's own key its name and its end do not count.
        (PINNED.replace("TLSA 2", "TLSA 3"), True, None, "notice"),
    ],
)
def test_what_binds_senders_to_a_certificate(
    world: World, more: str, signed: bool | None, mode: str | None, severity: str
) -> None:
    zone = f"@ MX 10 mail\nmail A @MX@\n{more}"
    world.start(zone, zone, signed=signed).listen("other-certificate")
    if mode:
        world.serve_policy(mode)
    result = world.check(timeout=3)
    assert [(one["id"], one["severity"]) for one in result["findings"]] == [("certificate-name", severity)]
    assert ("do not deliver" in result["findings"][0]["message"]) is (severity == "error")


def test_certificate_that_has_expired_and_binds(world: World) -> None:
    zone = f"@ MX 10 mail\nmail A @MX@\n{HAS_POLICY}"
    world.start(zone, zone).listen("expired-certificate")
    world.serve_policy("enforce")
    result = world.check(timeout=3)
    assert [(one["id"], one["severity"]) for one in result["findings"]] == [("certificate-expired", "error")]


def test_greylisting_is_waited_out(world: World) -> None:
    listener = world.listen("greylists-at-first")
    assert world.ids(expectations=smtp(world), greylist_timeout=10) == []
    # It comes back no more often than it has to.
    assert 2 <= sum(line.startswith("EHLO") for line in world.heard(listener)) <= 8


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("open-greylisting-at-first", ["open-relay"]),
        ("takes-any-user-greylisting-at-first", ["unknown-recipient-accepted"]),
    ],
)
def test_strangers_are_tried_again_after_greylisting(world: World, behaviour: str, found: list[str]) -> None:
    world.listen(behaviour)
    assert world.ids(expectations=smtp(world), greylist_timeout=10) == found


def test_greylisting_proves_nothing_of_strangers(world: World) -> None:
    world.listen("greylists")
    assert not [line for line in world.check(expectations=smtp(world))["proven"] if "stranger" in line]


def test_observation_of_an_earlier_release(world: World) -> None:
    world.listen()
    observation = world.check(expectations=smtp(world))["observation"]
    observation["format_version"] = 1
    del observation["at"]
    for dialogue in observation["dialogues"]:
        del dialogue["greeted_after"], dialogue["tls"]["certificate"]
    assert world.ids(expectations=smtp(world), observations=[observation]) == []


def test_recipients_that_a_relay_does_not_know(world: World) -> None:
    """The plan says which hosts know the recipients."""
    world.listen("takes-any-user")
    expected = smtp(world)
    expected["smtp"][0]["refuses_unknown"] = False
    assert world.ids(expectations=expected) == []


def test_size_that_is_not_the_declared_one(world: World) -> None:
    """The listener says ``SIZE 1000000``."""
    world.listen()
    expected = smtp(world)
    for declared, found in ((1000000, []), (52428800, ["size-differs"])):
        expected["smtp"][0]["message_size"] = declared
        assert world.ids(expectations=expected) == found


def test_greeting_name_that_does_not_resolve(world: World) -> None:
    world.start().listen("unknown-name")
    assert world.ids(expectations=expectations(world)) == ["ehlo-name"]


def test_no_message_is_sent_and_errors_are_few(world: World) -> None:
    listener = world.listen()
    world.check(expectations=smtp(world))
    lines = world.heard(listener)
    assert lines[-1] == "QUIT"
    assert not [line for line in lines if line.startswith("DATA")]
    recipients = [line for line in lines if line.startswith("RCPT")]
    assert len([line for line in recipients if "postmaster@example.org" not in line]) <= 10
    # Nobody else is named than us and domains reserved for documentation.
    domains = {one for line in recipients for one in re.findall(r"[@%!:<]([a-z0-9-]+\.[a-z]+)", line)}
    assert domains <= {"example.org", "example.com", "example.net", "example.edu"}


def test_escape_sequences_reach_no_terminal(world: World) -> None:
    world.listen("escapes")
    result = world.check(expectations=smtp(world))
    steps = result["observation"]["dialogues"][0]["steps"]
    assert steps[0]["text"] == "\\x1b[2J\\x1b]0;owned\\x07mail.example.org\\x9b31m ESMTP"
    assert "\x1b" not in result["report"]


def test_nobody_listens(world: World) -> None:
    assert world.ids(expectations=smtp(world)) == ["port25-refused"]


def test_filtered_port(world: World) -> None:
    world.listen()
    drop = f"table ip t {{ chain c {{ type filter hook input priority 0; ip daddr {world.mx} tcp dport 25 drop; }}; }}"
    world.network.run("nft", drop)
    assert world.ids(expectations=smtp(world)) == ["port25-timeout"]


def test_port_blocked_at_the_vantage_is_unknown(world: World) -> None:
    control = world.network.new_address()
    world.listen()
    world.listen(address=control)
    assert world.ids(expectations=smtp(world), controls=[control]) == []
    world.network.run("nft", "table ip t { chain c { type filter hook output priority 0; tcp dport 25 drop; }; }")
    assert world.ids(expectations=smtp(world), controls=[control]) == ["port25-vantage?"]


def test_vantage_without_ipv6(world: World) -> None:
    world.listen()
    expected = smtp(world)
    expected["smtp"][0]["addresses"].append("2001:db8::25")
    assert world.ids(expectations=expected) == ["port25-vantage?"]


def test_port_that_must_be_shut(world: World) -> None:
    inside = world.network.new_address()
    world.listen()
    ports = [{"host": "server", "address": inside, "open": False, "why": "its mail comes through the relay"}]
    expected = {**smtp(world), "ports": ports}
    assert world.ids(expectations=expected) == []
    world.listen(address=inside)
    assert world.ids(expectations=expected) == ["port25-forbidden-open"]


def test_shut_port_proves_nothing_if_none_is_open(world: World) -> None:
    ports = [{"host": "server", "address": world.network.new_address(), "open": False}]
    assert world.ids(expectations={"ports": ports}) == ["port25-vantage?"]


def test_egress(world: World) -> None:
    target = world.network.new_address()
    expected = {
        "egress": [{"source": "insider", "open": False, "why": "only relays send"}, {"source": "relay", "open": True}]
    }
    egress = {"egress_targets": [target], "egress_only": True, "expectations": {}}

    def seen_from(source: str) -> dict[str, object]:
        return world.check(vantage=source, **egress)["observation"]

    nobody_listens = [seen_from(one) for one in ("sender", "insider", "relay")]
    listener = world.listen(address=target)
    listens = [seen_from(one) for one in ("sender", "insider", "relay")]
    listener.kill()
    listener.wait()
    shut = seen_from("insider")

    def judged(*observations: object) -> list[str]:
        return world.ids(expectations=expected, observations=list(observations), egress_targets=[target])

    assert judged(*nobody_listens) == ["egress25-open?", "egress25-relay-blocked?"]
    assert judged(listens[0], shut, listens[2]) == []
    assert judged(*listens) == ["egress25-open"]
    assert judged(listens[0], shut, nobody_listens[2]) == ["egress25-relay-blocked"]
    assert judged(listens[0]) == ["egress25-open?", "egress25-relay-blocked?"]


@pytest.mark.parametrize(
    ("preference", "behaviour", "found"),
    [
        (20, "sound", []),
        (20, "knows-no-domain", ["backup-refuses-domain"]),
        (20, "open", ["backup-accepts-unknown", "backup-open-relay"]),
        (20, "takes-any-user", ["backup-accepts-unknown"]),
        # How it greets and encrypts is its operator's.
        (20, "short-name", []),
        (10, "sound", ["backup-before-primary", "mx-differs"]),
    ],
)
def test_backup(world: World, preference: int, behaviour: str, found: list[str]) -> None:
    address = world.network.new_address()
    zone = f"@ MX 10 mail\n@ MX {preference} backup\nmail A @MX@\nbackup A {address}\n"
    world.start(zone, zone).listen()
    world.listen(behaviour, address)
    expected = expectations(world)
    expected["records"][0]["values"].append("20 backup.example.org.")
    expected["backups"] = [{"fqdn": "backup.example.org", "preference": 20, "domain": "example.org"}]
    assert world.ids(expectations=expected) == found


@pytest.mark.parametrize(("behaviour", "found"), [("names-the-client", ["outbound-address"]), ("sound", [])])
def test_address_that_outgoing_mail_leaves_from(world: World, behaviour: str, found: list[str]) -> None:
    world.listen(behaviour)
    expected = {
        "egress": [{"source": "relay", "open": True}],
        "smtp": [{"host": "relay", "fqdn": "mail.example.org", "addresses": ["198.51.100.200"]}],
    }
    seen = world.check(expectations=expected, vantage="relay", egress_targets=[world.mx], egress_only=True)
    outside = world.check(expectations={}, vantage="sender")
    observations = [outside["observation"], seen["observation"]]
    result = world.check(expectations=expected, egress_targets=[world.mx], observations=observations)
    assert [one["id"] for one in result["findings"] if one["status"] == "finding"] == found
    # It is where it says.
    expected["smtp"][0]["addresses"] = [world.mx]
    result = world.check(expectations=expected, egress_targets=[world.mx], observations=observations)
    assert [one["id"] for one in result["findings"] if one["status"] == "finding"] == []


def test_one_of_two_equal_exchangers_is_dead(world: World) -> None:
    second = world.network.new_address()
    zone = f"@ MX 10 mail\n@ MX 10 mail2\nmail A @MX@\nmail2 A {second}\n"
    reverse = f"{ip_address(second).reverse_pointer}. PTR"
    # The listener greets by the same name everywhere.
    world.start(zone, zone, root=f"{reverse} mail2.example.org.\n{reverse} mail.example.org.").listen()
    assert world.ids() == ["equal-preference-dead", "port25-refused"]
    world.listen(address=second)
    assert world.ids() == []


def test_accepted_findings_stay_visible(world: World) -> None:
    world.listen("open")
    accepted = {"id": "open-relay", "reason": "a trap for spammers"}
    result = world.check(expectations=smtp(world), accepted=[accepted], fail_on="error")
    assert not result.get("failed")
    assert [(one["status"], one["reason"]) for one in result["findings"]] == [("accepted", "a trap for spammers")]
    for more in ({"until": "2020-01-01"}, {"subject": "another"}):
        result = world.check(expectations=smtp(world), accepted=[{**accepted, **more}], fail_on="error")
        assert result["failed"], more
        assert ("It was accepted until 2020-01-01: a trap for spammers" in result["msg"]) is ("until" in more)


def test_dead_first_exchanger_that_is_accepted(world: World) -> None:
    """A trap for spammers, who try the first one alone."""
    dead = world.network.new_address()
    zone = f"@ MX 5 trap\n@ MX 10 mail\nmail A @MX@\ntrap A {dead}\n"
    world.start(zone, zone, root=f"{ip_address(dead).reverse_pointer}. PTR trap.example.org.").listen()
    assert world.ids() == ["port25-refused"]
    accepted = [{"id": "port25-refused", "subject": f"{dead} port 25", "reason": "a trap for spammers"}]
    result = world.check(accepted=accepted, fail_on="warning")
    assert not result.get("failed")
    assert result["summary"] == {"error": 0, "warning": 0, "notice": 0, "unknown": 0, "accepted": 1}
    assert "Verdict: no finding (1 accepted)." in result["report"]


def test_message_waits_out_greylisting(world: World) -> None:
    world.start().listen("greylists-at-first")
    delivery = {"domain": "example.org", "recipient": "postmaster@example.org", "servers": ["mail"], "path": [["mail"]]}
    result = world.check(expectations={"delivery": [delivery]}, delivery=True, delivery_timeout=20)
    (sent,) = result["observation"]["sent"]
    assert sent["accepted"]
    assert [attempt["code"] for attempt in sent["attempts"]] == [450, 250]


def test_fail_on(world: World) -> None:
    world.listen("short-name")
    assert not world.check(expectations=smtp(world), fail_on="error").get("failed")
    assert world.check(expectations=smtp(world), fail_on="warning")["failed"]


def test_wrong_arguments_are_all_named(world: World) -> None:
    expected = {"records": [{"name": "example.org", "type": "MX", "values": ["mail.example.org"]}]}
    wrong = {"id": "no-such-rule", "reason": "r", "until": "tomorrow"}
    expected["delivery"] = [{"domain": "a b", "recipient": "x>\r\nDATA@example.org", "servers": [], "path": []}]
    # A zone that is empty, as a null in YAML is, is none.
    expected["records"].append({"name": "mail.example.net", "type": "A", "values": [], "zone": ""})
    expected["ports"] = [{"host": "mail", "address": "192.0.2.1", "port": 65536, "open": True}]
    result = world.check(expectations=expected, resolvers=["ns1"], accepted=[wrong], timeout=0)
    assert result["failed"]
    for word in (
        "'a b'",
        "DATA@example.org",
        "'ns1'",
        "no-such-rule",
        "tomorrow",
        "'mail.example.org'",
        "timeout",
        "65536 is no",
    ):
        assert word in result["msg"]


def test_message_is_sent_by_preference_and_not_in_check_mode(world: World) -> None:
    second = world.network.new_address()
    zone = f"@ MX 10 mail\n@ MX 20 mail2\nmail A @MX@\nmail2 A {second}\n"
    world.start(zone, zone)
    backup = world.listen(address=second)  # the first exchanger is down
    delivery = [
        {"domain": "example.org", "recipient": "postmaster@example.org", "servers": ["mail"], "path": [["mail"]]}
    ]
    expected = {"delivery": delivery}
    assert world.check(expectations=expected)["observation"]["sent"] == []
    sent = world.check(expectations=expected, delivery=True)["observation"]["sent"][0]
    assert sent["accepted"]
    assert [attempt["address"] for attempt in sent["attempts"]] == [world.mx, second]
    lines = world.heard(backup)
    assert "MAIL FROM:<>" in lines
    assert "DATA" in lines


def test_task_prints_its_report_and_fails_with_it(world: World, tmp_path: Path) -> None:
    world.start().listen("open")
    task = {
        "expectations": expectations(world),
        "resolvers": [world.resolver.address],
        "show": True,
        "vantage": "sender",
    }
    task["public_networks"] = PUBLIC_NETWORKS
    outcome = Controller(world.network, tmp_path).run("path_check", task, "--connection", "local")
    assert outcome.failed
    assert [one["id"] for one in outcome.findings] == ["open-relay"]
    assert outcome.summary == {"error": 1, "warning": 0, "notice": 0, "unknown": 0, "accepted": 0}
    assert f"\nERROR    open-relay  mail ({world.mx})\n" in outcome.output
    assert "\nVerdict: 1 error.\n" in outcome.output
    assert "observation" not in outcome.result


def test_report_is_shown_for_whatever_ansible_takes_for_true(world: World, tmp_path: Path) -> None:
    judged = {"expectations": {}, "observations": []}
    tasks = [{"inbound.mail.path_check": {**judged, "show": told}} for told in ("on", "1", True, "off", "no")]
    done = Controller(world.network, tmp_path).play(tasks, "--connection", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines().count("Verdict: no finding.") == 3
