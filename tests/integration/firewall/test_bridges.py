# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where frames pass by the rules: what a bridge forwards, the host does not route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Gateway, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOWS: list[dict[str, Any]] = [
    {"name": "in", "action": "accept", "source": ["wan"], "destination": ["203.0.113.17"]},
    {"name": "relay", "action": "accept", "source": ["203.0.113.17"], "destination": ["203.0.113.10"]},
    {"name": "closed", "action": "drop", "source": ["wan"], "destination": ["203.0.113.10"]},
    {"name": "no-egress", "action": "drop", "source": ["203.0.113.10"], "destination": ["wan"]},
]
PORTS = {"wan": ["eth0"], "dmz": ["eth1"], "lan": ["eth2"]}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A transparent one: hosts on each of three ports of a bridge, which has an address of the same network."""
    gateway = Gateway()
    nodes = [Node(name) for name in ("outside", "relay", "server")]
    gateway.run(
        "ip link add br0 type bridge; ip link set br0 up; ip address add 203.0.113.30/24 dev br0;"
        "ip address add 2001:db8:113::30/64 dev br0 nodad;"
        "ip link add lan0 type bridge; ip link set lan0 up; ip address add 192.168.0.1/24 dev lan0"
    )
    for number, (node, host) in enumerate(zip(nodes, (25, 17, 10), strict=True)):
        port = f"eth{number}"
        gateway.run(f"ip link add {port} type veth peer name e0 netns {node.pid}; ip link set {port} master br0 up")
        node.run(f"ip address add 203.0.113.{host}/24 dev e0; ip link set e0 up")
    yield gateway
    for node in (*nodes, gateway):
        node.close()


@pytest.mark.parametrize("filtered", [0, 1])
def test_interfaces_that_are_ports_of_one_bridge_are_refused(gateway: Gateway, filtered: int) -> None:
    gateway.run(f"sysctl -qw net.bridge.bridge-nf-call-iptables={filtered}", check=False)
    message = gateway.refuse(FLOWS, interfaces=PORTS)
    assert (
        "interface eth0: it is a port of the bridge br0, as eth1 and eth2 are, and this host does not route" in message
    )
    assert "nomaster" in message


def test_one_port_is_refused_and_its_bridge_named(gateway: Gateway) -> None:
    message = gateway.refuse(FLOWS[:1], interfaces={"wan": ["eth0"]})
    assert "interface eth0: it is a port of the bridge br0" in message
    assert "Name br0 in 'interfaces'" in message
    message = gateway.refuse(FLOWS, interfaces={"wan": ["eth0"], "lan": ["br0"]})
    assert "interface eth0: it is a port of the bridge br0" in message


# What ip(8) shows of a port of a bond; not every kernel that tests run on has bonds.
_BOND = """#!/bin/sh
case "$*" in
"-j -d link show") echo '[{"ifname": "lan0", "master": "bond0", "linkinfo": {"info_slave_kind": "bond"}}]' ;;
*) exec /mnt/ip "$@" ;;
esac
"""


def test_a_part_of_a_bond_is_refused(gateway: Gateway) -> None:
    program = gateway.run("realpath $(command -v ip)").stdout.strip()
    gateway.run(
        f"cat >/mnt/bond; cp {program} /mnt/ip; chmod +x /mnt/bond; mount --bind /mnt/bond {program}", stdin=_BOND
    )
    message = gateway.refuse(FLOWS, interfaces={"wan": ["lan0"]})
    assert "interface lan0: it is a part of bond0" in message
    assert "Name bond0 in 'interfaces'" in message


def test_a_drop_between_hosts_on_one_bridge_is_refused(gateway: Gateway) -> None:
    """The rules see what the bridge itself gets, and no frame that goes from port to port."""
    message = gateway.refuse(FLOWS, interfaces={"wan": ["br0"]})
    assert "closed: what goes from br0 to 203.0.113.10 passes between ports of the bridge br0" in message
    assert "no-egress: what goes from 203.0.113.10 to br0 passes between ports of the bridge br0" in message
    six = {"name": "six", "action": "reject", "source": ["2001:db8:113::/64"], "destination": ["2001:db8:113::10"]}
    assert "six: what goes from 2001:db8:113::/64 to 2001:db8:113::10 passes" in gateway.refuse([six])


def test_a_bridge_that_is_routed_is_taken(gateway: Gateway) -> None:
    flows = [
        {"name": "closed", "action": "drop", "source": ["wan"], "destination": ["192.168.0.10"]},
        # Of its two parts one is routed.
        {"name": "no-egress", "action": "drop", "source": ["wan", "lan"], "destination": ["wan"]},
        {"name": "relay", "action": "accept", "source": ["203.0.113.17"], "destination": ["203.0.113.10"]},
        {"name": "far", "action": "drop", "source": ["wan"], "destination": ["198.51.100.0/24"]},
    ]
    assert not gateway.apply(flows, interfaces={"wan": ["br0"], "lan": ["lan0"]}).get("warnings")


def test_check_mode_warns(gateway: Gateway) -> None:
    warnings = gateway.apply(FLOWS, interfaces=PORTS, check_mode=True)["warnings"]
    assert any("interface eth0: it is a port of the bridge br0" in str(warning) for warning in warnings)
