# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relays and servers do at the edge: limits, message size, lifetimes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration


def inventory(relay: dict[str, Any], everywhere: dict[str, Any] | None = None) -> str:
    own = {"mail_topology": "direct", "mail_fqdn": "mx.example.org", "mail_addresses": ["9.9.0.17"]}
    behind = {"mail_topology": "relay", "mail_relays": ["edge"], "mail_addresses": ["192.168.0.10", "9.9.0.10"]}
    backup = {"name": "backup.example.net", "addresses": ["9.9.9.9"]}
    shared = {
        "mail_domains": [{"name": "example.org", "backup_mx": [backup]}],
        "mail_dns": {"default": {"provider": "manual"}},
    }
    return yaml.safe_dump(
        {
            "all": {"vars": {**shared, **(everywhere or {})}},
            "mail_servers": {"hosts": {"mailbox": behind}},
            "mail_relays": {"hosts": {"edge": {**own, **relay}}},
        }
    )


def test_message_size_is_the_same_on_both_sides(plan_of: Any) -> None:
    plan = plan_of(inventory({}, {"mail_message_size": "50M"}))
    assert plan["relay"]["edge"]["edge"] == plan["server"]["mailbox"]["edge"] == {"message_size": 52428800}


def test_limits_do_not_count_for_those_that_the_plan_knows(plan_of: Any) -> None:
    limits = {"connections_per_minute": 30, "exempt": ["9.9.8.0/24"]}
    lifetimes = {"mail_queue_lifetime": "7d", "mail_bounce_lifetime": "1d"}
    accept_from = {"mail_accept_from": ["9.9.7.0/24"]}
    plan = plan_of(inventory({"mail_client_limits": limits, **lifetimes, **accept_from}))
    assert plan["relay"]["edge"]["edge"] == {
        "client_limits": {
            "connections_per_minute": 30,
            "exempt": ["192.168.0.10", "9.9.0.10", "9.9.7.0/24", "9.9.9.9", "9.9.8.0/24"],
        },
        "queue_lifetime": "7d",
        "bounce_lifetime": "1d",
    }


def test_postscreen_stands_on_hosts_that_face_the_outside(plan_of: Any) -> None:
    lists = [{"name": "Zen.Example.net", "weight": 2}, {"name": "bl.example.net", "answers": "127.0.0.2"}]
    screen = {"dnsbl": lists, "dnsbl_threshold": 3, "exempt": ["9.9.8.0/24"]}
    plan = plan_of(inventory({"mail_postscreen": screen}))
    assert plan["relay"]["edge"]["edge"]["postscreen"] == {
        "dnsbl": [{"name": "zen.example.net", "weight": 2}, {"name": "bl.example.net", "answers": "127.0.0.2"}],
        "dnsbl_threshold": 3,
        "exempt": ["192.168.0.10", "9.9.0.10", "9.9.9.9", "9.9.8.0/24"],
    }
    plan = plan_of(inventory({}, {"mail_postscreen": True}))
    assert set(plan["relay"]["edge"]["edge"]["postscreen"]) == {"exempt"}
    assert plan["server"]["mailbox"]["edge"] == {}
    assert "mail_postscreen" in [one["variable"] for one in plan["warnings"] if one["host"] == "mailbox"]
    assert plan_of(inventory({"mail_postscreen": False}))["relay"]["edge"]["edge"] == {}


def test_dane_is_for_those_who_send_to_the_outside(plan_of: Any) -> None:
    plan = plan_of(inventory({}, {"mail_tls_outgoing": "dane", "mail_client_limits": {"connections": 9}}))
    assert plan["relay"]["edge"]["edge"]["tls_outgoing"] == "dane"
    assert "tls_outgoing" not in plan["server"]["mailbox"]["edge"]


def test_tls_is_required_of_relays_and_never_of_the_outside(plan_of: Any, errors_of: Any) -> None:
    behind = inventory({}).replace("mail_topology: relay", "mail_topology: relay\n      mail_tls_required: true")
    assert plan_of(behind)["server"]["mailbox"]["edge"] == {"tls_required": True}
    direct = """
all: {vars: {mail_domains: [{name: example.org}], mail_dns: {default: {provider: manual}}}}
mail_servers: {hosts: {mx: {mail_topology: direct, mail_fqdn: mx.example.org, mail_addresses: [9.9.0.1],
                            mail_tls_required: true}}}
"""
    (problem,) = errors_of(direct)
    assert problem["variable"] == "mail_tls_required"


def test_servers_are_hidden_from_the_outside(plan_of: Any) -> None:
    plan = plan_of(inventory({"mail_hide_received": True}))
    assert plan["relay"]["edge"]["edge"] == {"hide_received": {"addresses": ["192.168.0.10", "9.9.0.10", "9.9.0.17"]}}


def test_postfix_takes_what_the_plan_says(plan_of: Any) -> None:
    relay = {
        "mail_postscreen": {"dnsbl": [{"name": "zen.example.net"}]},
        "mail_client_limits": {"connections": 9, "exempt": ["9.9.8.0/24"]},
        "mail_hide_received": True,
        "mail_tls_outgoing": "dane",
        "mail_queue_lifetime": "7d",
        "mail_bounce_lifetime": "1d",
    }
    edge = plan_of(inventory(relay, {"mail_message_size": "50M"}))["relay"]["edge"]["edge"]
    assert set(edge) == {variable.removeprefix("mail_") for variable in (*relay, "mail_message_size")}
    settings = edge_configuration("relay", edge, Former()).settings
    assert settings["message_size_limit"] == "52428800"
    assert settings["postscreen_dnsbl_sites"] == "zen.example.net"
    assert settings["smtpd_client_connection_count_limit"] == "9"


def test_from_outside_the_balancer_alone_reaches_the_host_over_ipv4(plan_of: Any) -> None:
    text = """
all: {vars: {mail_domains: [{name: example.org}], mail_dns: {default: {provider: manual}}}}
mail_servers:
  hosts:
    mx: {mail_topology: nat, mail_fqdn: mx.example.org, mail_addresses: [192.168.0.10, "2a00::10"],
         mail_firewalls: [fw], mail_public_addresses: [9.9.0.1],
         mail_load_balancer: {addresses: [192.168.1.80], port: 10025}}
mail_firewalls: {hosts: {fw: {mail_interfaces: {wan: [eth0], dmz: [eth1]}}}}
"""
    plan = plan_of(text)
    assert plan["server"]["mx"]["edge"] == {"proxy_port": 10025}
    inwards = [flow for flow in plan["flows"]["fw"] if flow["source"] != ["dmz"] and flow["destination"] != ["wan"]]
    assert [(flow["ports"], flow["action"], flow["source"], flow["destination"]) for flow in inwards] == [
        ([25], "accept", ["wan"], ["2a00::10"]),
        ([10025], "accept", ["192.168.1.80"], ["192.168.0.10", "2a00::10"]),
        ([10025], "drop", ["wan"], ["192.168.0.10", "2a00::10"]),
        ([25], "drop", ["wan"], ["192.168.0.10"]),
    ]
    ports = {port["address"]: port["open"] for port in plan["expect"]["ports"]}
    assert ports == {"9.9.0.1": True, "2a00::10": True, "192.168.0.10": False}
    (request,) = [one for one in plan["manual"] if one["owner"] == "device: NAT of mx"]
    assert "Forward TCP 25 of 9.9.0.1 to 192.168.0.10 port 10025 with the PROXY protocol" in request["what"]
    # It makes connections of its own, and need not be what the host's mail to the outside passes.
    assert not {"forward", "snat"} & {flow["action"] for flow in request["flows"]}
    asked_for = [flow["name"] for flow in request["flows"]]
    assert asked_for == ["in6-mx", "balancer-mx", "shut-proxy-mx", "egress-mx", "shut-mx", "no-egress"]


@pytest.mark.parametrize(
    ("variable", "value", "message", "remedy"),
    [
        ("mail_message_size", "50 Megabytes", "'50 Megabytes' is not a size", "52428800 or 50M"),
        ("mail_message_size", "1K", "1024 bytes are outside 65536..2147483647", "52428800 or 50M"),
        ("mail_message_size", 5000 * "9", "is not a size", "52428800 or 50M"),
        ("mail_queue_lifetime", 5, "is a number, not a time with its unit", "Write a number and its unit"),
        ("mail_bounce_lifetime", "1 day", "'1 day' is not a time", "Write a number and its unit"),
        ("mail_client_limits", {"connection": 5}, "there is no key 'connection'", "Did you mean 'connections'?"),
        ("mail_postscreen", {"dnsbl": [{"name": "a.example", "weight": 0}]}, "'0' is not a weight", "a whole number"),
        ("mail_postscreen", {"dnsbl": [{"nam": "a.example"}]}, "there is no key 'nam'", "Did you mean 'name'?"),
        (
            "mail_postscreen",
            {"dnsbl": [{"name": "a.example", "answers": "all"}]},
            "does not match answers of",
            "127.0.0.2",
        ),
        ("mail_postscreen", {"dnsbl": ["a.example"]}, "is text, not a dictionary", "{name: "),
        (
            "mail_postscreen",
            {"dnsbl": [{"name": "a.example"}], "dnsbl_threshold": 2},
            "2 is not between 1 and the sum of the lists' weights, 1",
            "Write the sum of weights",
        ),
        ("mail_tls_outgoing", "secure", "'secure' is no way to send", "may or dane"),
        ("mail_postscreen", {"dnsbl": [{"name": "a.example,$x"}]}, "more than letters, digits", "Write a name"),
        ("mail_load_balancer", {"addresses": [], "port": 10025}, "addresses: is empty", "addresses: [192.0.2.80]"),
        ("mail_load_balancer", {"port": 10025}, "has no 'addresses'", "Add 'addresses'"),
        ("mail_load_balancer", {"addresses": ["9.9.0.1"], "port": 25}, "25 is not a port for", "such as 10025"),
        (
            "mail_load_balancer",
            {"addresses": ["9.9.0.1"], "port": 10025},
            "the world is led to the host itself",
            "mail_topology: nat",
        ),
        ("mail_client_limits", {"exempt": []}, "limits nothing", "connections_per_minute: 60"),
    ],
)
def test_what_cannot_be_read(errors_of: Any, variable: str, value: object, message: str, remedy: str) -> None:
    shared = variable == "mail_message_size"
    found = errors_of(inventory({} if shared else {variable: value}, {variable: value} if shared else {}))
    text = " ".join(str(value) for problem in found for value in problem.values())
    assert message in text
    assert remedy in text


@pytest.mark.parametrize(
    ("size", "octets"), [(65536, 65536), ("64K", 65536), ("50 MB", 52428800), ("1G", 2**30), (2**31 - 1, 2**31 - 1)]
)
def test_units_of_a_message_size(size: int | str, octets: int, plan_of: Any) -> None:
    assert plan_of(inventory({}, {"mail_message_size": size}))["expect"]["smtp"][0]["message_size"] == octets
