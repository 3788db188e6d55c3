# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every declaration, whatever it is: tried on generated ones."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.server import server_configuration
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import declare
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import STAGES, Transition
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.model import Inventory
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import compile_plan
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import tables
from hypothesis import assume, given
from hypothesis import strategies as st

SECRET = "correct-horse-battery-staple"
INSIDE_ONLY = "corp.lan"
INSIDE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Sound declarations: front-ends (direct or nat, as servers or relays), servers behind relays, devices, backups.

    Public IPv4 is 9.9.x.y, public IPv6 2a00::/16; inside 192.168.x.y and fd00::/8. The last part is the host's number,
    so that no two hosts have an address in common.
    """
    fronts = draw(st.integers(1, 4))
    hidden = draw(st.integers(0, 4))
    ipv6 = draw(st.booleans())
    firewall = draw(st.booleans())
    domains = [f"d{number}.example" for number in range(draw(st.integers(1, 3)))]
    by_update = {"provider": "rfc2136", "key_name": "k", "key_secret": SECRET}
    by_token = {"provider": "cloudflare", "api_token": SECRET}
    dns: dict[str, Any] = {"default": draw(st.sampled_from([by_update, by_token, {"provider": "manual"}]))}
    if draw(st.booleans()):
        dns["internal"] = by_update
    entries: list[dict[str, Any]] = [{"name": name} for name in domains]
    if draw(st.booleans()):
        entries[-1]["backup_mx"] = ["mx.provider.example", {"name": f"late.{domains[0]}", "addresses": ["9.7.0.1"]}]
    inside_only = "internal" in dns and draw(st.booleans())
    if inside_only:
        entries.insert(draw(st.integers(0, len(entries))), {"name": INSIDE_ONLY, "dns": "internal"})
    inside_zones = [domains[0], INSIDE_ONLY] if inside_only else domains[:1]
    shared: dict[str, Any] = {"mail_domains": entries, "mail_dns": dns}
    hosts: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {"mail_servers": [], "mail_relays": [], "mail_gateways": [], "mail_firewalls": []}
    interfaces = {"wan": ["eth0"], "dmz": ["eth1"], "lan": ["eth2"]}
    for number in range(1, fronts + 1):
        name = f"front{number}"
        translated = draw(st.booleans())
        addresses = [f"192.168.1.{number}" if translated else f"9.9.0.{number}"]
        if ipv6:
            addresses.append(f"2a00::{number}")
        if ipv6 and translated and draw(st.booleans()):
            addresses.append(f"fd00::{number}")
        host: dict[str, Any] = {
            "mail_topology": "nat" if translated else "direct",
            "mail_fqdn": f"mx{number}.{domains[0]}",
            "mail_addresses": addresses,
            "mail_preference": draw(st.integers(0, 50)),
        }
        if translated:
            host["mail_public_addresses"] = [f"9.9.1.{number}"]
            if draw(st.booleans()):
                host["mail_gateway"] = f"gateway{number}"
                groups["mail_gateways"].append(f"gateway{number}")
                hosts[f"gateway{number}"] = {"mail_interfaces": interfaces}
        if firewall:
            host["mail_firewalls"] = ["firewall"]
        if draw(st.booleans()):
            host["mail_accept_from"] = draw(
                st.sampled_from([["9.8.0.0/16"], ["2a01::/32"], ["2a01::/32", "9.8.0.0/16"]])
            )
        hosts[name] = host
        groups["mail_relays" if hidden and draw(st.booleans()) else "mail_servers"].append(name)
    if hidden and not groups["mail_relays"]:
        groups["mail_relays"].append(groups["mail_servers"].pop())
    for number in range(11, 11 + hidden):
        hosts[f"hidden{number}"] = {
            "mail_topology": "relay",
            "mail_fqdn": f"hidden{number}.{draw(st.sampled_from(inside_zones))}",
            "mail_addresses": [f"192.168.2.{number}", *([f"2a00::{number}"] if ipv6 else [])],
            "mail_relays": draw(st.permutations(groups["mail_relays"])),
            **({"mail_firewalls": ["firewall"]} if firewall else {}),
        }
        groups["mail_servers"].append(f"hidden{number}")
    if not groups["mail_servers"]:
        groups["mail_servers"].append(groups["mail_relays"].pop())
    if firewall:
        hosts["firewall"] = {"mail_interfaces": interfaces}
        groups["mail_firewalls"].append("firewall")
    return Inventory({name: {**shared, **variables} for name, variables in hosts.items()}, groups)


def is_inside(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in INSIDE)


@given(inventories())
def test_nothing_inside_is_told_to_the_outside(inventory: Inventory) -> None:
    plan = compile_plan(inventory)
    hidden = {
        variables["mail_fqdn"] for variables in inventory.hosts.values() if variables.get("mail_topology") == "relay"
    }
    told = [
        rrset for key, zones in plan["dns"].items() if key != "internal" for held in zones.values() for rrset in held
    ]
    told += [record for record in plan["expect"]["records"] if record["view"] == "public"]
    told += [
        record for request in plan["manual"] if request["owner"].startswith("dns: ") for record in request["records"]
    ]
    assert told
    assert INSIDE_ONLY not in json.dumps(
        [told, [request for request in plan["manual"] if request["owner"].startswith("backup MX: ")]]
    )
    for rrset in told:
        assert rrset["name"] not in hidden
        for value in rrset["values"]:
            assert not is_inside(value)
            assert value.split()[-1].rstrip(".") not in hidden


@given(inventories(), inventories())
def test_nothing_inside_is_told_to_the_outside_on_the_way_from_one_state_to_another(
    former: Inventory, new: Inventory
) -> None:
    """The zones go to another DNS host too."""
    for variables in new.hosts.values():
        variables["mail_dns"] = {**variables["mail_dns"], "other": {"provider": "rfc2136"}}
        variables["mail_domains"] = [{"dns": "other", **domain} for domain in variables["mail_domains"]]
    transition = Transition(compile_plan(former), compile_plan(new))
    for stage in STAGES:
        dns = transition.plan(stage)["dns"]
        told = [rrset for key, zones in dns.items() if key != "internal" for held in zones.values() for rrset in held]
        assert told
        assert INSIDE_ONLY not in json.dumps(told)
        assert "hidden" not in json.dumps(told)
        assert not any(is_inside(value) for rrset in told for value in rrset["values"])


@given(inventories())
def test_every_mx_has_an_address_in_every_view(inventory: Inventory) -> None:
    plan = compile_plan(inventory)
    for zones in plan["dns"].values():
        rrsets = [rrset for held in zones.values() for rrset in held]
        named = {"mx.provider.example"}  # whose address is its provider's business
        named |= {rrset["name"] for rrset in rrsets if rrset["type"] in ("A", "AAAA")}
        targets = {
            value.split()[1].rstrip(".") for rrset in rrsets if rrset["type"] == "MX" for value in rrset["values"]
        }
        assert targets
        assert targets <= named


@given(inventories())
def test_credentials_are_nowhere(inventory: Inventory) -> None:
    plan = compile_plan(inventory)
    assert SECRET not in json.dumps(plan)
    assert SECRET not in tables(plan)


@given(inventories())
def test_every_part_takes_what_the_plan_says(inventory: Inventory) -> None:
    """DNS, firewall and Postfix raise nothing and find no problem."""
    plan = compile_plan(inventory)
    for zones in plan["dns"].values():
        records = [{**rrset, "zone": zone} for zone, held in zones.items() for rrset in held]
        assert declare({str(number): record for number, record in enumerate(records)}).problems == []
    for device, flows in plan["flows"].items():
        assert read_flows(flows, inventory.hosts[device]["mail_interfaces"]).flows
    for relay in plan["relay"].values():
        assert relay_configuration("relay", relay, Former())
    for server in plan["server"].values():
        assert server_configuration("server", server, {})


def verdict(flows: list[dict[str, Any]], source: str, source_side: str, target: str, target_side: str) -> str:
    """What the flows of a filtering device do with a connection: the first that matches, else it is let alone."""

    def matches(peers: list[str], address: str, side: str) -> bool:
        return any(peer in (side, address, "any") for peer in peers)

    for flow in flows:
        if matches(flow["source"], source, source_side) and matches(flow["destination"], target, target_side):
            return flow["action"]
    return "let alone"


@given(inventories())
def test_firewall_keeps_the_table_of_topologies(inventory: Inventory) -> None:
    """The rows of the design's table, asked of the flows packet by packet."""
    plan = compile_plan(inventory)
    assume("firewall" in plan["flows"])
    flows = plan["flows"]["firewall"]
    topology = {name: variables.get("mail_topology") for name, variables in inventory.hosts.items()}
    for name, variables in inventory.hosts.items():
        for own in variables.get("mail_addresses", []):
            stranger, insider = ("2a00:ff::1", "2a00:ee::1") if ":" in own else ("9.99.0.1", "192.168.2.250")
            if topology[name] == "relay":
                assert verdict(flows, stranger, "wan", own, "lan") == "drop"
                assert verdict(flows, own, "lan", stranger, "wan") == "drop"
                for relay in variables["mail_relays"]:
                    for theirs in inventory.hosts[relay]["mail_addresses"]:
                        if (":" in theirs) == (":" in own):
                            assert verdict(flows, theirs, "dmz", own, "lan") == "accept"
                            assert verdict(flows, own, "lan", theirs, "dmz") == "accept"
            elif name in plan["server"] or name in plan["relay"]:
                if not own.startswith("fd"):
                    expected = "drop" if "mail_accept_from" in variables else "accept"
                    assert verdict(flows, stranger, "wan", own, "dmz") == expected
                assert verdict(flows, own, "dmz", stranger, "wan") == "accept"
                for public in variables.get("mail_public_addresses", []):
                    assert verdict(flows, "192.168.2.250", "lan", public, "wan") == "accept"
            assert verdict(flows, insider, "lan", stranger, "wan") == "drop"
