# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule by itself, on a sound observation with one fault put in; and several at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.judge import RULES, fails, judge, summary
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import merged
from ansible_collections.inbound.mail.plugins.module_utils._path_check.report import report
from hypothesis import given
from hypothesis import strategies as st

from .conftest import BACKUP, EXPECT, OBSERVATION, RELAY, SERVER, VANTAGE, connection, hop, resolved, step

TODAY = date(2026, 11, 23)
NOTHING: dict[str, Any] = {key: [] for key in EXPECT}


def case_of(observation: dict[str, Any], expect: dict[str, Any] = EXPECT, **more: Any) -> Case:
    more = {"public_networks": ["203.0.113.0/24"], "egress_targets": [VANTAGE], **more}
    return Case(copy.deepcopy(expect), merged([observation]), **more)  # type: ignore[list-item]


def ids(observation: dict[str, Any], expect: dict[str, Any] = EXPECT, **more: Any) -> set[str]:
    findings = judge(case_of(observation, expect, **more), [], TODAY)
    return {one["id"] + ("?" if one["status"] == "unknown" else "") for one in findings}


def test_sound_observation_has_no_finding(observation: dict[str, Any]) -> None:
    assert ids(observation) == set()


Seen = dict[str, Any]
FAULTS: dict[str, Callable[[Seen], Any]] = {}


def fault(*found: str) -> Callable[[Callable[[Seen], Any]], Callable[[Seen], Any]]:
    def register(function: Callable[[Seen], Any]) -> Callable[[Seen], Any]:
        FAULTS[" ".join(found)] = function
        return function

    return register


def servers(seen: Seen) -> list[dict[str, Any]]:
    return seen["zones"][0]["servers"]


def steps(seen: Seen) -> list[dict[str, Any]]:
    return seen["dialogues"][0]["steps"]


@fault("zone-not-delegated")
def not_delegated(seen: Seen) -> None:
    seen["zones"][0].update(delegated=False, servers=[])


@fault("zone-not-delegated?")
def nobody_knows(seen: Seen) -> None:
    seen["zones"][0].update(delegated=None, servers=[])


@fault("ns-lame")
def lame(seen: Seen) -> None:
    servers(seen)[1].update(authoritative=False, serial=None, answers=[])


@fault("vantage-family?")
def no_ipv6(seen: Seen) -> None:
    servers(seen).append(
        {**copy.deepcopy(servers(seen)[0]), "address": "2001:db8::53", "status": "no-route", "answers": []}
    )


@fault("serial-mismatch")
def behind(seen: Seen) -> None:
    servers(seen)[1]["serial"] = 6


@fault("mx-no-answer")
def no_answer(seen: Seen) -> None:
    servers(seen)[1]["answers"][0].update(status="timeout", rcode="", values=[])


@fault("mx-rcode")
def rcode(seen: Seen) -> None:
    servers(seen)[1]["answers"][0].update(rcode="SERVFAIL", values=[])


@fault("mx-non-authoritative")
def without_authority(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["authoritative"] = False


@fault("ns-count")
def only_one(seen: Seen) -> None:
    del servers(seen)[1:]


@fault("ns-no-tcp")
def no_tcp(seen: Seen) -> None:
    servers(seen)[0]["tcp"] = "timeout"


@fault("ns-target-cname")
def nameserver_alias(seen: Seen) -> None:
    servers(seen)[0]["alias"] = "host.example.net"


@fault("ttl-mismatch")
def other_ttl(seen: Seen) -> None:
    servers(seen)[1]["answers"][0]["ttl"] = 600


@fault("ns-parent-child")
def parent_behind(seen: Seen) -> None:
    seen["zones"][0]["parent"]["names"] = ["former.example.net", "ns1.example.net"]


@fault("dnssec-bogus")
def bogus(seen: Seen) -> None:
    seen["zones"][0]["bogus"] = "203.0.113.53"


def serve(seen: Seen, ttl: int, *values: str) -> None:
    for one in servers(seen):
        one["answers"][0].update(values=list(values), ttl=ttl)
    seen["resolved"][1]["values"] = list(values)


@fault("mx-differs ttl-blocks-change")
def to_be_moved(seen: Seen) -> None:
    serve(seen, 86400, "10 mail.example.org.")


@fault("mx-missing negative-ttl-blocks-change")
def to_be_written(seen: Seen) -> None:
    serve(seen, 86400)


@fault("mx-differs backup-before-primary")
def backup_first(seen: Seen) -> None:
    serve(seen, 300, "10 mail.example.org.", f"5 {BACKUP}.")


@fault("resolver-stale")
def remembered(seen: Seen) -> None:
    seen["resolved"][1]["values"] = ["10 old.example.org."]


@fault("ptr-missing")
def nameless(seen: Seen) -> None:
    seen["resolved"][0]["values"] = []


@fault("ptr-missing?")
def nobody_knows_its_name(seen: Seen) -> None:
    seen["resolved"][0].update(rcode="SERVFAIL", values=[])


@fault("fcrdns")
def leads_elsewhere(seen: Seen) -> None:
    seen["resolved"][0]["values"] = ["mailbox.example.org"]
    seen["resolved"].append(resolved("mailbox.example.org", "AAAA"))


@fault("ptr-not-ehlo")
def other_name(seen: Seen) -> None:
    seen["resolved"][0]["values"] = ["host.example.net"]
    seen["resolved"].append(resolved("host.example.net", "A", RELAY))


@fault("backup-refuses-domain")
def backup_knows_nothing(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][1].update(code=554, text="5.7.1 Relay access denied")


@fault("backup-open-relay")
def backup_takes_all(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][3].update(code=250, text="Ok")


@fault("backup-accepts-unknown")
def backup_takes_anybody(seen: Seen) -> None:
    seen["dialogues"][1]["steps"][2].update(code=250, text="Ok")


@fault("view-private-leak")
def visible_outside(seen: Seen) -> None:
    seen["resolved"].append(resolved("mailbox.example.org", "A", SERVER))
    # The one that says nothing.
    del seen["resolved"][5]


@fault("view-record-missing")
def missing_inside(seen: Seen) -> None:
    seen["inside"][2]["values"] = []


@fault("view-record-missing?")
def no_answer_inside(seen: Seen) -> None:
    seen["inside"][2].update(status="timeout", rcode="")


@fault("view-hairpin")
def out_and_back(seen: Seen) -> None:
    seen["inside"][1]["values"] = [RELAY]


@fault("view-mx-unexpected")
def forgotten_inside(seen: Seen) -> None:
    seen["inside"][0]["values"] = ["10 old.example.org."]


@fault("starttls-broken")
def no_handshake(seen: Seen) -> None:
    seen["dialogues"][0]["tls"] = {"version": "", "error": "no shared cipher", "certificate": None}


@fault("certificate-name")
def for_another(seen: Seen) -> None:
    seen["dialogues"][0]["tls"]["certificate"]["names"] = ["example.org", "*.mail.example.org", "*.org"]


@fault("certificate-expired")
def too_old(seen: Seen) -> None:
    seen["at"] += 2000000


@fault("banner-delay")
def slow(seen: Seen) -> None:
    seen["dialogues"][0]["greeted_after"] = 15.0


@fault("unknown-recipient-accepted")
def takes_anybody(seen: Seen) -> None:
    steps(seen)[4]["code"] = 250


@fault("auth-without-tls")
def password_in_clear(seen: Seen) -> None:
    steps(seen)[1]["text"] += " / AUTH PLAIN LOGIN"


@fault("port25-timeout")
def filtered(seen: Seen) -> None:
    seen["dialogues"][0].update(status="timeout", steps=[])


@fault("port25-refused")
def refused(seen: Seen) -> None:
    seen["dialogues"][0].update(status="refused", steps=[])


@fault("port25-forbidden-open")
def server_answers(seen: Seen) -> None:
    seen["connections"][1]["status"] = "open"


@fault("egress25-relay-blocked")
def relay_cannot_send(seen: Seen) -> None:
    seen["connections"][2]["status"] = "timeout"


@fault("egress25-open")
def insider_sends(seen: Seen) -> None:
    seen["connections"][3]["status"] = "open"


@fault("egress25-open?")
def insider_was_down(seen: Seen) -> None:
    del seen["connections"][3]


@fault("outbound-address egress25-open")
def relay_leaves_elsewhere(seen: Seen) -> None:
    seen["connections"][2]["seen_as"] = "203.0.113.1"
    seen["connections"][3]["status"] = "open"


@fault("delivery-missing")
def lost(seen: Seen) -> None:
    seen["traces"].clear()


@fault("delivery-missing?")
def nobody_looked(seen: Seen) -> None:
    seen["traces"].clear()
    del seen["mail_hosts"][0]


@fault("delivery-twice")
def twice(seen: Seen) -> None:
    seen["traces"].append({**seen["traces"][0], "file": "/var/mail/games"})


@fault("delivery-path")
def past_the_relay(seen: Seen) -> None:
    del seen["traces"][0]["hops"][0]
    seen["traces"][0]["hops"][0]["address"] = VANTAGE


@fault("source-translated")
def translated(seen: Seen) -> None:
    seen["traces"][0]["hops"][0]["address"] = "192.168.0.1"


@fault("observation-incomplete?")
def late(seen: Seen) -> None:
    seen["complete"] = False


@pytest.mark.parametrize("found", FAULTS)
def test_fault(observation: dict[str, Any], found: str) -> None:
    FAULTS[found](observation)
    assert ids(observation) == set(found.split())


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["10 192.0.2.1."], {"mx-target-address-literal"}),
        (["10 192.0.2.1.example.org."], {"mx-target-address-literal"}),
        (["10 mail.example.org.example.org."], {"mx-target-relative"}),
        (["10 localhost."], {"mx-target-localhost"}),
        (["10 host.localhost."], {"mx-target-localhost"}),
        (["10 mail."], {"mx-target-syntax"}),
        (["10 -mail.example.org."], {"mx-target-syntax"}),
        (["10 ma_il.example.org."], {"mx-target-syntax"}),
        (["0 ."], set()),
        (["7 ."], {"mx-null-preference"}),
        (["0 .", "10 mail.example.org."], {"mx-null-with-other"}),
        (["5 .", "10 mail.example.org."], {"mx-null-with-other", "mx-null-preference"}),
        (["10 mail.example.org.", "20 mail.example.org."], {"mx-duplicate-target"}),
    ],
)
def test_what_an_mx_record_names(observation: dict[str, Any], values: list[str], found: set[str]) -> None:
    for one in servers(observation):
        one["answers"][0]["values"] = values
    named = [value.split()[1].rstrip(".") for value in values]
    observation["resolved"] = [resolved(name, "A", RELAY) for name in named if name]
    seen = ids(
        {**observation, "dialogues": [], "connections": [], "sent": [], "traces": []}, NOTHING, domain="example.org"
    )
    assert seen == found


def test_nobody_answers(observation: dict[str, Any]) -> None:
    """Then what is shut proves nothing."""
    for one in observation["dialogues"]:
        one.update(status="timeout", steps=[])
    assert ids(observation) == {"port25-timeout", "port25-vantage?"}


def test_what_others_were_asked_for(observation: dict[str, Any]) -> None:
    expect = copy.deepcopy(EXPECT)
    expect["records"][0]["asked_of"] = expect["records"][1]["asked_of"] = "dns: provider"
    for port in expect["ports"]:
        port["asked_of"] = f"device: before {port['host']}"
    assert ids(observation, expect) == set()
    serve(observation, 300, f"20 {BACKUP}.")
    server_answers(observation)
    findings = judge(case_of(observation, expect), [], TODAY)
    undone = [(one["subject"], one["expected"]) for one in findings if one["id"] == "manual-open"]
    assert undone == [
        ("device: before mail", [f"port 25 of {SERVER} shut"]),
        ("dns: provider", [f"example.org MX 10 mail.example.org., 20 {BACKUP}."]),
    ]


def test_null_mx_where_mail_is_expected_and_the_reverse(observation: dict[str, Any]) -> None:
    for one in servers(observation):
        one["answers"][0]["values"] = ["0 ."]
    assert "mx-null-unexpected" in ids(observation)
    assert "mx-differs" not in ids(observation)
    expect = copy.deepcopy(EXPECT)
    expect["records"][0]["values"] = ["0 ."]
    assert not {"mx-null-unexpected", "mx-differs"} & ids(observation, expect)
    for one in servers(observation):
        one["answers"][0]["values"] = ["10 mail.example.org."]
    assert "mx-null-unexpected" in ids(observation, expect)


def test_port_of_a_family_that_nobody_declared_is_a_warning(observation: dict[str, Any]) -> None:
    """Without a plan: the exchanger answers over IPv4 alone."""
    expect = {kind: [] for kind in EXPECT}
    observation.update(connections=[], sent=[], traces=[])
    observation["dialogues"][0]["host"] = "mail.example.org"
    observation["dialogues"].append(
        {**observation["dialogues"][0], "address": "2001:db8::17", "status": "timeout", "steps": []}
    )
    assert ids(observation, expect, domain="example.org") == {"port25-family"}


@pytest.mark.parametrize(
    ("hops", "sound"),
    [
        ([hop(VANTAGE, "mail.example.org"), hop(RELAY, "mailbox.example.org")], True),
        # Filters and local delivery add fields of their own.
        (
            [
                hop(VANTAGE, "mail.example.org"),
                hop("127.0.0.1", "mail.example.org"),
                hop(RELAY, "mailbox.example.org"),
                hop("", "lmtp-of-mailbox"),
            ],
            True,
        ),
        ([hop(VANTAGE, "elsewhere.example.com"), hop(RELAY, "mailbox.example.org")], False),
        (
            [hop(VANTAGE, "mail.example.org"), hop(RELAY, "elsewhere.example.com"), hop(RELAY, "mailbox.example.org")],
            False,
        ),
        ([hop(VANTAGE, "mail.example.org")], False),
        ([], False),
    ],
)
def test_way_of_a_message(observation: dict[str, Any], hops: list[dict[str, str]], sound: bool) -> None:
    observation["traces"][0]["hops"] = hops
    assert ("delivery-path" not in ids(observation)) is sound


def test_message_on_a_host_that_is_no_server_of_the_domain(observation: dict[str, Any]) -> None:
    observation["traces"][0]["host"] = "relay"
    assert ids(observation) == {"delivery-path"}


def test_vantage_behind_nat_is_seen_by_another_address(observation: dict[str, Any]) -> None:
    observation["sent"][0]["attempts"][0]["local_address"] = "192.168.7.7"
    observation["traces"][0]["hops"][0]["address"] = "203.0.113.99"
    assert ids(observation) == set()
    observation["traces"][0]["hops"][0]["address"] = RELAY
    assert ids(observation) == {"source-translated"}


def test_refusal_of_the_vantage_says_nothing_of_the_domain(observation: dict[str, Any]) -> None:
    steps(observation)[3] = step(
        "postmaster", "example.org", "RCPT", 554, "5.7.1 Client host blocked using zen.example"
    )
    assert ids(observation) == {"postmaster-refused?"}


def test_wrapped_stranger_is_taken_where_any_recipient_is(observation: dict[str, Any]) -> None:
    wrapped = step("stranger-at-domain", "example.org", "RCPT TO:<victim%example.net@example.org>", 250, "Ok")
    steps(observation).append(wrapped)
    assert ids(observation) == {"open-relay"}
    steps(observation)[4]["code"] = 250  # a catch-all
    assert ids(observation) == {"unknown-recipient-accepted"}


def test_controls_that_do_not_answer_make_it_unknown(observation: dict[str, Any]) -> None:
    filtered(observation)
    observation["connections"].append(connection("sender", "203.0.113.200", "timeout"))
    observation.update(sent=[], traces=[])
    assert ids(observation, controls=["203.0.113.200"]) == {"port25-vantage?"}


_TALK = ("auth-", "banner-", "certificate-", "port25-", "starttls-", "unknown-")


@given(st.sets(st.sampled_from(sorted(FAULTS))))
def test_random_mix_of_faults_gives_those_findings(chosen: set[str]) -> None:
    """Of faults that do not touch the same thing."""
    groups = [
        {
            one
            for one in FAULTS
            if one.startswith(("zone-", "ns-", "mx-", "serial-", "ttl-", "vantage-", "dnssec-", "resolver-"))
        },
        # What others take says something beside what ours refuse.
        {one for one in FAULTS if one.startswith((*_TALK, "ptr-", "fcrdns", "backup-"))},
        {one for one in FAULTS if one.startswith("view-")},
        {one for one in FAULTS if one.startswith(("egress25-", "outbound-"))},
        {one for one in FAULTS if one.startswith(("delivery-", "source-"))},
        {one for one in FAULTS if one.startswith("observation-")},
    ]
    assert set(FAULTS) == set().union(*groups)
    mix = [found for group in groups for found in sorted(chosen & group)[:1]]
    observation = copy.deepcopy(OBSERVATION)
    # In the order of definition: later ones count on what earlier ones leave.
    for found in sorted(mix, key=list(FAULTS).index):
        FAULTS[found](observation)
    assert ids(observation) == {name for found in mix for name in found.split()}


def test_accepted_until_a_day(observation: dict[str, Any]) -> None:
    lost(observation)

    def statuses(**accepted: Any) -> list[str]:
        one = {"id": "delivery-missing", "reason": "known", **accepted}
        return [finding["status"] for finding in judge(case_of(observation), [one], TODAY)]

    assert statuses() == ["accepted"]
    assert statuses(until="2026-11-23") == ["accepted"]
    assert statuses(until="2026-11-22") == ["finding"]
    assert statuses(subject="postmaster@example.org") == ["accepted"]
    assert statuses(subject="postmaster@example.net") == ["finding"]
    assert statuses(id="delivery-twice") == ["finding"]


def test_findings_are_plain_sorted_and_counted(observation: dict[str, Any]) -> None:
    lost(observation)
    behind(observation)
    late(observation)
    findings = judge(case_of(observation), [], TODAY)
    assert [one["id"] for one in findings] == ["delivery-missing", "serial-mismatch", "observation-incomplete"]
    assert json.loads(json.dumps(findings)) == findings
    counts = summary(findings)
    assert counts == {"error": 1, "warning": 1, "notice": 0, "unknown": 1, "accepted": 0}
    assert [fails(counts, level) for level in ("error", "warning", "never")] == [True, True, False]
    assert not fails({**counts, "error": 0}, "error")


def test_report_names_remedies_and_proofs(observation: dict[str, Any]) -> None:
    sound = report(case_of(observation), [], summary([]))
    assert "2 RRsets of MX and addresses as declared, the same at 2 addresses of ns1.example.net and ns2" in sound
    assert "port 25 shut from outside: 192.168.0.10" in sound
    assert sound.endswith("Verdict: no finding.")
    behind(observation)
    findings = judge(case_of(observation), [], TODAY)
    text = report(case_of(observation), findings, summary(findings))
    assert "WARNING  serial-mismatch  example.org" in text
    assert "-> See why" in text
    assert text.endswith("Verdict: 1 warning.")
    assert max(map(len, text.splitlines())) <= 118


@given(st.text(max_size=300))
def test_what_servers_say_cannot_leave_its_line(text: str) -> None:
    observation = copy.deepcopy(OBSERVATION)
    steps(observation)[5].update(code=250, text=text)
    servers(observation)[1]["name"] = text
    servers(observation)[1]["serial"] = 6
    observation["traces"][0]["hops"][0]["by"] = text
    findings = judge(case_of(observation), [], TODAY)
    printed = report(case_of(observation), findings, summary(findings))
    assert all(one.isprintable() for line in printed.split("\n") for one in line)


def test_every_rule_says_how_to_mend_it() -> None:
    for rule in RULES.values():
        assert rule.what.endswith("."), rule.id
        assert rule.hint.endswith("."), rule.id
        assert rule.source, rule.id
