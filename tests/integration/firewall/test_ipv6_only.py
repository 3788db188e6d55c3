# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network without any IPv4: its firewall filters and routes IPv6, and nothing of IPv4 is switched on for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import Network, serving_network

SERVER, RELAY, INSIDER, OUTSIDE = "2001:db8:10::10", "2001:db8:1::17", "2001:db8:10::50", "2001:db8:113::25"
# The DMZ table: only the relay talks to the outside, and to the server.
FLOWS = [
    {"name": "in", "action": "accept", "source": ["wan"], "destination": [RELAY]},
    {"name": "out", "action": "accept", "source": [RELAY], "destination": ["wan"]},
    {"name": "to-server", "action": "accept", "source": [RELAY], "destination": [SERVER]},
    {"name": "server", "action": "drop", "source": ["any"], "destination": [SERVER]},
    {"name": "rest", "action": "drop", "source": ["dmz", "lan"], "destination": ["wan"]},
]
DROPS = """
*filter
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -p tcp -m tcp --sport 80 -j ACCEPT
-A FORWARD -p ipv6-icmp -j ACCEPT
COMMIT
"""


@pytest.fixture(scope="module")
def six() -> Iterator[Network]:
    with serving_network() as network:
        for node in network.nodes.values():
            node.run("ip -4 address flush scope global")
        yield network


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_mail_takes_the_relay_and_ipv4_stays_as_it_was(six: Network, backend: str) -> None:
    gateway = six.gateway
    gateway.run("nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    if backend == "iptables":
        gateway.run("ip6tables-restore", stdin=DROPS)
    before = gateway.state()
    result = gateway.apply(FLOWS)
    assert result["backend"] == backend
    assert not result.get("warnings")
    assert six["outside"].connect(RELAY) == OUTSIDE
    assert six["relay"].connect(OUTSIDE) == RELAY
    assert six["relay"].connect(SERVER) == RELAY
    assert six["outside"].attempt(SERVER) == "silence"
    assert six["mail"].attempt(OUTSIDE) == "silence"
    assert six["insider"].attempt(OUTSIDE) == "silence"
    # The same network, so not by the gateway; and what is no mail goes on as before.
    assert six["insider"].connect(SERVER) == INSIDER
    assert six["outside"].connect(SERVER, 80) == OUTSIDE
    assert gateway.run("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding").stdout == "0\n1\n"
    assert "table ip " not in gateway.rules()
    assert not gateway.apply(FLOWS)["changed"]
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before
