# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several servers behind one public address, by one name."""

from __future__ import annotations

from typing import Any

import pytest


def inventory(second: str = "", gateway: str = "mail_gateway: gw", domains: str = "{name: example.org}") -> str:
    return f"""
all:
  vars:
    mail_domains: [{domains}]
    mail_dns: {{default: {{provider: rfc2136}}, internal: {{provider: rfc2136}}}}
mail_servers:
  vars: {{mail_topology: nat, mail_fqdn: mail.example.org, mail_public_addresses: [9.9.0.1], {gateway}}}
  hosts:
    one: {{mail_addresses: [192.168.0.11, '2600::11'], mail_weight: 3}}
    two: {{mail_addresses: [192.168.0.12, '2600::12']{second}}}
mail_gateways: {{vars: {{mail_interfaces: {{wan: [eth0], lan: [eth1]}}}}, hosts: {{gw: {{}}, other: {{}}}}}}
"""


def test_one_name_one_forward_by_weight(plan_of: Any) -> None:
    plan = plan_of(inventory())
    assert plan["dns"]["default"]["example.org"] == [
        {"name": "example.org", "type": "MX", "values": ["10 mail.example.org."], "ttl": 3600},
        {"name": "mail.example.org", "type": "A", "values": ["9.9.0.1"], "ttl": 3600},
        # IPv6 is not translated: senders choose there.
        {"name": "mail.example.org", "type": "AAAA", "values": ["2600::11", "2600::12"], "ttl": 3600},
    ]
    (forward,) = [flow for flow in plan["flows"]["gw"] if flow["action"] == "forward"]
    assert forward["targets"] == [{"address": "192.168.0.11", "weight": 3}, {"address": "192.168.0.12"}]
    leaving = {tuple(flow["source"]) for flow in plan["flows"]["gw"] if flow["action"] == "snat"}
    assert leaving == {("192.168.0.11",), ("192.168.0.12",)}


def test_inside_the_name_leads_to_both(plan_of: Any) -> None:
    inside = plan_of(inventory())["dns"]["internal"]["example.org"]
    assert inside[1]["values"] == ["192.168.0.11", "192.168.0.12"]


def test_the_shared_address_is_asked_once_and_a_message_looked_for_at_both(plan_of: Any) -> None:
    expect = plan_of(inventory())["expect"]
    asked = [address for one in expect["smtp"] for address in one["addresses"]]
    assert sorted(asked) == ["2600::11", "2600::12", "9.9.0.1"]
    assert [port["address"] for port in expect["ports"]].count("9.9.0.1") == 1
    assert expect["delivery"][0]["servers"] == ["one", "two"]


def test_whoever_keeps_the_router_is_asked_once(plan_of: Any) -> None:
    plan = plan_of(inventory(gateway="mail_accept_from: []"))
    (request,) = [one for one in plan["manual"] if one["owner"].startswith("device: NAT")]
    assert "9.9.0.1 to 192.168.0.11 and 192.168.0.12 in turn" in request["what"]


@pytest.mark.parametrize(
    ("text", "variable", "message"),
    [
        (inventory(", mail_gateway: other"), "mail_gateway", "is not that of one"),
        (inventory(", mail_preference: 20"), "mail_preference", "is not that of one"),
        (inventory(", mail_accept_from: [9.9.8.0/24]"), "mail_accept_from", "is not that of one"),
        (inventory(", mail_public_addresses: [9.9.0.2]"), "mail_public_addresses", "is not that of one"),
        (inventory(domains="{name: example.org, servers: [one]}, {name: example.net, servers: [two]}"),
         "mail_domains", "it takes mail for example.net, and one"),
        (inventory(", mail_fqdn: other.example.org"), "mail_public_addresses", "9.9.0.1 is already the public address"),
        (inventory(", mail_weight: 0"), "mail_weight", "0 is outside 1..1000"),
    ],
)  # fmt: skip
def test_what_would_make_a_difference_is_an_error(errors_of: Any, text: str, variable: str, message: str) -> None:
    found = [error for error in errors_of(text) if error["variable"] == variable]
    assert found and message in found[0]["message"] and found[0]["host"] == "two"
