# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules say of messages that were refused, lost or took another path, and where those for MX records end."""

from __future__ import annotations

import copy
from ipaddress import ip_address
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.dns.mx import difference

from .faults import domain_alone, host
from .sound import BACKUP_ADDRESS, EXPECT, FORMER, RELAY, VANTAGE, hop, resolved, step
from .test_rule_limits import findings

FIRST, LAST = hop(VANTAGE, "mail.example.org"), hop(RELAY, "mailbox.example.org")


def attempt(code: int, text: str) -> dict[str, Any]:
    return {"exchange": "mail.example.org", "address": RELAY, "local_address": VANTAGE, "code": code, "text": text}


@pytest.mark.parametrize(
    ("attempts", "unknown", "says"),
    [
        ([attempt(399, "odd")], False, "399 odd"),
        ([attempt(400, "later")], True, "400 later"),
        ([attempt(499, "later")], True, "499 later"),
        ([attempt(500, "never")], False, "500 never"),
        ([attempt(451, "later"), attempt(550, "never")], True, "550 never"),
        ([attempt(0, "no-route")], True, "no-route"),
        ([attempt(0, "no-route"), attempt(0, "timeout")], False, "timeout"),
        ([attempt(0, "timeout"), attempt(0, "no-route")], False, "no-route"),
    ],
)
def test_a_message_that_no_exchanger_took(
    observation: dict[str, Any], attempts: list[dict[str, Any]], unknown: bool, says: str
) -> None:
    """A refusal for now, or no way out of the vantage, does not prove a fault."""
    observation["traces"].clear()
    observation["sent"][0].update(accepted=False, attempts=attempts)
    found = findings(observation)["delivery-missing" + ("?" if unknown else "")]
    assert found["message"] == (f"The message was not accepted from this vantage: mail.example.org ({RELAY}): {says}.")
    assert found["observed"] == attempts
    assert found["expected"] == "delivered"
    assert found["remedy"].startswith("Try again later" if unknown else "Fix what the other findings say")


def test_a_domain_without_an_exchanger_that_has_an_address(observation: dict[str, Any]) -> None:
    observation["traces"].clear()
    observation["sent"][0].update(accepted=False, attempts=[])
    assert findings(observation)["delivery-missing"]["message"] == (
        "The message was not accepted from this vantage: its domain has no mail exchanger with an address."
    )


def test_a_mailbox_that_could_not_be_searched_is_named(observation: dict[str, Any]) -> None:
    observation["traces"].clear()
    for searched in observation["mail_hosts"]:
        searched["unread"] = [f"imap at {searched['host']}: no"]
    found = findings(observation)["delivery-missing?"]
    assert found["observed"] == ["imap at mail: no"]
    assert found["message"].endswith("imap at mail: no.")


def test_a_lost_message_is_looked_for_by_its_token(observation: dict[str, Any]) -> None:
    observation["traces"].clear()
    observation["sent"][0]["attempts"].insert(0, attempt(451, "later"))
    found = findings(observation)["delivery-missing"]
    assert observation["sent"][0]["token"] in found["remedy"]
    assert "later" not in found["message"], "the one that took it is named, not the one before"


@pytest.mark.parametrize(
    ("hops", "problem"),
    [
        ([FIRST, LAST], None),
        ([hop(VANTAGE, "MAIL.example.org."), LAST], None),
        ([FIRST, FIRST, LAST, LAST], None),
        ([FIRST, LAST, hop("127.0.0.1", "filter")], None),
        ([FIRST, LAST, hop("::1", "filter"), hop("", "lmtp")], None),
        ([FIRST, LAST, hop(RELAY, "filter")], "filter is not in the declared path"),
        ([FIRST, hop("127.0.0.1", "filter"), LAST], "filter is not in the declared path"),
        ([FIRST, LAST, hop("127.0.0.2", "mail.example.org")], "mail.example.org is not in the declared path"),
        ([LAST], "mailbox.example.org accepted it first, not relay"),
        ([LAST, FIRST], "mailbox.example.org accepted it first, not relay"),
        ([hop("127.0.0.1", "filter"), FIRST, LAST], "filter accepted it first, not relay"),
        ([FIRST], "it did not pass mail"),
    ],
)
def test_the_path_of_a_message(observation: dict[str, Any], hops: list[dict[str, Any]], problem: str | None) -> None:
    observation["traces"][0]["hops"] = hops
    found = findings(observation).get("delivery-path")
    if problem is None:
        assert found is None
    else:
        assert found is not None
        way = [one["by"] for one in hops]
        assert found["message"] == f"The path of the message was {' -> '.join(way)}: {problem}."
        assert found["observed"] == way
        assert found["expected"] == ["relay", "mail"]


@pytest.mark.parametrize(
    ("ends_on", "hops", "problem"),
    [
        ("mail", ["mail", "inner", "mailbox"], None),
        ("mail", ["mail", "mailbox"], "mailbox.example.org is not in the declared path"),
        ("mail", ["mail", "inner"], "it did not pass mail"),
        ("inner", ["mail", "inner"], "it ended on inner"),
    ],
)
def test_a_path_of_three_stages(
    observation: dict[str, Any], ends_on: str, hops: list[str], problem: str | None
) -> None:
    expect = copy.deepcopy(EXPECT)
    expect["delivery"][0]["path"].insert(1, ["inner"])
    observation["mail_hosts"].append({"host": "inner", "names": ["inner.example.org"], "unread": []})
    observation["traces"][0].update(host=ends_on, hops=[hop(VANTAGE, f"{name}.example.org") for name in hops])
    found = findings(observation, expect).get("delivery-path")
    assert (found and found["message"].rpartition(": ")[2]) == (problem and f"{problem}.")


def test_hosts_of_one_stage_stand_beside_each_other(observation: dict[str, Any]) -> None:
    expect = copy.deepcopy(EXPECT)
    expect["delivery"][0]["path"] = [["relay", "relay2"], ["mail"]]
    observation["traces"][0]["hops"] = [LAST]
    found = findings(observation, expect)["delivery-path"]
    assert found["expected"] == ["relay or relay2", "mail"]
    assert "accepted it first, not relay or relay2." in found["message"]


def test_a_log_tells_no_path_and_still_tells_the_host(observation: dict[str, Any]) -> None:
    observation["traces"][0].update(kind="log", hops=[])
    assert "delivery-path" not in findings(observation)
    observation["traces"][0]["host"] = "other"
    assert findings(observation)["delivery-path"]["message"].endswith("without a Received field: it ended on other.")


def test_a_path_that_is_wrong_for_one_copy_is_said_of_that_copy(observation: dict[str, Any]) -> None:
    wrong = {**observation["traces"][0], "host": "other", "file": "/var/mail/other"}
    observation["traces"].append(wrong)
    found = findings(observation)
    assert found["delivery-path"]["message"].endswith("it ended on other.")
    assert found["delivery-twice"]["observed"][1] == "other: /var/mail/other"


@pytest.mark.parametrize(
    ("expected", "observed", "words"),
    [
        (["10 a.example."], ["20 a.example."], ["a.example has preference 20 instead of 10"]),
        (["10 a.example."], ["10 b.example."], ["a.example is missing", "b.example is surplus"]),
        (["10 a.example.", "20 b.example."], ["10 a.example."], ["b.example is missing"]),
        (["10 a.example."], ["10 a.example.", "20 b.example."], ["b.example is surplus"]),
        (["0 ."], ["10 a.example."], [". is missing", "a.example is surplus"]),
        (
            ["10 a.example.", "20 a.example."],
            ["20 a.example."],
            ["'20 a.example.' instead of '10 a.example.', '20 a.example.'"],
        ),
    ],
)
def test_what_two_mx_rrsets_differ_in(expected: list[str], observed: list[str], words: list[str]) -> None:
    assert difference(expected, observed) == words


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        ("mailhost.test", None),
        ("mx-1.example.net", None),
        (f"{'a' * 63}.test", None),
        ("mailhost", "a single label"),
        ("mail_host.test", "not only letters, digits and hyphens"),
        ("-mail.test", "not only letters, digits and hyphens"),
        ("mail-.test", "not only letters, digits and hyphens"),
    ],
)
def test_names_that_an_mx_record_may_have(observation: dict[str, Any], exchange: str, why: str | None) -> None:
    """RFC 1123, section 2.1; two labels are enough."""
    for server in observation["zones"][0]["servers"]:
        server["answers"][0]["values"] = [f"10 {exchange}."]
    found = findings(observation).get("mx-target-syntax")
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert why in found["message"]


@pytest.mark.parametrize(
    ("own", "sound"),
    [
        (VANTAGE, {"kind": "log", "hops": []}),
        (VANTAGE, {"hops": [FIRST, LAST]}),
        ("10.0.0.5", {"hops": [FIRST, LAST]}),  # NAT of the vantage itself
    ],
)
def test_a_copy_with_a_sound_source_does_not_hide_one_that_was_translated(
    observation: dict[str, Any], own: str, sound: dict[str, Any]
) -> None:
    observation["sent"][0]["attempts"][-1]["local_address"] = own
    trace = observation["traces"][0]
    copies = [{**trace, **sound, "file": "/var/mail/games"}]
    observation["traces"] = copies
    assert "source-translated" not in findings(observation)
    copies.append({**trace, "hops": [hop("192.168.0.1", "mail.example.org"), LAST]})
    found = findings(observation)["source-translated"]
    assert (found["expected"], found["observed"]) == (own, "192.168.0.1")


def test_the_names_of_backup_and_former_hosts_are_for_others_to_give(observation: dict[str, Any]) -> None:
    """An address without a PTR record is a finding of ours alone."""
    for address in (BACKUP_ADDRESS, FORMER):
        name = ip_address(address).reverse_pointer
        observation["resolved"].append(resolved(name, "PTR"))
    assert "ptr-missing" not in findings(observation)
    observation["resolved"][0]["values"] = []
    assert findings(observation)["ptr-missing"]["subject"] == RELAY


@pytest.mark.parametrize(
    ("values", "addresses", "found"),
    [
        ([], [RELAY], {"mx-implicit-address"}),
        ([], [], {"mx-missing"}),
        (["10 mail.example.org."], [RELAY], set()),
    ],
)
def test_a_domain_without_a_plan_and_without_an_mx(
    observation: dict[str, Any], values: list[str], addresses: list[str], found: set[str]
) -> None:
    expect: dict[str, Any] = copy.deepcopy(EXPECT)
    domain_alone(observation, expect, *values)
    for one in host(observation, "example.org"):
        one["values"] = addresses if one["type"] == "A" else []
    told = {one for one in findings(observation, expect, domain="example.org") if one.startswith("mx-")}
    assert told == found


@pytest.mark.parametrize("sound_first", [True, False])
def test_a_right_address_of_a_host_does_not_hide_a_wrong_one(observation: dict[str, Any], sound_first: bool) -> None:
    """Neither of another family nor of another host."""
    expect: dict[str, Any] = copy.deepcopy(EXPECT)
    second = {**expect["records"][1], "name": "mail2.example.org"}
    expect["records"].insert(2 if sound_first else 1, second)
    for one in host(observation, "mail2.example.org"):
        one["values"] = ["203.0.113.18"]
    assert findings(observation, expect)["address-differs"]["subject"] == "mail2.example.org A"
    for one in host(observation, "mail.example.org", "AAAA"):
        one["values"] = ["2001:db8:1::17"]
    assert findings(observation)["address-differs"]["subject"] == "mail.example.org AAAA"


def broken(server: dict[str, Any]) -> None:
    server.update(status="timeout", serial=None, rcode="", authoritative=False, answers=[])


def test_a_server_that_serves_none_of_its_zones_is_one_finding(observation: dict[str, Any]) -> None:
    zone = observation["zones"][0]
    broken(zone["servers"][1])
    found = findings(observation)["ns-lame"]
    assert found["subject"] == "ns2.example.net (203.0.113.54)"
    assert found["places"] == ["203.0.113.54"]
    assert "Make it serve it on UDP" in found["remedy"]
    assert found["remedy"].endswith("remove 'example.org. NS ns2.example.net.' from the zone and from its parent zone.")

    observation["zones"].append({**copy.deepcopy(zone), "name": "example.net"})
    found = findings(observation)["ns-lame"]
    assert found["observed"] == ["example.org", "example.net"]
    assert "Make it serve them on UDP" in found["remedy"]
    assert "NS ns2.example.net.' and so on from the zone" in found["remedy"]


def test_a_server_whose_name_has_no_address_is_found_by_its_name(observation: dict[str, Any]) -> None:
    broken(observation["zones"][0]["servers"][1])
    observation["zones"][0]["servers"][1]["address"] = ""
    found = findings(observation)["ns-lame"]
    assert (found["subject"], found["places"]) == ("ns2.example.net", ["ns2.example.net"])


def test_an_old_answer_of_a_resolver_stands_beside_that_of_the_first_server(observation: dict[str, Any]) -> None:
    old = resolved("mail.example.org", "A", "203.0.113.1")
    observation["resolved"] = [
        old if (one["name"], one["type"]) == ("mail.example.org", "A") else one for one in observation["resolved"]
    ]
    _first, second, *_others = host(observation, "mail.example.org")
    second["values"] = ["203.0.113.18"]
    found = findings(observation)["resolver-stale"]
    assert found["message"] == (f"The resolver answers 203.0.113.1, for 300 s more; the zone has {RELAY}.")
    assert found["expected"] == [RELAY]
    old["ttl"] = None
    assert "for an unknown time;" in findings(observation)["resolver-stale"]["message"]


@pytest.mark.parametrize(
    ("code", "found"), [(421, "banner-refused?"), (499, "banner-refused?"), (500, "banner-refused")]
)
def test_a_greeting_that_defers_proves_nothing(observation: dict[str, Any], code: int, found: str) -> None:
    observation["dialogues"][0]["steps"] = [step("banner", "", "", code, "said")]
    assert {one for one in findings(observation) if one.startswith("banner-refused")} == {found}


def test_a_resolver_that_is_right_does_not_hide_one_with_an_old_answer(observation: dict[str, Any]) -> None:
    old = {**resolved("mail.example.org", "A", "203.0.113.1"), "resolver": "203.0.113.54"}
    observation["resolved"].append(old)
    assert findings(observation)["resolver-stale"]["subject"] == "mail.example.org A at 203.0.113.54"


def test_glue_is_held_against_the_addresses_of_the_same_server(observation: dict[str, Any]) -> None:
    zone = observation["zones"][0]
    for number, server in enumerate(zone["servers"], 1):
        server["name"] = f"ns{number}.example.org"
        server["answers"][1]["values"] = ["ns1.example.org", "ns2.example.org"]
    first, second = (server["address"] for server in zone["servers"])
    zone["servers"][1]["answers"] = copy.deepcopy(zone["servers"][0]["answers"])
    zone["parent"] = {
        "names": ["ns1.example.org", "ns2.example.org"],
        "glue": {"ns1.example.org": [first], "ns2.example.org": [second]},
    }
    assert "ns-parent-child" not in findings(observation)
    zone["parent"]["glue"]["ns2.example.org"] = [first]
    found = findings(observation)["ns-parent-child"]
    assert (found["subject"], found["expected"], found["observed"]) == ("ns2.example.org", [second], [first])
