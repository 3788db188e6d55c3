# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside a masquerade of others that is not limited to the outer interface: whom a server sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .test_dmz import FLOWS as DMZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Gateway, Network

_NFT = "nft 'add table {0} x; add chain {0} x p {{type nat hook postrouting priority {1};}}; add rule {0} x p {2}'"
_KUBE_MARKS = "-t mangle -A PREROUTING -p tcp -j MARK --or-mark 0x4000"
_KUBE = "-t nat -A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"
# As others have them, for all that is routed, or for what goes on to the inside.
EVERYTHING = {
    "iptables": "for program in iptables ip6tables; do $program -t nat -A POSTROUTING -j MASQUERADE; done",
    "iptables-legacy": "for p in iptables-legacy ip6tables-legacy; do $p -t nat -A POSTROUTING -j MASQUERADE; done",
    "snat": "iptables -t nat -A POSTROUTING -j SNAT --to 203.0.113.1;"
    "ip6tables -t nat -A POSTROUTING -j SNAT --to 2001:db8:113::1",
    "nft": _NFT.format("inet", "srcnat", "masquerade"),
    "nft-early": _NFT.format("inet", "0", "masquerade"),
    "nft-very-early": _NFT.format("inet", "-190", "masquerade"),
    "kube-proxy": f"for program in iptables ip6tables; do $program {_KUBE_MARKS}; $program {_KUBE}; done",
}
TO_THE_INSIDE = {
    "inner-interface": "for program in iptables ip6tables; do for interface in lan dmz; do"
    " $program -t nat -A POSTROUTING -o $interface -j MASQUERADE; done; done",
    "flannel": "for range in 192.168.0.0/24 198.51.100.0/24; do"
    " iptables -t nat -A POSTROUTING ! -s $range -d $range -j MASQUERADE; done;"
    "for range in 2001:db8:1::/64 2001:db8:10::/64; do"
    " ip6tables -t nat -A POSTROUTING ! -s $range -d $range -j MASQUERADE; done",
    "ufw": "iptables-restore <<'X'\n*nat\n-A POSTROUTING -s 203.0.113.0/24 -o lan -j MASQUERADE\n"
    "-A POSTROUTING -s 203.0.113.0/24 -o dmz -j MASQUERADE\n-A POSTROUTING -s 198.51.100.0/24 -o lan -j MASQUERADE\n"
    "COMMIT\nX\n"
    "ip6tables -t nat -A POSTROUTING -j MASQUERADE",
}
masquerades = pytest.mark.parametrize(
    "masquerade", [*EVERYTHING.values(), *TO_THE_INSIDE.values()], ids=[*EVERYTHING, *TO_THE_INSIDE]
)
everything = pytest.mark.parametrize("masquerade", [*EVERYTHING.values()], ids=[*EVERYTHING])

MX: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.2",
    "targets": [{"address": "192.168.0.10"}],
}
NAT: list[dict[str, Any]] = [
    MX,
    {
        "name": "out",
        "action": "snat",
        "source": ["192.168.0.10"],
        "destination": ["wan"],
        "egress_address": "203.0.113.2",
    },
    {"name": "egress", "action": "accept", "source": ["192.168.0.10"], "destination": ["wan"]},
    {"name": "no-egress", "action": "drop", "source": ["dmz", "lan"], "destination": ["wan"]},
]


@pytest.fixture
def gateway(network: Network) -> Iterator[Gateway]:
    """As in the other files, and without the legacy tables of iptables at the end."""
    yield network.gateway
    network.gateway.run("for program in iptables ip6tables; do $program-legacy -t nat -F; done")


@masquerades
def test_a_forward_keeps_the_sender(network: Network, gateway: Gateway, masquerade: str) -> None:
    gateway.run(masquerade)
    before = gateway.state()
    gateway.apply(NAT)
    assert network["outside"].connect("203.0.113.2") == "203.0.113.25"
    assert network["mail"].connect("203.0.113.25") == "203.0.113.2"
    # The server would answer a client of its own network directly.
    assert network["insider"].connect("203.0.113.2") == "192.168.0.1"
    assert not gateway.apply(NAT)["changed"]
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


@masquerades
def test_accepted_mail_keeps_the_sender(network: Network, gateway: Gateway, masquerade: str) -> None:
    gateway.run(masquerade)
    before = gateway.state()
    gateway.apply(DMZ)
    assert network["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert network["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert network["relay"].connect("192.168.0.10") == "198.51.100.17"
    assert network["relay"].connect("2001:db8:10::10") == "2001:db8:1::17"
    assert not gateway.apply(DMZ)["changed"]
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


@everything
def test_what_no_flow_is_about_is_still_translated_by_others(
    network: Network, gateway: Gateway, masquerade: str
) -> None:
    gateway.run(masquerade)
    for flows in (NAT, DMZ):
        gateway.apply(flows)
        assert network["insider"].connect("203.0.113.25", 80) in ("203.0.113.1", "203.0.113.2")
        assert network["insider"].connect("2001:db8:113::25", 80) == "2001:db8:113::1"


@everything
def test_mail_leaves_as_others_have_it_leave(network: Network, gateway: Gateway, masquerade: str) -> None:
    """Where no ``snat`` is declared: no answer would come back to a private address, nor over another uplink."""
    gateway.run(masquerade)
    gateway.apply([MX, *NAT[2:]])
    assert network["mail"].connect("203.0.113.25") in ("203.0.113.1", "203.0.113.2")
    gateway.apply([{"name": "all", "action": "accept"}])
    assert network["mail"].connect("203.0.113.25") in ("203.0.113.1", "203.0.113.2")
    gateway.apply(DMZ)
    assert network["relay"].connect("203.0.113.25") in ("203.0.113.1", "203.0.113.2")
    assert network["relay"].connect("2001:db8:113::25") == "2001:db8:113::1"


@everything
def test_clients_that_are_declared_hidden_stay_so(network: Network, gateway: Gateway, masquerade: str) -> None:
    gateway.run(masquerade)
    gateway.apply([{**MX, "translate_source": True}, *NAT[1:]])
    assert network["outside"].connect("203.0.113.2") != "203.0.113.25"
    # A second table that accepts the same connections does not show them.
    accept = {"name": "in", "action": "accept", "source": ["wan"], "destination": ["192.168.0.10"]}
    gateway.apply([accept, {"name": "rest", "action": "drop", "source": ["dmz"]}], name="second")
    assert network["outside"].connect("203.0.113.2") != "203.0.113.25"
    gateway.firewall(name="second", state="absent")


def test_the_translation_of_others_for_inside_clients_is_left_alone(network: Network, gateway: Gateway) -> None:
    """Their forward and their masquerade of clients whom the server would answer directly belong together."""
    gateway.run(
        "iptables -t nat -A PREROUTING -d 203.0.113.2 -p tcp --dport 587 -j DNAT --to 192.168.0.10;"
        "iptables -t nat -A POSTROUTING -j MASQUERADE"
    )
    gateway.apply([{"name": "submission", "action": "accept", "destination": ["192.168.0.10"], "ports": [587]}, *NAT])
    assert network["insider"].connect("203.0.113.2", 587) == "192.168.0.1"
    assert network["outside"].connect("203.0.113.2", 587) == "203.0.113.25"


@everything
def test_without_a_set_wan_a_sender_with_a_public_address_is_kept(
    network: Network, gateway: Gateway, masquerade: str
) -> None:
    gateway.run(masquerade)
    backup = {**MX, "source": ["203.0.113.25"]}
    smarthost = {"name": "out", "action": "accept", "source": ["192.168.0.10"], "destination": ["203.0.113.25"]}
    into = {"name": "in", "action": "accept", "destination": ["198.51.100.17"]}
    gateway.apply([backup, smarthost, into], interfaces={})
    assert network["outside"].connect("203.0.113.2") == "203.0.113.25"
    assert network["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert network["mail"].connect("203.0.113.25") in ("203.0.113.1", "203.0.113.2")


@everything
def test_a_second_uplink_that_is_in_no_set_still_translates(
    network: Network, gateway: Gateway, masquerade: str
) -> None:
    gateway.run(masquerade)
    accept = {"name": "out", "action": "accept", "source": ["192.168.0.10"]}
    into = {"name": "in", "action": "accept", "source": ["any"], "destination": ["192.168.0.10"]}
    gateway.apply([accept, into], interfaces={"wan": ["dmz"], "lan": ["lan"]})
    assert network["mail"].connect("203.0.113.25") in ("203.0.113.1", "203.0.113.2")
    assert network["outside"].connect("192.168.0.10") == "203.0.113.25"


@pytest.mark.parametrize("masquerade", ["iptables", "kube-proxy", "nft-early"])
def test_beside_rules_of_iptables_that_drop(network: Network, gateway: Gateway, masquerade: str) -> None:
    gateway.run(f"{EVERYTHING[masquerade]}; iptables -P FORWARD DROP; ip6tables -P FORWARD DROP")
    answers = "-m conntrack --ctstate ESTABLISHED -j ACCEPT"
    gateway.run(f"iptables -A FORWARD {answers}; ip6tables -A FORWARD {answers}")
    assert gateway.apply([MX, *DMZ])["backend"] == "iptables"
    assert network["outside"].connect("203.0.113.2") == "203.0.113.25"
    assert network["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert network["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert network["relay"].connect("192.168.0.10") == "198.51.100.17"
