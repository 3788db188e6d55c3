# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet finds its rule in a tree of chains, and looks at few others on its way."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_tree

MANY = 1_000


@dataclass
class Packet:
    """The addresses of a packet; what is left of a rule's words is taken to match."""

    source: str = "203.0.113.25"
    destination: str = "192.168.0.10"
    public: str = "203.0.113.1"

    def matches(self, rule: str) -> bool:
        asked = (("-s", self.source), ("-d", self.destination), ("--ctorigdst", self.public))
        found = [(re.search(rf"(?:^| ){option} (\S+)", rule), address) for option, address in asked]
        return all(
            match is None or ipaddress.ip_address(address) in ipaddress.ip_network(match[1]) for match, address in found
        )


def forward(public: str, target: str = "192.168.0.10") -> str:
    return f"-d {target}/32 -p tcp -m conntrack --ctstate DNAT --ctorigdst {public} -m tcp --dport 25 -j ACCEPT"


def walk(chains: dict[str, list[str]], packet: Packet, chain: str = "c", level: int = 0) -> tuple[bool, int, int]:
    """Whether the packet is accepted, how many rules it looked at, and how deep it went."""
    looked, deepest = 0, level
    for rule in chains[chain]:
        looked += 1
        if packet.matches(rule):
            target = rule.rpartition("-j ")[2]
            if target == "ACCEPT":
                return True, looked, deepest
            accepted, more, depth = walk(chains, packet, target, level + 1)
            looked, deepest = looked + more, max(deepest, depth)
            if accepted:
                return True, looked, deepest
    return False, looked, deepest


def in_sequence(number: int) -> str:
    return f"100.64.{number // 250}.{number % 250 + 1}"


def far_apart(number: int) -> str:
    return str(ipaddress.ip_address((number * 2_654_435_761) % 2**32))


def ever_closer(number: int) -> str:
    """They need more levels than there are, and what is left at the last one is walked down."""
    return str(ipaddress.ip_address((1 << (number % 32)) + number // 32 * 7))


@pytest.mark.parametrize(("address", "most"), [(in_sequence, 30), (far_apart, 30), (ever_closer, MANY // 3)])
def test_a_packet_finds_its_rule_and_looks_at_few_others(address: Callable[[int], str], most: int) -> None:
    addresses = [address(number) for number in range(MANY)]
    to_one_server = {one: (forward(one), Packet(public=one)) for one in addresses}
    to_many = {one: (forward("203.0.113.1", one), Packet(destination=one)) for one in addresses}
    from_many = {
        one: (f"-s {one}/32 -o eth0 -p tcp -m tcp --dport 25 -j ACCEPT", Packet(source=one)) for one in addresses
    }
    for rules in (to_one_server, to_many, from_many):
        chains = iptables_tree.tree("c", "b", (rule for rule, _packet in rules.values()))
        for _rule, packet in rules.values():
            accepted, looked, depth = walk(chains, packet)
            assert accepted
            assert looked <= most
            assert depth <= 10
        accepted, looked, _depth = walk(chains, Packet("192.0.2.1", "192.0.2.1", "192.0.2.1"))
        assert not accepted
        assert looked <= most


def test_few_rules_are_one_chain() -> None:
    rules = [forward(in_sequence(number)) for number in range(16)]
    assert iptables_tree.tree("c", "b", rules) == {"c": sorted(rules)}


def test_all_kinds_of_rules_together_are_found_again() -> None:
    rules = [forward(in_sequence(number), in_sequence(number // 7)) for number in range(MANY)]
    rules += [f"-s {far_apart(number)}/32 -p tcp -m tcp --dport 25 -j ACCEPT" for number in range(MANY)]
    rules += [f"-d 10.0.{number}.0/24 -p tcp -m tcp --dport 25 -j ACCEPT" for number in range(100)]
    rules += [forward("203.0.113.1").replace("dport 25", f"dport {port}") for port in range(100)]
    chains = iptables_tree.tree("c", "b", rules)
    assert iptables_tree.leaves(chains) == sorted(rules)
    assert chains == iptables_tree.tree("c", "b", reversed(rules))
    saved = [f":{chain} - [0:0]" for chain in chains]
    saved += [f"-A {chain} {rule}" for chain, found in chains.items() for rule in found]
    assert iptables_tree.same(iptables_tree.read("c", "b", [*saved, ":bb.1 - [0:0]", "-A c.1 -j ACCEPT"]), chains)
    assert not iptables_tree.same(iptables_tree.read("c", "b", [*saved, ":b.9999 - [0:0]"]), chains)
    for rule in (rules[0], rules[-1], rules[MANY]):
        assert rule in iptables_tree.leaves(chains)


def test_ipv6() -> None:
    addresses = [f"2001:db8:{number:x}::{number:x}" for number in range(MANY)]
    chains = iptables_tree.tree("c", "b", (f"-d {one}/128 -p tcp -m tcp --dport 25 -j ACCEPT" for one in addresses))
    for one in addresses:
        accepted, looked, _depth = walk(chains, Packet("::1", one, "::1"))
        assert accepted
        assert looked <= 30
