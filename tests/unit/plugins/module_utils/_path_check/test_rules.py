# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule by itself, on a sound observation with one fault put in; and several at once."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import fails, summary
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import answers_of, fold, merged
from ansible_collections.inbound.mail.plugins.module_utils._path_check.proof import proven
from ansible_collections.inbound.mail.plugins.module_utils._path_check.report import report
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULES, judge
from hypothesis import given
from hypothesis import strategies as st

from .faults import ALONE, FAULTS, behind, filtered, late, lost, put, serve, server_answers, servers, steps, with_fault
from .sound import BACKUP, EXPECT, OBSERVATION, RELAY, SERVER, VANTAGE, connection, hop, resolved, step

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


def test_answers_that_are_alike_are_kept_once(observation: dict[str, Any]) -> None:
    (zone,) = observation["zones"]
    first, second = servers(observation)
    third = copy.deepcopy(second)
    third["answers"][0]["ttl"] = 7
    zone["servers"] += [third, {**copy.deepcopy(first), "status": "timeout", "answers": []}]
    before = [copy.deepcopy(one["answers"]) for one in zone["servers"]]
    fold(zone)
    assert [one["same_as"] for one in zone["servers"]] == [None, 0, None, None]
    assert second["answers"] == []
    assert [answers_of(zone, one) for one in zone["servers"]] == before
    case = case_of(observation)
    assert len(case.dns.answers("example.org", "MX")) == 3


def test_unqualified_stranger_is_a_local_name_where_any_is(observation: dict[str, Any]) -> None:
    steps(observation).append(step("stranger", "example.org", "RCPT TO:<victim%example.net>", 250, "ok"))
    assert ids(observation) == {"open-relay"}
    steps(observation).append(step("unknown-recipient-unqualified", "example.org", "RCPT TO:<x>", 250, "ok"))
    assert ids(observation) == set()


@pytest.mark.parametrize(
    ("text", "control", "is_proven"),
    [
        ("5.7.1 Relay access denied", 550, True),
        ("5.7.1 Nein", 250, True),
        ("5.7.1 Nein", 550, False),
        ("5.7.27 Sender address has null MX", 250, False),
        ("5.1.10 Recipient address has null MX", 250, False),
    ],
)
def test_relaying_is_proven_by_refusals_of_relaying(
    observation: dict[str, Any], text: str, control: int, is_proven: bool
) -> None:
    steps(observation)[5].update(code=550, text=text)
    steps(observation).insert(
        4, step("postmaster-from-stranger", "example.org", "RCPT TO:<p@example.org>", control, "")
    )
    del observation["dialogues"][1:]
    assert any("relaying" in line for line in proven(case_of(observation))) is is_proven


def test_null_sender_alone_is_taken(observation: dict[str, Any]) -> None:
    steps(observation)[4:] = [step("stranger-sender", "", "MAIL FROM:<stranger@example.com>", 550, "Nein")]
    assert ids(observation) == {"sender-refused?"}
    steps(observation).append(step("stranger-sender", "", "MAIL FROM:<stranger@[192.0.2.1]>", 250, "ok"))
    assert ids(observation) == set()


@pytest.mark.parametrize("found", FAULTS)
def test_fault(found: str) -> None:
    observation, expect = with_fault(found)
    assert ids(observation, expect, domain="example.org") == set(found.split())


def test_every_rule_has_a_fault() -> None:
    assert {name.rstrip("?") for found in FAULTS for name in found.split()} == set(RULES)


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
        ("device: before mail", [f"port 25 of {SERVER} closed"]),
        ("dns: provider", [f"example.org MX '10 mail.example.org.', '20 {BACKUP}.'"]),
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
    # Without a plan nobody knows of a former exchanger.
    observation.update(connections=[], sent=[], traces=[], dialogues=observation["dialogues"][:2])
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


def test_message_to_a_domain_that_nobody_could_look_up(observation: dict[str, Any]) -> None:
    """Neither resolvers nor name servers answer this vantage: what is wrong may be here."""
    observation.update(zones=[], resolved=[], traces=[])
    observation["sent"][0].update(accepted=False, attempts=[])
    found = ids(observation)
    assert "delivery-missing?" in found
    assert [name for name in found if not name.endswith("?")] == []


def test_message_to_a_domain_without_an_exchanger(observation: dict[str, Any]) -> None:
    for server in observation["zones"][0]["servers"]:
        server["answers"] = [{**one, "values": []} if one["type"] == "MX" else one for one in server["answers"]]
    observation["sent"][0].update(accepted=False, attempts=[])
    observation.update(traces=[])
    assert {"mx-missing", "delivery-missing"} <= ids(observation)


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


# What faults that can stand beside those of other groups touch, by the beginning of their ids.
GROUPS = (
    ("zone-", "ns-", "mx-", "serial-", "ttl-", "vantage-", "dnssec-", "resolver-", "target-"),
    # The talk with ours and with the backups.
    ("auth-", "backup-", "banner-", "certificate-", "domain-", "ehlo-", "greylisted", "null-", "open-", "port25-",
     "postmaster-", "size-", "smtp-", "starttls-", "unknown-", "ptr-", "fcrdns"),
    ("view-",),
    ("egress25-", "outbound-"),
    ("delivery-", "source-"),
    ("former-",),
    ("observation-",),
)  # fmt: skip


@given(st.sets(st.sampled_from(sorted(set(FAULTS) - ALONE))))
def test_random_mix_of_faults_gives_those_findings(chosen: set[str]) -> None:
    """Of faults that do not touch the same thing."""
    groups = [{one for one in set(FAULTS) - ALONE if one.startswith(group)} for group in GROUPS]
    assert set(FAULTS) - ALONE == set().union(*groups)
    mix = [found for group in groups for found in sorted(chosen & group)[:1]]
    observation, expect = copy.deepcopy(OBSERVATION), copy.deepcopy(EXPECT)
    # In the order of definition: later ones count on what earlier ones leave.
    for found in sorted(mix, key=list(FAULTS).index):
        put(found, observation, expect)
    assert ids(observation, expect) == {name for found in mix for name in found.split()}


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
    assert "port 25 closed from outside: 192.168.0.10" in sound
    assert sound.endswith("Verdict: no finding.")
    behind(observation)
    findings = judge(case_of(observation), [], TODAY)
    text = report(case_of(observation), findings, summary(findings))
    assert "WARNING  serial-mismatch  example.org" in text
    assert "-> Find out why" in text
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


@pytest.mark.parametrize(("ttl", "blocks"), [(3600, False), (3601, True)])
def test_a_ttl_blocks_a_change_when_it_is_longer_than_an_hour(ttl: int, blocks: bool) -> None:
    for name, values in (("ttl-blocks-change", ["10 old.example.org."]), ("negative-ttl-blocks-change", [])):
        observation = copy.deepcopy(OBSERVATION)
        serve(observation, ttl, *values)
        assert (name in ids(observation)) is blocks


@pytest.mark.parametrize(("preference", "too_early"), [(9, True), (10, True), (11, False)])
def test_a_backup_comes_after_ours_only_with_a_higher_number(preference: int, too_early: bool) -> None:
    observation = copy.deepcopy(OBSERVATION)
    serve(observation, 300, "10 mail.example.org.", f"{preference} {BACKUP}.")
    assert ("backup-before-primary" in ids(observation)) is too_early
