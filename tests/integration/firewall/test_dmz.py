# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall around a relay in a DMZ, cell by cell, in IPv4 and IPv6."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Network

RELAY = {4: "198.51.100.17", 6: "2001:db8:1::17"}
MAIL = {4: "192.168.0.10", 6: "2001:db8:10::10"}
OUTSIDE = {4: "203.0.113.25", 6: "2001:db8:113::25"}
FLOWS: list[dict[str, Any]] = [
    {"name": "in", "action": "accept", "source": ["wan"], "destination": [*RELAY.values()]},
    {"name": "out", "action": "accept", "source": [*RELAY.values()], "destination": ["wan"]},
    {"name": "to-server", "action": "accept", "source": [*RELAY.values()], "destination": [*MAIL.values()]},
    {"name": "from-server", "action": "accept", "source": [*MAIL.values()], "destination": [*RELAY.values()]},
    {"name": "server", "action": "drop", "source": "any", "destination": [*MAIL.values()]},
    {"name": "egress", "action": "drop", "source": ["dmz", "lan"], "destination": ["wan"]},
]
families = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="class")
def filtered(whole_network: Network) -> Iterator[Network]:
    gateway = whole_network.gateway
    gateway.apply(FLOWS)
    yield whole_network
    gateway.firewall(name="test", state="absent")


class TestTable:
    """Who reaches whom with one and the same set of rules."""

    @families
    @pytest.mark.parametrize(
        ("source", "destination"),
        [
            ("outside", RELAY),
            ("stranger", RELAY),
            ("relay", MAIL),
            ("mail", RELAY),
            ("relay", OUTSIDE),
            ("insider", RELAY),
        ],
    )
    def test_gets_through(self, filtered: Network, source: str, destination: dict[int, str], family: int) -> None:
        filtered[source].connect(destination[family])

    @families
    @pytest.mark.parametrize(
        ("source", "destination"), [("outside", MAIL), ("stranger", MAIL), ("mail", OUTSIDE), ("insider", OUTSIDE)]
    )
    def test_stays_out_on_25_alone(
        self, filtered: Network, source: str, destination: dict[int, str], family: int
    ) -> None:
        assert filtered[source].attempt(destination[family]) == "silence"
        filtered[source].connect(destination[family], 587)


@families
def test_the_first_flow_that_matches_decides(network: Network, family: int) -> None:
    first = {"name": "stranger", "action": "reject", "source": ["203.0.113.66", "2001:db8:113::66"]}
    network.gateway.apply([first, *FLOWS])
    assert network["stranger"].attempt(RELAY[family]) == "ECONNREFUSED"
    network["outside"].connect(RELAY[family])
    network.gateway.apply([*FLOWS, first])
    network["stranger"].connect(RELAY[family])


@families
def test_networks_that_lie_in_one_another(network: Network, family: int) -> None:
    """The narrower one is listed first, as it must be, and its neighbours fall to the wider one."""
    narrow = {4: "203.0.113.64/26", 6: "2001:db8:113::40/122"}[family]
    wide = {4: "203.0.113.0/24", 6: "2001:db8:113::/64"}[family]
    flows = [
        {"name": "narrow", "action": "drop", "source": [narrow], "destination": [RELAY[family]]},
        {"name": "wide", "action": "accept", "source": [wide, narrow], "destination": [RELAY[family]]},
        {"name": "rest", "action": "drop", "destination": ["dmz"]},
    ]
    network.gateway.apply(flows)
    network["outside"].connect(RELAY[family])
    assert network["stranger"].attempt(RELAY[family]) == "silence"
    assert network["mail"].attempt(RELAY[family]) == "silence"


@families
def test_from_network_to_network(network: Network, family: int) -> None:
    outside = {4: "203.0.113.0/27", 6: "2001:db8:113::20/123"}[family]
    dmz = {4: "198.51.100.0/24", 6: "2001:db8:1::/64"}[family]
    network.gateway.apply(
        [
            {"name": "some", "action": "accept", "source": [outside], "destination": [dmz]},
            {"name": "rest", "action": "drop", "destination": [dmz]},
        ]
    )
    network["outside"].connect(RELAY[family])
    assert network["stranger"].attempt(RELAY[family]) == "silence"


def test_all_of_one_family(network: Network) -> None:
    network.gateway.apply([{"name": "no-ipv6", "action": "drop", "source": ["::/0"], "destination": ["any"]}])
    network["outside"].connect(RELAY[4])
    assert network["outside"].attempt(RELAY[6]) == "silence"


def test_the_firewall_itself_is_left_alone(network: Network) -> None:
    """Only what is routed is filtered: the host's own mail goes out, and its own server is reached."""
    network.gateway.serve([25])
    network.gateway.apply([{"name": "none", "action": "drop"}])
    assert network.gateway.connect("203.0.113.25") == "203.0.113.1"
    assert network["insider"].connect("192.168.0.1") == "192.168.0.50"


def test_log_names_table_and_flow(network: Network, kernel_log: Callable[[], str]) -> None:
    network.gateway.apply([{**flow, "log": True} for flow in FLOWS])
    network["outside"].connect(RELAY[4])
    assert network["outside"].attempt(MAIL[4]) == "silence"
    seen = re.findall("inbound_mail_test (.+: )IN=internet OUT=(dmz|lan) .* DST=([0-9.]+) ", kernel_log())
    assert [("in accept: ", "dmz", RELAY[4]), ("server drop: ", "lan", MAIL[4])] == seen


@families
def test_a_router_stays_without_connection_tracking(network: Network, family: int) -> None:
    """Filtering does not make the kernel keep a table of everybody's connections, which can overflow."""
    network.gateway.apply(FLOWS)
    network["outside"].connect(RELAY[family])
    assert network.gateway.run("cat /proc/sys/net/netfilter/nf_conntrack_count").stdout.strip() == "0"
