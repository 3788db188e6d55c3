# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rule begins and ends: what is close to a fault and sound, and what a finding says of each host."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import merged
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import judge

from .faults import filtered, servers, steps, with_fault
from .sound import BACKUP, EXPECT, RELAY, SERVER, VANTAGE, connection, hop, resolved, step


def findings(observation: dict[str, Any], expect: dict[str, Any] = EXPECT, **more: Any) -> dict[str, dict[str, Any]]:
    """The findings by their ids, with a question mark where something is unknown."""
    more = {"public_networks": ["203.0.113.0/24"], "egress_targets": [VANTAGE], **more}
    case = Case(copy.deepcopy(expect), merged([observation]), **more)  # type: ignore[list-item]
    found = judge(case, [], date(2026, 11, 23))
    return {one["id"] + ("?" if one["status"] == "unknown" else ""): dict(one) for one in found}


@pytest.mark.parametrize(
    ("addresses", "sound"),
    [(None, True), ([], False), ([RELAY], True)],
    ids=["not looked up", "without address", "with address"],
)
def test_a_server_may_greet_by_any_name_that_has_an_address(
    observation: dict[str, Any], addresses: list[str] | None, sound: bool
) -> None:
    steps(observation)[1]["text"] = steps(observation)[1]["text"].replace("mail.example.org", "edge.example.org")
    if addresses is not None:
        observation["resolved"] += [resolved("edge.example.org", "A", *addresses), resolved("edge.example.org", "AAAA")]
    assert ("ehlo-name" not in findings(observation)) is sound


@pytest.mark.parametrize(
    ("code", "found"),
    [(220, set()), (454, {"starttls-broken?"}), (499, {"starttls-broken?"}), (500, {"starttls-broken"})],
)
def test_what_a_server_says_to_starttls(observation: dict[str, Any], code: int, found: set[str]) -> None:
    """RFC 3207, section 4: 220 before the handshake, 454 for now."""
    steps(observation).insert(2, step("starttls", "", "STARTTLS", code, "said"))
    assert set(findings(observation)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (250, set()),
        (451, {"null-sender-refused?"}),
        (499, {"null-sender-refused?"}),
        (500, {"null-sender-refused"}),
    ],
)
def test_a_null_sender_that_is_refused_for_good(observation: dict[str, Any], code: int, found: set[str]) -> None:
    steps(observation)[2]["code"] = code
    steps(observation).insert(4, step("postmaster", "example.org", "RCPT TO:<postmaster@example.org>", 250, "Ok"))
    assert set(findings(observation)) == found


def test_a_server_that_refuses_every_sender_is_not_said_to_refuse_the_null_sender(observation: dict[str, Any]) -> None:
    steps(observation)[2]["code"] = 554
    steps(observation)[3].update(what="postmaster", code=554)
    assert "null-sender-refused" not in findings(observation)


@pytest.mark.parametrize("code", [550, 551, 553])
def test_a_backup_takes_a_recipient_that_ours_refuse(observation: dict[str, Any], code: int) -> None:
    steps(observation)[4]["code"] = code
    observation["dialogues"][1]["steps"][2].update(code=250, text="Ok")
    assert set(findings(observation)) == {"backup-accepts-unknown"}


def test_a_host_that_must_not_send_does_not_hide_one_that_must(observation: dict[str, Any]) -> None:
    expect = copy.deepcopy(EXPECT)
    expect["egress"].reverse()
    observation["connections"][2]["status"] = "timeout"
    assert set(findings(observation, expect)) == {"egress25-relay-blocked"}


@pytest.mark.parametrize(("address", "family"), [("203.0.113.99", "IPv4"), ("2001:db8::53", "IPv6")])
def test_a_vantage_without_a_family_says_which(observation: dict[str, Any], address: str, family: str) -> None:
    one = copy.deepcopy(servers(observation)[0])
    servers(observation).append({**one, "address": address, "status": "no-route", "answers": []})
    found = findings(observation)
    assert set(found) == {"vantage-family?"}
    assert family in found["vantage-family?"]["message"]


def test_a_closed_port_that_was_not_tried_is_unknown(observation: dict[str, Any]) -> None:
    del observation["connections"][1]
    found = findings(observation)
    assert set(found) == {"port25-vantage?"}
    assert SERVER in found["port25-vantage?"]["message"]
    assert "time" in found["port25-vantage?"]["observed"]


def test_the_last_server_that_a_message_was_offered_to_is_named(observation: dict[str, Any]) -> None:
    first = {**observation["sent"][0]["attempts"][0], "code": 451, "text": "later"}
    last = {**first, "exchange": BACKUP, "address": "203.0.113.30", "code": 550, "text": "5.7.1 no"}
    observation["sent"][0].update(accepted=False, attempts=[first, last])
    observation["traces"].clear()
    found = findings(observation)["delivery-missing?"]
    assert f"{BACKUP} (203.0.113.30): 550 5.7.1 no" in found["message"]


def test_a_message_that_arrives_twice_was_expected_once() -> None:
    observation, expect = with_fault("delivery-twice")
    assert findings(observation, expect)["delivery-twice"]["expected"] == 1


def test_a_message_that_did_not_pass_the_last_host_names_it(observation: dict[str, Any]) -> None:
    observation["traces"][0]["hops"] = [hop(VANTAGE, "mail.example.org")]
    assert "pass mail." in findings(observation)["delivery-path"]["message"]


def test_a_last_host_whose_names_are_unknown_is_not_missed(observation: dict[str, Any]) -> None:
    observation["traces"][0]["hops"] = [hop(VANTAGE, "mail.example.org")]
    observation["mail_hosts"][0]["names"] = []
    assert "delivery-path" not in findings(observation)


def test_a_vantage_that_may_not_send_says_of_which_of_our_addresses_it_knows_nothing(
    observation: dict[str, Any],
) -> None:
    filtered(observation)
    observation["connections"].append(connection("sender", "203.0.113.200", "timeout"))
    observation.update(sent=[], traces=[])
    (found,) = findings(observation, controls=["203.0.113.200"]).values()
    assert found["id"] == "port25-vantage"
    assert RELAY in found["message"]


@pytest.mark.parametrize(("names", "sound"), [(["*.example.org"], True), (["*.xample.org"], False)])
def test_a_wildcard_certificate_is_for_one_label(observation: dict[str, Any], names: list[str], sound: bool) -> None:
    """RFC 6125, section 6.4.3."""
    observation["dialogues"][0]["tls"]["certificate"]["names"] = names
    assert ("certificate-name" not in findings(observation)) is sound


def test_a_serial_goes_on_after_its_largest_number_at_0(observation: dict[str, Any]) -> None:
    """RFC 1982, section 3.1."""
    expect = copy.deepcopy(EXPECT)
    expect["serials"][0]["serial"] = 2**32 - 6
    assert findings(observation, expect) == {}


def test_a_backup_at_an_address_where_ours_was_before_may_take_our_mail(observation: dict[str, Any]) -> None:
    expect = copy.deepcopy(EXPECT)
    expect["former"][0]["addresses"].append("203.0.113.99")
    assert findings(observation, expect) == {}
