# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans between two states: what each leads mail to, and what keeps two states from standing beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import (
    BESIDE,
    NEW,
    SWITCHED,
    Inventoried,
    Transition,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import tables

DOMAINS = "mail_domains: [{name: example.org, ttl: 7200}]"
DNS = "mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}, other: {provider: rfc2136, server: 9.9.9.54}}"
GATEWAY = "mail_gateways: {hosts: {gw: {mail_interfaces: {wan: [eth0], dmz: [eth1], lan: [eth2]}}}}"
INTERFACES = {"wan": ["eth0"], "dmz": ["eth1"], "lan": ["eth2"]}
INVENTORIED = Inventoried({"mail", "post", "relay"}, {"gw"})


def state(servers: str, more: str = "", domains: str = DOMAINS) -> str:
    return f"""
all: {{vars: {{{domains}, {DNS}}}}}
mail_servers: {{hosts: {servers}}}
{GATEWAY}
{more}
"""


DIRECT = state(
    "{mail: {mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.1.10, '2a00::10'],"
    " mail_firewalls: [gw]}}"
)
NAT = state(
    "{mail: {mail_topology: nat, mail_fqdn: mail.example.org, mail_addresses: [192.168.0.10],"
    " mail_public_addresses: [9.9.0.1], mail_gateway: gw}}"
)
RELAY = state(
    "{mail: {mail_topology: relay, mail_fqdn: mailbox.example.org, mail_addresses: [9.9.1.10, '2a00::10'],"
    " mail_relays: [relay], mail_firewalls: [gw]}}",
    "mail_relays: {hosts: {relay: {mail_topology: direct, mail_fqdn: mx.example.org,"
    " mail_addresses: [9.9.1.17, '2a00::17'], mail_firewalls: [gw]}}}",
)
POST = state(
    "{post: {mail_topology: direct, mail_fqdn: post.example.org, mail_addresses: [9.9.1.11], mail_firewalls: [gw]}}"
)


@pytest.fixture
def between(plan_of: Any) -> Any:
    def transition(former: str, new: str) -> Transition:
        return Transition(plan_of(former), plan_of(new))

    return transition


def records(plan: dict[str, Any], endpoint: str = "default") -> dict[tuple[str, str], tuple[list[str], Any]]:
    """(name, type) -> values and TTL; the TTL of what is to be absent is 'absent'."""
    return {
        (one["name"], one["type"]): (one["values"], one["state"] if "state" in one else one["ttl"])
        for held in plan["dns"].get(endpoint, {}).values()
        for one in held
    }


def problems(transition: Transition, inventoried: Inventoried = INVENTORIED) -> list[str]:
    return [f"{problem.host}: {problem.message}" for problem in transition.problems(inventoried)]


@pytest.mark.parametrize("former", [DIRECT, NAT, RELAY, POST])
@pytest.mark.parametrize("new", [DIRECT, NAT, RELAY, POST])
def test_every_move_has_plans_that_the_firewall_takes_and_that_end_with_the_new_one(
    between: Any, plan_of: Any, former: str, new: str
) -> None:
    transition = between(former, new)
    assert problems(transition) == []
    for stage in (BESIDE, SWITCHED, NEW):
        for flows in transition.plan(stage)["flows"].values():
            read_flows(flows, INTERFACES)
    end, wanted = transition.plan(NEW), plan_of(new)
    assert {key: end[key] for key in ("flows", "relay", "server")} == {
        key: wanted[key] for key in ("flows", "relay", "server")
    }
    assert records(wanted).items() <= records(end).items()
    assert {ttl for key, (_values, ttl) in records(end).items() if key not in records(wanted)} <= {"absent"}


def test_the_ttl_is_lowered_on_the_former_values_and_new_names_are_entered_beside_them(between: Any) -> None:
    transition = between(DIRECT, POST)
    assert (transition.former_ttl, transition.short_ttl) == (7200, 60)
    assert records(transition.plan(BESIDE)) == {
        ("example.org", "MX"): (["10 mail.example.org."], 60),
        ("mail.example.org", "A"): (["9.9.1.10"], 60),
        ("mail.example.org", "AAAA"): (["2a00::10"], 60),
        ("post.example.org", "A"): (["9.9.1.11"], 60),
    }
    # Who still has the former MX finds the host that it names.
    assert records(transition.plan(SWITCHED)) == {
        ("example.org", "MX"): (["10 post.example.org."], 60),
        ("mail.example.org", "A"): (["9.9.1.10"], 60),
        ("mail.example.org", "AAAA"): (["2a00::10"], 60),
        ("post.example.org", "A"): (["9.9.1.11"], 60),
    }
    end = transition.plan(NEW)
    assert records(end) == {
        ("example.org", "MX"): (["10 post.example.org."], 7200),
        ("post.example.org", "A"): (["9.9.1.11"], 7200),
    }
    assert end["cutover"]["former_exchanges"] == ["mail.example.org"]
    assert end["cutover"]["retired"] == {"relay": [], "server": ["mail"]}


def test_an_address_that_a_lasting_name_has_no_more_goes_at_the_switch(between: Any) -> None:
    """Or mail would go on the former way by IPv6 for ever."""
    transition = between(DIRECT, NAT)
    assert records(transition.plan(BESIDE)) == {
        ("example.org", "MX"): (["10 mail.example.org."], 7200),
        ("mail.example.org", "A"): (["9.9.1.10"], 60),
        ("mail.example.org", "AAAA"): (["2a00::10"], 60),
    }
    assert records(transition.plan(SWITCHED)) == {
        ("example.org", "MX"): (["10 mail.example.org."], 7200),
        ("mail.example.org", "A"): (["9.9.0.1"], 60),
        ("mail.example.org", "AAAA"): (["2a00::10"], "absent"),
    }
    assert transition.plan(NEW)["cutover"]["former_exchanges"] == []


def test_an_address_that_a_lasting_name_gets_comes_at_the_switch(between: Any) -> None:
    transition = between(NAT, DIRECT)
    assert ("mail.example.org", "AAAA") not in records(transition.plan(BESIDE))
    assert records(transition.plan(SWITCHED))["mail.example.org", "AAAA"] == (["2a00::10"], 60)


def test_a_short_ttl_is_not_made_longer(plan_of: Any) -> None:
    transition = Transition(plan_of(DIRECT.replace("7200", "5")), plan_of(POST.replace("7200", "5")), 60)
    assert (transition.former_ttl, transition.short_ttl) == (5, 5)
    assert {ttl for _values, ttl in records(transition.plan(BESIDE)).values()} == {5}


def test_where_no_record_changes_nothing_is_waited_for(between: Any) -> None:
    transition = between(DIRECT, DIRECT)
    assert (transition.former_ttl, transition.short_ttl) == (0, 0)
    assert transition.plan(BESIDE)["cutover"]["changes"] == []


def test_both_ways_are_let_in_and_nothing_is_shut_that_was_open(between: Any) -> None:
    transition = between(DIRECT, RELAY)
    for stage in (BESIDE, SWITCHED):
        plan = transition.plan(stage)
        flows = plan["flows"]["gw"]
        let_in = [one["destination"] for one in flows if one["action"] == "accept" and one["source"] == ["wan"]]
        assert ["9.9.1.10", "2a00::10"] in let_in and ["9.9.1.17", "2a00::17"] in let_in
        # Only what the former state shut: that insiders do not send past the mail hosts.
        assert [one["name"] for one in flows if one["action"] == "drop"] == ["no-egress"]
        assert plan["server"]["mail"]["accept_from"] == []
        assert plan["relay"]["relay"]["domains"][0]["name"] == "example.org"
    # Its own mail goes out the former way until the records lead to the new one.
    assert transition.plan(BESIDE)["server"]["mail"]["smarthosts"] == []
    assert transition.plan(SWITCHED)["server"]["mail"]["smarthosts"][0]["host"] == "relay"
    assert transition.plan(NEW)["server"]["mail"]["accept_from"] == ["9.9.1.17", "2a00::17"]


def test_what_lets_in_comes_before_what_the_former_state_shut(between: Any) -> None:
    flows = between(RELAY, DIRECT).plan(BESIDE)["flows"]["gw"]
    actions = [flow["action"] for flow in flows]
    assert "shut-mail" in [flow["name"] for flow in flows]
    assert actions == sorted(actions, key=lambda action: action == "drop")


def test_a_relay_hands_mail_to_the_former_server_until_the_switch(between: Any) -> None:
    behind_relay = RELAY.replace("mail: {mail_topology", "post: {mail_topology").replace("9.9.1.10", "9.9.1.11")
    transition = between(RELAY, behind_relay)
    assert problems(transition) == []

    def hops(stage: str) -> set[str]:
        domain = transition.plan(stage)["relay"]["relay"]["domains"][0]
        return {hop["host"] for hop in domain["next_hops"]}

    assert (hops(BESIDE), hops(SWITCHED), hops(NEW)) == ({"mail"}, {"post"}, {"post"})
    assert {"9.9.1.10", "9.9.1.11"} <= set(transition.plan(SWITCHED)["relay"]["relay"]["relay_from"])


def test_the_end_expects_that_nothing_is_left(between: Any) -> None:
    expect = between(NAT, POST).plan(NEW)["expect"]
    assert [one["values"] for one in expect["records"] if one["name"] == "mail.example.org"] == [[]]
    assert [one["open"] for one in expect["ports"] if one["address"] == "9.9.0.1"] == [False]


def test_only_a_host_that_leaves_must_take_no_mail_any_more(between: Any) -> None:
    (left,) = between(DIRECT, POST).plan(NEW)["expect"]["former"]
    assert left == {"host": "mail", "addresses": ["9.9.1.10", "2a00::10"], "port": 25, "domains": ["example.org"]}
    assert between(DIRECT, NAT).plan(NEW)["expect"]["former"] == []


def test_an_address_that_would_lead_two_ways_is_refused(between: Any) -> None:
    other_target = NAT.replace("192.168.0.10", "192.168.0.11").replace("mail: {", "post: {")
    (problem,) = problems(between(NAT, other_target))
    assert problem.startswith("post: 9.9.0.1 leads to mail (192.168.0.10) in the former state and to post")
    moved_to_the_host = DIRECT.replace("9.9.1.10", "9.9.0.1")
    (problem,) = problems(between(NAT, moved_to_the_host))
    assert "to mail itself in the new one" in problem


def test_all_that_cannot_be_done_is_said_at_once(between: Any) -> None:
    new = state(
        "{post: {mail_topology: direct, mail_fqdn: post.example.org, mail_addresses: [9.9.1.11]}}",
        domains="mail_domains: [{name: example.net}], mail_zones: [{name: example.org, dns: other}]",
    )
    found = problems(between(DIRECT, new), Inventoried({"post"}, set()))
    assert [problem.partition(",")[0].partition(":")[0] for problem in found] == ["", "mail", "gw"]
    assert "example.org is in the former state and not in the new one" in found[0]


def test_both_hosts_of_a_zone_that_moves_answer_the_same_until_the_new_one_is_alone(between: Any) -> None:
    at_other = POST.replace("ttl: 7200", "ttl: 7200, dns: other")
    transition = between(DIRECT, at_other)
    assert problems(transition) == []
    for stage in (BESIDE, SWITCHED):
        plan = transition.plan(stage)
        assert records(plan, "default") == records(plan, "other") == records(between(DIRECT, POST).plan(stage))
    end = transition.plan(NEW)
    # The former one keeps the new records, for whoever still asks it.
    assert list(end["dns"]) == ["other"]
    assert records(end, "other") == records(between(DIRECT, POST).plan(NEW))
    (move,) = end["cutover"]["zones"]
    assert (move["zone"], move["former"], move["new"]) == ("example.org", ["default"], ["other"])
    assert {"name": "mail.example.org", "type": "A"} in move["records"]
    assert end["cutover"]["changes"].count("example.org MX: 10 mail.example.org. becomes 10 post.example.org.") == 1


def test_a_zone_that_only_changes_its_dns_host_has_all_its_records_there_before_anything_is_delegated(
    between: Any,
) -> None:
    at_other = DIRECT.replace("ttl: 7200", "ttl: 7200, dns: other")
    transition = between(DIRECT, at_other)
    assert (transition.former_ttl, transition.plan(NEW)["cutover"]["changes"]) == (0, [])
    assert records(transition.plan(BESIDE), "other") == records(transition.plan(BESIDE), "default")
    # One more host, or one less of two.
    at_both = DIRECT.replace("ttl: 7200", "ttl: 7200, dns: [default, other]")
    assert between(DIRECT, at_both).zone_moves == []
    assert records(between(DIRECT, at_both).plan(BESIDE), "other") == records(transition.plan(BESIDE), "default")
    assert [move.former for move in between(at_both, DIRECT).zone_moves] == [["other"]]
    assert list(between(at_both, DIRECT).plan(NEW)["dns"]) == ["default"]


def test_where_no_zone_moves_nobody_has_to_delegate(between: Any) -> None:
    assert between(DIRECT, POST).plan(NEW)["cutover"]["zones"] == []


WITH_A_VIEW = (
    "mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}, internal: {provider: rfc2136, server: 10.0.0.53}}"
)


def test_the_view_from_inside_takes_the_same_steps(between: Any) -> None:
    direct, nat = (state_.replace(DNS, WITH_A_VIEW) for state_ in (DIRECT, NAT))
    transition = between(direct, nat)
    assert problems(transition) == []
    address = "mail.example.org", "A"
    stages = {stage: records(transition.plan(stage), "internal")[address] for stage in (BESIDE, SWITCHED, NEW)}
    assert stages == {
        BESIDE: (["9.9.1.10"], 60),
        SWITCHED: (["192.168.0.10"], 60),
        NEW: (["192.168.0.10"], 7200),
    }
    assert "mail.example.org A (inside): 9.9.1.10 becomes 192.168.0.10" in transition.plan(BESIDE)["cutover"]["changes"]


def test_a_name_that_stays_inside_alone_leaves_no_address_outside(between: Any) -> None:
    """A former exchange whose name the server behind the relay keeps."""
    behind = RELAY.replace("mailbox.example.org", "mail.example.org")
    end = between(NAT.replace(DNS, WITH_A_VIEW), behind.replace(DNS, WITH_A_VIEW)).plan(NEW)
    assert ("mail.example.org", "A") in records(end, "internal")
    assert ("mail.example.org", "A") not in records(end)
    assert end["cutover"]["former_exchanges"] == ["mail.example.org"]
    outside = [one for one in end["expect"]["records"] if one["name"] == "mail.example.org" and one["view"] == "public"]
    assert [one["values"] for one in outside if one["type"] == "A"] == [[]]


def test_the_view_from_inside_stays_where_it_is(between: Any) -> None:
    (problem,) = problems(
        between(DIRECT.replace(DNS, WITH_A_VIEW), DIRECT.replace("ttl: 7200", "ttl: 7200, dns: other"))
    )
    assert "the zone example.org leaves the endpoint 'internal'" in problem


def test_one_postfix_does_not_deliver_and_hand_on(between: Any) -> None:
    swapped = RELAY.replace("mail: {mail_topology", "post: {mail_topology").replace(
        "relay: {mail_topology", "mail: {mail_topology"
    )
    swapped = swapped.replace("mail_relays: [relay]", "mail_relays: [mail]").replace("9.9.1.17", "9.9.1.18")
    assert [problem for problem in problems(between(DIRECT, swapped)) if "one Postfix cannot do both" in problem]


def test_a_pair_of_states_has_one_id(between: Any) -> None:
    assert between(DIRECT, NAT).id == between(DIRECT, NAT).id
    assert len({between(*pair).id for pair in ((DIRECT, NAT), (NAT, DIRECT), (DIRECT, RELAY))}) == 3


@pytest.mark.parametrize("stage", [BESIDE, SWITCHED, NEW])
def test_every_stage_can_be_shown(between: Any, stage: str) -> None:
    """Also one in which an address goes, which has no TTL: inbound.mail.plan shows each before site carries it out."""
    shown = tables(between(DIRECT, NAT).plan(stage))
    (row,) = (line.split() for line in shown.splitlines() if line.startswith("mail.example.org") and " AAAA " in line)
    assert row[2:] == ["2a00::10", "60" if stage == BESIDE else "removed"]
