# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check and name servers that fail, lie or flood; odd_name_server.py has the ways."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.junit import junit
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.page import page
from world import PUBLIC_NETWORKS, SOUND, World, expectations


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("sound", []),
        ("drops-mx", ["mx-no-answer"]),
        ("garbles-mx", ["mx-no-answer"]),
        # Cut in a datagram, and octet after octet in a stream.
        ("drips", ["mx-no-answer"]),
        ("fails-at-mx", ["mx-rcode"]),
        ("mx-without-authority", ["mx-non-authoritative"]),
        ("refers-to-itself", ["ns-lame"]),
        # Answers with another identifier, or to another question, come before the right one.
        ("lies-first", []),
    ],
)
def test_odd_name_server(world: World, behaviour: str, found: list[str]) -> None:
    world.start().listen()
    expected = expectations(world)
    # What the resolver has by now does not depend on which server it asks.
    assert world.ids(expectations=expected) == []
    world.misbehave(1, behaviour)
    result = world.check(expectations=expected, timeout=1)
    assert world.found(result) == found
    assert result["observation"]["complete"]


def test_answer_of_sixty_four_kibibytes_is_bounded(world: World) -> None:
    world.start()
    world.misbehave(1, "huge")
    result = world.check(expectations=expectations(world), smtp=False)
    assert "mx-rrset-inconsistent" in world.found(result)
    (zone,) = result["observation"]["zones"]
    most = max(len(answer["values"]) for server in zone["servers"] for answer in server["answers"])
    assert 100 < most <= 600
    assert len(json.dumps(result)) < 500_000
    assert max(len(one["message"]) for one in result["findings"]) <= 1003


def test_aliases_without_end_are_followed_for_a_while(world: World) -> None:
    world.start()
    world.misbehave(1, "endless-aliases")
    result = world.check(expectations=expectations(world), smtp=False)
    assert {"mx-target-cname", "target-address-inconsistent"} <= set(world.found(result))
    assert len(json.dumps(result)) < 100_000


def test_escape_sequences_in_names_reach_nobody(world: World) -> None:
    world.start()
    world.misbehave(1, "escapes")
    result = world.check(expectations=expectations(world), smtp=False)
    assert "mx-rrset-inconsistent" in world.found(result)
    assert "\x1b" not in json.dumps(result, ensure_ascii=False)
    assert "<script>" in result["report"]
    written = page(result, expectations(world)) + junit(result)
    assert "<script>" not in written
    assert written.replace("\n", "").isprintable()


def test_five_hundred_mx_records_are_bounded(world: World) -> None:
    zone = "".join(f"@ MX {number} mx{number}\n" for number in range(500)) + "".join(
        f"mx{number} A @MX@\n" for number in range(500)
    )
    world.start(zone, zone, options="max-records-per-type 0;")
    result = world.check(smtp=False, timeout=5, deadline=30)
    assert result["summary"]["error"] == 0
    assert len(result["observation"]["resolved"]) < 250


HOSTILE = {"deadline": 30, "timeout": 5, "public_networks": PUBLIC_NETWORKS}


@pytest.mark.parametrize("answers", [True, False], ids=["refusing", "silent"])
def test_zone_that_floods_costs_few_packets(world: World, answers: bool) -> None:
    """50 exchangers, each with 1,200 addresses, of a domain of which nothing is declared."""
    world.start(SOUND)
    world.misbehave(0, "floods")
    world.network.run("ip", "route", "add", "local", "9.8.0.0/15", "dev", "lo")
    if not answers:
        drop = "table inet silent { chain in { type filter hook input priority 0; ip daddr 9.8.0.0/15 drop; }; }"
        world.network.run("nft", drop)
    result, packets, memory, seconds = world.cost(domain="example.org", **HOSTILE)
    assert packets < 1000
    assert memory < 60
    assert seconds < 40
    assert "observation-limit?" in world.found(result)
    left = {(one["kind"], one["subject"]) for one in result["observation"]["left_out"]}
    assert ("mail exchangers", "example.org") in left
    assert not answers or ("addresses", "mx0.example.org") in left
    # What is none of the internet's was named, and not connected to.
    talked = {one["address"] for one in [*result["observation"]["dialogues"], *result["observation"]["connections"]]}
    assert talked or not answers
    assert not talked & {"127.0.0.1", "169.254.169.254", "10.0.0.1"}


def test_zone_with_a_flood_of_name_servers_costs_few_packets(world: World) -> None:
    world.start(SOUND)
    world.misbehave(0, "floods-ns")
    world.network.run("ip", "route", "add", "local", "9.8.0.0/15", "dev", "lo")
    result, packets, memory, seconds = world.cost(expectations=expectations(world), **HOSTILE)
    assert packets < 1000
    assert memory < 60
    assert seconds < 40
    left = {(one["kind"], one["subject"]) for one in result["observation"]["left_out"]}
    assert ("name servers", "example.org") in left
    asked = {server["address"] for zone in result["observation"]["zones"] for server in zone["servers"]}
    assert len(asked) <= 26


def test_declared_exchanger_is_looked_at_in_a_zone_that_floods(world: World) -> None:
    """It is the last of them, and its declared address is not the first of its name."""
    world.start(SOUND)
    world.misbehave(0, "floods")
    world.network.run("ip", "route", "add", "local", "9.8.0.0/15", "dev", "lo")
    last = int(ip_address("9.8.0.0")) + 49 * 1200
    own = str(ip_address(last + 500))
    expect = expectations(world)
    expect["records"][0]["values"] = ["49 mx49.example.org."]
    expect["records"][1] |= {"name": "mx49.example.org", "values": [own]}
    expect["smtp"][0] |= {"fqdn": "mx49.example.org", "addresses": [own]}
    expect["ports"][0]["address"] = own
    result, packets, memory, _seconds = world.cost(expectations=expect, **HOSTILE)
    assert packets < 1000
    assert memory < 60
    refused = [one["places"] for one in result["findings"] if one["id"] == "port25-refused"]
    assert refused == [[own]]
    assert "mx-differs" in world.found(result)


def test_name_server_at_an_address_of_no_internet_is_not_queried(world: World) -> None:
    world.start(SOUND + "ns3 A 10.1.2.3\nns3 A 127.0.0.1\n", ns="ns1 ns3").listen()
    result = world.check(expectations=expectations(world))
    lame = {one["subject"]: one["message"] for one in result["findings"] if one["id"] == "ns-lame"}
    assert set(lame) == {"ns3.example.org (10.1.2.3)", "ns3.example.org (127.0.0.1)"}
    assert all("none of the internet's, so it was not queried" in message for message in lame.values())


def test_alias_loop_ends(world: World) -> None:
    zone = "@ MX 10 mail\nmail CNAME other\nother CNAME mail\n"
    world.start(zone, zone)
    assert world.ids(smtp=False) == ["mx-target-cname", "mx-target-no-address"]
