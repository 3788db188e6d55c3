# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others who have rules on the same gateway: what they do works before, during and after ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .test_nat import FLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Network

# As fail2ban's action nftables writes it (with the hook of forwarded packets), as libvirt's nftables backend does, and
# as somebody does by hand.
NEIGHBOURS = """
table inet f2b-table {
    set addr-set-web { type ipv4_addr; elements = { 203.0.113.66 } }
    chain f2b-chain {
        type filter hook forward priority filter - 1; policy accept;
        tcp dport { 25, 80 } ip saddr @addr-set-web reject with tcp reset
    }
}
table ip libvirt_network {
    chain guest_nat {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 masquerade
    }
}
table ip by_hand {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname internet ip daddr 203.0.113.1 tcp dport 80 dnat to 192.168.0.50
    }
}
"""


@pytest.fixture
def neighbours(network: Network) -> Iterator[Network]:
    network.gateway.run("nft -f -", stdin=NEIGHBOURS)
    # A guest of libvirt's, whose network is on the same cable here.
    network.gateway.run("ip address add 192.168.122.1/24 dev lan")
    network["insider"].run(
        "ip address add 192.168.122.2/24 dev lan; ip route add 203.0.113.0/24 via 192.168.122.1 src 192.168.122.2"
    )
    yield network
    network["insider"].run("ip route del 203.0.113.0/24; ip address del 192.168.122.2/24 dev lan")
    network.gateway.run("ip address del 192.168.122.1/24 dev lan")


def listing(network: Network) -> str:
    """Their rules, whatever else is there."""
    tables = ("inet f2b-table", "ip libvirt_network", "ip by_hand")
    return network.gateway.run("; ".join(f"nft --handle list table {table}" for table in tables)).stdout


def assert_they_work(network: Network) -> None:
    assert network["outside"].connect("203.0.113.1", 80) == "203.0.113.25"
    assert network["stranger"].attempt("203.0.113.1", 80, marker="203.0.113.25") == "ECONNREFUSED"
    assert network["insider"].connect("203.0.113.25", 80) == "203.0.113.1"


def test_they_work_before_during_and_after(neighbours: Network) -> None:
    gateway, before = neighbours.gateway, listing(neighbours)
    assert_they_work(neighbours)
    gateway.apply(FLOWS)
    assert_they_work(neighbours)
    assert neighbours["outside"].connect("203.0.113.1") == "203.0.113.25"
    # Whom they have banned stays out of the mail server too.
    assert neighbours["stranger"].attempt("203.0.113.1", marker="203.0.113.25") == "ECONNREFUSED"
    assert listing(neighbours) == before
    gateway.apply([{**FLOWS[0], "translate_source": True}, *FLOWS[1:]])
    assert_they_work(neighbours)
    assert listing(neighbours) == before
    gateway.firewall(name="test", state="absent")
    assert_they_work(neighbours)
    assert listing(neighbours) == before
    assert "inbound_mail" not in gateway.rules()
