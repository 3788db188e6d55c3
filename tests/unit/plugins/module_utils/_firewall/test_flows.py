# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with declared flows is said all at once, with the name of the flow and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowList
from ansible_collections.inbound.mail.plugins.module_utils._firewall.preflight import host_problems, interface_problems
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

INTERFACES = {"wan": ["eth0"], "dmz": ["eth1"], "lan": ["eth2"]}
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}


def problems(*flows: dict[str, Any], interfaces: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(InvalidError) as raised:
        read_flows(flows, INTERFACES if interfaces is None else interfaces)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"action": "drop", "source": ["wann"]}, "flow-1: source 'wann' is neither an interface set (there "
         "are: dmz, lan, wan) nor an address nor a network. Did you mean wan?"),
        ({"name": "a b", "action": "drop"}, "flow 1: 'a b' is not a flow name. Use 1 to 64 letters"),
        ({"action": "allow"}, "flow-1: the action 'allow' is unknown. Use one of forward, accept"),
        ({"action": "drop", "destination": ["192.168.0.1/24"]}, "not a network. Write 192.168.0.0/24 for the network"),
        ({"action": "drop", "source": []}, "flow-1: 'source' is an empty list. Write any"),
        ({"action": "drop", "ports": []}, "flow-1: 'ports' is an empty list"),
        ({"action": "drop", "ports": [0]}, "flow-1: 0 is not a TCP port"),
        ({"action": "drop", "ports": [65536]}, "flow-1: 65536 is not a TCP port"),
        ({"action": "accept", "source": ["192.0.2.1"], "destination": ["2001:db8::1"]}, "no address family in common"),
        ({"action": "drop", "public_address": "192.0.2.1"}, "'public_address' has no effect with the action drop"),
        ({"action": "drop", "limits": {"rate": "1/day"}}, "'limits' has no effect with the action drop"),
        ({"action": "snat", "source": ["lan"], "log": True, "egress_address": "192.0.2.1"}, "'log' has no effect"),
        ({"action": "snat", "egress_address": "192.0.2.1"}, "snat needs 'source'"),
        ({"action": "snat", "source": ["lan"], "egress_address": "2001:db8::1"}, "egress_address 2001:db8::1 is IPv6"),
        ({"action": "snat", "source": ["2001:db8::1"], "egress_address": "192.0.2.1"}, "which snat does not touch"),
        ({"action": "accept", "limits": {"rate": "often"}}, "rate 'often' is not understood. Write it as 10/second"),
        ({"action": "accept", "limits": {"connections": -1}}, "-1 connections is out of range"),
        ({**FORWARD, "public_address": "2001:db8::1"}, "public_address 2001:db8::1 is IPv6. IPv6 is never translated"),
        ({**FORWARD, "public_address": "mail"}, "mx: public_address 'mail' is not an address"),
        ({**FORWARD, "public_address": "127.0.0.1"}, "mx: public_address 127.0.0.1 is not an address of a host"),
        ({**FORWARD, "targets": [{"address": "0.0.0.0"}]}, "target 0.0.0.0 is not an address of a host on a network"),
        ({**FORWARD, "targets": [{"address": "255.255.255.255"}]}, "mx: target 255.255.255.255 is not an address"),
        ({"action": "drop", "source": ["fe80::1%eth0"]}, "flow-1: source 'fe80::1%eth0' is neither an interface set"),
        ({**FORWARD, "targets": []}, "mx: forward needs 'targets'"),
        # As a null in YAML comes to the module.
        ({**FORWARD, "targets": [{"address": ""}]}, "mx: a target has no address. Write the IPv4 address"),
        ({**FORWARD, "targets": [{"address": "203.0.113.1"}]}, "the target 203.0.113.1 is the public address itself"),
        ({**FORWARD, "targets": [{"address": "192.0.2.1"}] * 2}, "mx: the target 192.0.2.1 is named twice"),
        ({**FORWARD, "targets": [{"address": "192.0.2.1", "weight": 0}]}, "mx: the weight 0 of target 192.0.2.1"),
        ({**FORWARD, "destination": ["lan"]}, "'destination' has no effect with the action forward"),
        ({**FORWARD, "source": ["2001:db8::/32"]}, "2001:db8::/32 is IPv6, which forward does not touch"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_flow(flow: dict[str, Any], message: str) -> None:
    assert [text for text in problems(flow) if message in text]


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ({"any": ["eth0"]}, "interfaces.any: 'any' means something else in a flow"),
        ({"192.0.2.1": ["eth0"]}, "interfaces.192.0.2.1: '192.0.2.1' means something else"),
        ({"wan": "eth0"}, "interfaces.wan: not a list of interface names. Write it as in wan: [eth0]"),
        ({"wan": 5}, "interfaces.wan: not a list of interface names"),
        ({"wan": []}, "interfaces.wan: not a list of interface names"),
        ({"wan": ["eth*"]}, "interfaces.wan: 'eth*' is not an interface name"),
        ({"wan": ["averylonginterface"]}, "is not an interface name. Names have at most 15 characters"),
    ],
)
def test_what_is_wrong_with_interfaces(interfaces: dict[str, Any], message: str) -> None:
    assert message in problems(interfaces=interfaces)[0]


def test_everything_at_once() -> None:
    found = problems({"action": "drop", "source": ["wann", "lann"]}, {**FORWARD, "ports": [0], "targets": []})
    assert [text.partition(":")[0] for text in found] == ["flow-1", "flow-1", "mx", "mx"]


def test_two_flows_of_one_name() -> None:
    assert (
        "flow 2 has the name of an earlier one"
        in problems({"name": "a", "action": "drop"}, {"name": "a", "action": "drop"})[0]
    )


@pytest.mark.parametrize("source", [["wan"], ["any"], ["wan", "192.0.2.1"]])
def test_forward_that_an_earlier_one_leaves_nothing_for(source: list[str]) -> None:
    found = problems({**FORWARD, "source": source}, {**FORWARD, "name": "again"})
    assert found == [
        "again: mx forwards 203.0.113.1 port 25 already. Give one of them another public address, port or source, or "
        "put the narrower one first"
    ]


@pytest.mark.parametrize(
    "second", [{"public_address": "203.0.113.2"}, {"ports": [587]}, {"source": ["lan"]}, {"source": ["192.0.2.0/24"]}]
)
def test_forwards_that_go_together(second: dict[str, Any]) -> None:
    assert len(read_flows([FORWARD, {**FORWARD, "name": "second", **second}], INTERFACES).flows) == 2


def test_narrower_forward_comes_first() -> None:
    narrow = {**FORWARD, "name": "narrow", "source": ["198.51.100.0/25"]}
    wide = {**FORWARD, "source": ["198.51.100.0/24"]}
    assert len(read_flows([narrow, wide], INTERFACES).flows) == 2
    assert problems(wide, narrow)


def test_filter_on_the_public_address_would_never_match() -> None:
    found = problems(FORWARD, {"name": "shut", "action": "drop", "destination": ["203.0.113.1"]})
    assert found[0].startswith("shut: the destination 203.0.113.1 is the public address that mx forwards")


def outside(*flows: dict[str, Any], **more: list[str]) -> tuple[bool, tuple[str, ...]]:
    found = read_flows(flows, {**INTERFACES, **more})
    return found.flows[0].hairpin, found.outside


def test_hairpin_is_on_where_it_is_known_what_is_outside() -> None:
    assert outside(FORWARD) == (True, ("eth0",))
    assert outside({**FORWARD, "source": ["192.0.2.0/24"]}) == (True, ("eth0",))
    assert outside({**FORWARD, "hairpin": False}) == (False, ("eth0",))
    second = {**FORWARD, "name": "isp2", "source": ["isp2"], "public_address": "203.0.113.2"}
    assert outside(FORWARD, second, isp2=["eth9"]) == (True, ("eth0", "eth9"))


def test_hairpin_without_a_word_on_what_is_outside() -> None:
    flow = {key: value for key, value in FORWARD.items() if key != "source"}
    assert read_flows([flow], {}).flows[0].hairpin is False
    assert (
        "hairpin needs to know which interfaces lead outside" in problems({**flow, "hairpin": True}, interfaces={})[0]
    )


@pytest.mark.parametrize(
    ("flow", "families"),
    [
        (FORWARD, {4}),
        ({"action": "drop"}, set()),
        ({"action": "accept"}, {4, 6}),
        ({"action": "accept", "source": ["wan"], "destination": ["2001:db8::1"]}, {6}),
        ({"action": "accept", "source": ["192.0.2.1"], "destination": ["wan"]}, {4}),
    ],
)
def test_what_has_to_be_routed(flow: dict[str, Any], families: set[int]) -> None:
    assert read_flows([flow], INTERFACES).routed_families() == families


def snat(name: str, source: str, egress: str, destination: str = "wan", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "action": "snat",
        "source": [source],
        "destination": [destination],
        "egress_address": egress,
        **more,
    }


@pytest.mark.parametrize(
    ("first", "second", "has_effect"),
    [
        (("192.168.0.10", "203.0.113.1"), ("192.168.0.10", "203.0.113.2"), False),
        (("192.168.0.0/24", "203.0.113.1"), ("192.168.0.10", "203.0.113.2"), False),
        (("192.168.0.0/24", "203.0.113.1"), ("192.168.0.0/25", "203.0.113.2"), False),
        (("192.168.0.10", "203.0.113.1", "any"), ("192.168.0.10", "203.0.113.2"), False),
        (("192.168.0.10", "203.0.113.1"), ("192.168.0.0/24", "203.0.113.2"), True),
        (("192.168.0.10", "203.0.113.1", "198.51.100.1"), ("192.168.0.10", "203.0.113.2"), True),
        (("192.168.0.10", "203.0.113.1"), ("192.168.0.11", "203.0.113.2"), True),
    ],
)
def test_source_that_is_translated_twice(first: tuple[str, ...], second: tuple[str, ...], has_effect: bool) -> None:
    flows = [snat("one", *first), snat("two", *second)]
    if has_effect:
        read_flows(flows, INTERFACES)
    else:
        assert "two: one translates " in problems(*flows)[0]
    read_flows([flows[0], {**flows[1], "ports": [587]}], INTERFACES)


def test_interface_in_two_sets() -> None:
    sets = {"wan": ["eth0"], "lan": ["eth1", "eth0", "eth1"], "inside": ["eth1"]}
    errors, warnings = interface_problems(sets, ["eth0"])
    assert [str(one) for one in errors] == [
        "interfaces.wan: eth0 is in wan and lan, so what is said of the one counts for the other too. Name each "
        "interface in one set, by where it leads"
    ]
    assert [str(one).partition(",")[0] for one in warnings] == ["interfaces.lan: eth1 is in lan and inside"]
    assert interface_problems(INTERFACES, ["eth0"]) == ([], [])


@pytest.mark.parametrize(
    ("flow", "warns"),
    [
        ({"source": ["any"]}, True),
        ({"source": ["192.168.0.0/16"]}, True),
        ({"source": ["203.0.113.0/24"]}, False),
        ({"source": ["any"], "translate_source": True}, False),
    ],
)
def test_forward_whose_answers_cannot_come_back(flow: dict[str, Any], warns: bool) -> None:
    _errors, warnings = on_host(read_flows([{**FORWARD, **flow}], {}), {"203.0.113.1"})
    assert ["gets no answer" in warning for warning in warnings] == [True] * warns


def on_host(found: FlowList, addresses: set[str]) -> tuple[list[str], list[str]]:
    errors, warnings = host_problems(found.flows, {"eth0", "eth1"}, addresses)
    return [str(problem) for problem in errors], [str(problem) for problem in warnings]


def test_what_a_host_says() -> None:
    flows = [FORWARD, {"action": "drop", "source": ["lan"]}, {"action": "accept", "destination": ["192.168.0.1"]}]
    errors, warnings = on_host(read_flows(flows, INTERFACES), {"192.168.0.10", "192.168.0.1"})
    assert [error.partition(".")[0] for error in errors] == [
        "mx: the target 192",
        "flow-2: this host has no interface eth2",
    ]
    assert warnings == [
        "flow-3: the destination 192.168.0.1 is this host itself; only what it routes is filtered here. Filter it in "
        "the host's own firewall"
    ]


def test_egress_address_that_is_not_there_is_a_warning() -> None:
    found = read_flows([{"action": "snat", "source": ["192.168.0.10"], "egress_address": "203.0.113.1"}], INTERFACES)
    assert on_host(found, {"203.0.113.1"}) == ([], [])
    assert "203.0.113.1 is not an address of this host" in on_host(found, {"203.0.113.2"})[1][0]
