# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each error on its own: a good inventory with one thing wrong gives that error and no other."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

GOOD = yaml.safe_load(
    """
all:
  vars:
    mail_domains: [{name: example.org}]
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53, key_name: k, key_secret: 'a secret of some length'}}
mail_servers:
  hosts:
    direct: {mail_topology: direct, mail_fqdn: mx1.example.org, mail_addresses: [9.9.0.10, '2a00::10']}
    nat:
      mail_topology: nat
      mail_fqdn: mx2.example.org
      mail_addresses: [192.168.0.10]
      mail_public_addresses: [9.9.0.1]
      mail_gateway: router
    hidden:
      mail_topology: relay
      mail_fqdn: hidden.example.org
      mail_addresses: [192.168.0.11]
      mail_relays: [relay]
      mail_firewalls: [firewall]
mail_relays:
  hosts:
    relay:
      mail_topology: direct
      mail_fqdn: mx3.example.org
      mail_addresses: [9.9.0.17]
      mail_firewalls: [firewall]
mail_gateways:
  hosts:
    router: {mail_addresses: [9.9.0.1, 192.168.0.1], mail_interfaces: {wan: [eth0], lan: [eth1]}}
    other: {mail_addresses: [9.9.0.2, 192.168.0.2], mail_interfaces: {wan: [eth0], lan: [eth1]}}
mail_firewalls:
  hosts:
    firewall: {mail_interfaces: {wan: [eth0], dmz: [eth1], lan: [eth2]}}
"""
)


class Absent:
    """Take the variable out."""


def changed(host: str, variables: dict[str, Any]) -> str:
    """The good inventory with other variables of one host, or of all."""
    inventory = copy.deepcopy(GOOD)
    if host == "all":
        places = [inventory["all"]["vars"]]
    else:
        places = [group["hosts"][host] for name, group in inventory.items() if name != "all" and host in group["hosts"]]
    for place in places:
        for name, value in variables.items():
            if value is Absent:
                del place[name]
            else:
                place[name] = value
    return yaml.safe_dump(inventory, sort_keys=False)


def domain(**keys: Any) -> dict[str, Any]:
    return {"mail_domains": [{"name": "example.org", **keys}]}


ONE_HOST = [
    # what is changed on which host; then the variable that the error names, a part of what is wrong, of the remedy
    ("direct", {"mail_topology": Absent}, "mail_topology", "is not set", "direct (it is on the internet itself)"),
    ("direct", {"mail_topology": "dirct"}, "mail_topology", "'dirct' is no topology", "nat (a device translates"),
    ("direct", {"mail_topology": ["nat"]}, "mail_topology", "is a list", "direct"),
    ("direct", {"mail_fqdn": Absent}, "mail_fqdn", "no MX can point to the host", "public name"),
    ("direct", {"mail_fqdn": "mx1"}, "mail_fqdn", "not a fully qualified name", "whole name"),
    ("direct", {"mail_fqdn": "9.9.0.10"}, "mail_fqdn", "an address where a name belongs", "Write a name"),
    ("direct", {"mail_fqdn": "mx_1.example.org"}, "mail_fqdn", "'mx_1' is more than letters", "Write a name"),
    ("direct", {"mail_fqdn": "localhost.localdomain"}, "mail_fqdn", "not a fully qualified name", "whole name"),
    ("direct", {"mail_fqdn": 5}, "mail_fqdn", "is a number", "Write a name"),
    ("direct", {"mail_addresses": Absent}, "mail_addresses", "is not set", "own addresses"),
    ("direct", {"mail_addresses": []}, "mail_addresses", "is not set", "own addresses"),
    ("direct", {"mail_addresses": ["9.9.0.300"]}, "mail_addresses", "'9.9.0.300' is not an IP address", "192.168.0.10"),
    ("direct", {"mail_addresses": ["9.9.0.10/24"]}, "mail_addresses", "has a prefix length", "Write 9.9.0.10 alone"),
    ("direct", {"mail_addresses": ["fe80::1%eth0"]}, "mail_addresses", "one link only", "other hosts can reach"),
    ("hidden", {"mail_addresses": ["192.168.0.11", "fe80::1"]}, "mail_addresses", "'fe80::1' holds", "can reach"),
    (
        "direct",
        {"mail_addresses": ["127.0.0.1"]},
        "mail_addresses",
        "cannot be the address of a host",
        "single address",
    ),
    ("direct", {"mail_addresses": {"a": 1}}, "mail_addresses", "is a dictionary", "Write a list"),
    ("direct", {"mail_addresses": [10]}, "mail_addresses", "holds a number", "single address"),
    ("direct", {"mail_addresses": ["192.168.0.5"]}, "mail_addresses", "private (RFC 1918)", "mail_topology: nat"),
    ("direct", {"mail_addresses": ["fd00::5"]}, "mail_addresses", "unique local (RFC 4193)", "mail_topology: nat"),
    (
        "direct",
        {"mail_addresses": ["203.0.113.5"]},
        "mail_addresses",
        "documentation (RFC 5737)",
        "Take 203.0.113.5 out",
    ),
    (
        "direct",
        {"mail_addresses": ["100.64.0.5"]},
        "mail_addresses",
        "carrier-grade NAT",
        "Use a relay elsewhere",
    ),
    ("direct", {"mail_preference": 65536}, "mail_preference", "outside 0..65535", "0 to 65535"),
    ("direct", {"mail_preference": -1}, "mail_preference", "outside 0..65535", "0 to 65535"),
    ("direct", {"mail_preference": "low"}, "mail_preference", "not a whole number", "0 to 65535"),
    ("direct", {"mail_preference": True}, "mail_preference", "is true or false", "0 to 65535"),
    ("direct", {"mail_accept_from": ["9.9.1.1/24"]}, "mail_accept_from", "an address within a network", "9.9.1.0/24"),
    ("direct", {"mail_accept_from": ["all"]}, "mail_accept_from", "'all' is not a network", "Write networks"),
    ("direct", {"mail_queue_lifetime": "101d"}, "mail_queue_lifetime", "longer than the 100 days", "100d"),
    ("direct", {"mail_firewalls": ["wall"]}, "mail_firewalls", "'wall' is not in the inventory", "mail_firewalls"),
    ("direct", {"mail_firewalls": ["hidden"]}, "mail_firewalls", "hidden is not in the group", "mail_firewalls"),
    ("direct", {"mail_local_delivery": "maybe"}, "mail_local_delivery", "neither true nor false", "true or false"),
    ("nat", {"mail_public_addresses": Absent}, "mail_public_addresses", "hosts outside cannot reach", "outside IPv4"),
    ("nat", {"mail_public_addresses": ["10.0.0.1"]}, "mail_public_addresses", "10.0.0.1 is private", "outside IPv4"),
    (
        "nat",
        {"mail_public_addresses": ["100.64.1.2"]},
        "mail_public_addresses",
        "carrier-grade NAT",
        "Use a relay elsewhere",
    ),
    ("nat", {"mail_public_addresses": ["2a00::1"]}, "mail_public_addresses", "never translated", "mail_addresses"),
    ("nat", {"mail_addresses": ["2a00::9"]}, "mail_addresses", "no IPv4 address", "mail_topology: direct"),
    ("nat", {"mail_gateway": "gone"}, "mail_gateway", "'gone' is not in the inventory", "group mail_gateways"),
    (
        "nat",
        {"mail_gateway": "firewall"},
        "mail_gateway",
        "firewall is not in the group mail_gateways",
        "mail_gateways",
    ),
    ("nat", {"mail_gateway": ["router"]}, "mail_gateway", "is a list, not text", "Write a name"),
    ("nat", {"mail_gateway": "other"}, "mail_gateway", "its way back is not through other", "mail_gateway: router"),
    ("hidden", {"mail_relays": Absent}, "mail_relays", "is not set", "group mail_relays"),
    ("hidden", {"mail_relays": ["relai"]}, "mail_relays", "'relai' is not in the inventory", "correct the name"),
    ("hidden", {"mail_relays": ["direct"]}, "mail_relays", "direct is not in the group mail_relays", "mail_relays"),
    ("hidden", {"mail_addresses": ["2a00::77"]}, "mail_relays", "no address family in common", "both an IPv4"),
    ("relay", {"mail_fqdn": "mx1.example.org"}, "mail_fqdn", "two different sets of addresses", "its own name"),
    ("router", {"mail_interfaces": Absent}, "mail_interfaces", "the gateway has no interfaces", "{wan: [eth0]"),
    ("router", {"mail_restrict_egress": 3}, "mail_restrict_egress", "neither true nor false", "true or false"),
    ("firewall", {"mail_interfaces": Absent}, "mail_interfaces", "the firewall has no interfaces", "{wan: [eth0]"),
    ("firewall", {"mail_interfaces": {"lan": ["a"]}}, "mail_interfaces", "no set 'wan'", "{wan: [eth0]"),
    ("firewall", {"mail_interfaces": {"wan": ["a"]}}, "mail_interfaces", "nothing is inside", "lan: [eth1]"),
    ("firewall", {"mail_interfaces": {"wan": ["a"], "lan": []}}, "mail_interfaces", "'lan' has no interface", "{wan"),
    ("firewall", {"mail_interfaces": {"wan": ["a"], "any": ["b"]}}, "mail_interfaces", "'any' cannot name", "{wan"),
    (
        "firewall",
        {"mail_interfaces": {"wan": ["a"], "lan": ["a"]}},
        "mail_interfaces",
        "'wan' and 'lan'",
        "one of them",
    ),
    (
        "firewall",
        {"mail_interfaces": {"wan": ["a b"], "lan": ["x"]}},
        "mail_interfaces",
        "name of an interface",
        "{wan",
    ),
    ("firewall", {"mail_interfaces": ["eth0"]}, "mail_interfaces", "is a list, not a dictionary", "{wan: [eth0]"),
]

ALL_HOSTS = [
    ({"mail_domains": Absent}, "mail_domains", "is not set", "group_vars/all.yml"),
    ({"mail_domains": []}, "mail_domains", "is empty", "group_vars/all.yml"),
    ({"mail_domains": None}, "mail_domains", "is empty", "group_vars/all.yml"),
    (
        domain(recipients={"validation": "static", "addresses": ["info", "bob@example.com"]}),
        "mail_domains",
        "example.org: recipients: 'bob@example.com' is not an address of example.org",
        "info@example.org",
    ),
    (
        domain(recipients={"validation": "static", "maps": ["people"]}),
        "mail_domains",
        "'people' is not a lookup table of Postfix",
        "texthash:/etc/postfix/people",
    ),
    ({"mail_domains": "example.org"}, "mail_domains", "is text, not a list", "[{name: example.org}]"),
    ({"mail_domains": ["example.org"]}, "mail_domains", "[0]: is text, not a dictionary", "{name: example.org}"),
    ({"mail_domains": [{"dns": "default"}]}, "mail_domains", "has no 'name'", "Add 'name'"),
    (domain(nam="x"), "mail_domains", "[0] (example.org): there is no key 'nam'", "Did you mean 'name'?"),
    (domain(colour="x"), "mail_domains", "there is no key 'colour'", "Known are name, servers"),
    ({"mail_domains": [{"name": "exa mple.org"}]}, "mail_domains", "has a space in it", "as example.org"),
    ({"mail_domains": [{"name": "info@example.org"}]}, "mail_domains", "cannot be a mail domain", "as example.org"),
    ({"mail_domains": [{"name": "*.example.org"}]}, "mail_domains", "'*' is more than letters", "as example.org"),
    ({"mail_domains": [{"name": "example.org,example.net"}]}, "mail_domains", "'org,example' is", "as example.org"),
    ({"mail_domains": [{"name": "example"}]}, "mail_domains", "not a fully qualified name", "the whole name"),
    ({"mail_domains": [{"name": "9.9.9.9"}]}, "mail_domains", "an address where a name belongs", "as example.org"),
    (
        {"mail_domains": [{"name": "example.org"}, {"name": "EXAMPLE.org."}]},
        "mail_domains",
        "example.org is there twice",
        "one entry",
    ),
    (domain(servers=["post"]), "mail_domains", "'post' is no mail server", "mail_servers"),
    (domain(servers=["relay"]), "mail_domains", "'relay' is no mail server", "mail_servers"),
    (domain(servers=[]), "mail_domains", "has no server", "null_mx: true"),
    (domain(ttl=-5), "mail_domains", "ttl: -5 is outside", "seconds"),
    (domain(ttl="a day"), "mail_domains", "ttl: 'a day' is not a whole number", "seconds"),
    (domain(queue_lifetime=14), "mail_domains", "queue_lifetime: is a number, not a time", "a number and its unit"),
    (domain(queue_lifetime="2 days"), "mail_domains", "queue_lifetime: '2 days' is not a time", "as 5d, 12h"),
    (domain(queue_lifetime="15w"), "mail_domains", "15w is longer than the 100 days", "100d at most"),
    (domain(dns="cloud"), "mail_domains", "mail_dns has no 'cloud'", "default"),
    (domain(zone="example.net"), "mail_domains", "is not in the zone example.net", "leave 'zone' out"),
    (domain(null_mx=True, servers=["nat"]), "mail_domains", "a null MX says", "Take out null_mx"),
    (
        domain(null_mx=True, backup_mx=[{"name": "b.example.com"}]),
        "mail_domains",
        "and backup_mx that it does",
        "null_mx",
    ),
    (domain(backup_mx=[{"preference": 20}]), "mail_domains", "backup_mx: [0]: has no 'name'", "Add 'name'"),
    (domain(backup_mx={"name": "9.9.9.9"}), "mail_domains", "an address where a name belongs", "Write a name"),
    (domain(backup_mx=[{"name": "backup"}]), "mail_domains", "not a fully qualified name", "whole name"),
    (
        domain(backup_mx=[{"name": "b.example.com", "preference": 10}]),
        "mail_domains",
        "the backup MX b.example.com (10) does not come after the primaries (10)",
        "above 10",
    ),
    (
        domain(backup_mx=[{"name": "b.example.com", "preference": 70000}]),
        "mail_domains",
        "b.example.com: preference: 70000 is outside 0..65535",
        "0 to 65535",
    ),
    (
        domain(backup_mx=[{"name": "backup.example.org"}]),
        "mail_domains",
        "the MX backup.example.org has no address, although its zone example.org is ours",
        "'addresses'",
    ),
    (
        domain(backup_mx=[{"name": "b.example.com", "addresses": ["10.1.1.1"]}]),
        "mail_domains",
        "has 10.1.1.1, which is private",
        "the world reaches",
    ),
    (
        domain(backup_mx=[{"name": "mx1.example.org", "addresses": ["9.9.7.7"]}], servers=["nat"]),
        "mail_domains",
        "mx1.example.org is direct, a host of ours",
        "by 'servers'",
    ),
    (
        domain(backup_mx=[{"name": "b.example.com"}, {"name": "b.example.com"}]),
        "mail_domains",
        "b.example.com is an MX twice",
        "Name it once",
    ),
    (
        {
            "mail_domains": [
                {"name": "example.org", "backup_mx": [{"name": "b.example.com", "addresses": ["9.9.7.7"]}]},
                {"name": "example.net", "backup_mx": [{"name": "b.example.com", "addresses": ["9.9.7.8"]}]},
            ]
        },
        "mail_domains",
        "example.net: b.example.com has other addresses than in example.org",
        "same addresses",
    ),
    ({"mail_dns": Absent}, "mail_dns", "is not set", "provider: manual"),
    ({"mail_dns": {}}, "mail_dns", "is empty", "provider: manual"),
    ({"mail_dns": {"default": {"port": float("inf")}}}, "mail_dns", "default.port: is not a number", "a number"),
    ({"mail_dns": ["default"]}, "mail_dns", "is a list, not a dictionary", "{default: {provider: rfc2136"),
    ({"mail_dns": {"default": "ns1"}}, "mail_dns", "default: is text, not a dictionary", "{default:"),
    ({"mail_dns": {"default": {"provider": "carrier pigeon"}}}, "mail_dns", "no such provider", "manual"),
    ({"mail_dns": {"default": {"servr": "9.9.9.9"}}}, "mail_dns", "default: there is no key 'servr'", "'server'?"),
    ({"mail_dns": {"default": {"protocol": "tpc"}}}, "mail_dns", "default.protocol: there is no such", "udp, tcp, tls"),
    ({"mail_dns": {"default": {"key_algorithm": "md5"}}}, "mail_dns", "there is no such key_algorithm", "hmac-sha256"),
    ({"mail_dns": {"default": {"port": "domain"}}}, "mail_dns", "default.port: is not a number", "a number"),
    ({"mail_dns": {"default": {"port": 99999}}}, "mail_dns", "default.port: is no port", "1 to 65535"),
    ({"mail_dns": {"default": {"timeout": "10s"}}}, "mail_dns", "default.timeout: is not a number", "a number"),
    (
        {"mail_dns": {"default": {"server": ["9.9.9.53"]}}},
        "mail_dns",
        "default.server: is a list, not text",
        "one text",
    ),
    ({"mail_dns": {"default": {"key_name": "k"}}}, "mail_dns", "default: has no 'key_secret'", "Add it"),
    ({"mail_dns": {"default": {"key_secret": "of some length"}}}, "mail_dns", "default: has no 'key_name'", "Add it"),
    ({"mail_dns": {"default": {"url": "https://x.org"}}}, "mail_dns", "rfc2136 has no use for it", "Leave it out"),
    ({"mail_dns": {"default": {"provider": "powerdns"}}}, "mail_dns", "default: has no 'url'", "Add it"),
    (
        {"mail_dns": {"default": {"provider": "powerdns", "url": "https://admin:hunter2@ns1.example.org"}}},
        "mail_dns",
        "default.url: it has a user name or a password in it. Leave them out",
        "Write it as https://ns1.example.org:8081",
    ),
    (
        {"mail_dns": {"default": {"former_exchanges": ["mx.example.org"]}}},
        "mail_dns",
        "there is no key 'former_exchanges'",
        "Known are",
    ),
    (
        {"mail_dns": {"a": {"provider": "manual"}, "b": {"provider": "manual"}}},
        "mail_domains",
        "example.org: does not say who hosts it",
        "dns: a or b",
    ),
    ({"mail_dns": {"internal": {"provider": "manual"}}}, "mail_domains", "does not say who hosts it", "dns: internal"),
    ({"mail_zones": [{"name": "example.net", "tl": 5}]}, "mail_zones", "there is no key 'tl'", "'ttl'?"),
    ({"mail_zones": [{"name": "example.net", "dns": "x"}]}, "mail_zones", "mail_dns has no 'x'", "default"),
    (
        {
            "mail_dns": {"default": {"provider": "manual"}, "b": {"provider": "manual"}},
            "mail_zones": [{"name": "example.org", "dns": "b"}],
        },
        "mail_domains",
        "example.org is said to be hosted elsewhere",
        "the same dns",
    ),
    ({"mail_public_networks": ["fe80::1%eth0"]}, "mail_public_networks", "one link only", "2001:db8::/32"),
    ({"mail_public_networks": ["2001:db8::%eth0/64"]}, "mail_public_networks", "one link only", "192.0.2.0/24"),
    ({"mail_public_networks": ["9.9.9.9.9"]}, "mail_public_networks", "is not a network", "192.0.2.0/24"),
    ({"mail_inside_networks": 5}, "mail_inside_networks", "is a number, not a list", "Write a list"),
]


def test_the_good_inventory_is_good(plan_of: Any) -> None:
    plan = plan_of(yaml.safe_dump(GOOD, sort_keys=False))
    # One router is idle, and the domain has servers of each kind.
    assert [warning["variable"] for warning in plan["warnings"]] == ["mail_domains", "mail_firewalls"]


@pytest.mark.parametrize(("host", "variables", "variable", "message", "remedy"), ONE_HOST)
def test_error_of_a_host(
    host: str, variables: dict[str, Any], variable: str, message: str, remedy: str, errors_of: Any
) -> None:
    errors = errors_of(changed(host, variables))
    assert len(errors) == 1, errors
    assert errors[0]["host"] == host
    assert errors[0]["variable"] == variable
    assert message in errors[0]["message"]
    assert remedy in errors[0]["remedy"]


@pytest.mark.parametrize(("variables", "variable", "message", "remedy"), ALL_HOSTS)
def test_error_of_all_hosts(
    variables: dict[str, Any], variable: str, message: str, remedy: str, errors_of: Any
) -> None:
    errors = errors_of(changed("all", variables))
    assert len(errors) == 1, errors
    assert errors[0]["host"] == ""
    assert errors[0]["variable"] == variable
    assert message in errors[0]["message"]
    assert "hunter2" not in str(errors)
    assert remedy in errors[0]["remedy"]


@pytest.mark.parametrize(
    "endpoint",
    [
        {"provider": "manual", "key_name": "", "key_secret": ""},
        {"server": "ns1.example.net", "port": "53", "timeout": 2.5, "key_name": "", "key_secret": ""},
        {"provider": "powerdns", "url": "http://9.9.9.53", "options": {"server_id": "one"}, "prune": True},
        {"server": "ns1.example.net", "key_algorithm": "gss-tsig"},
    ],
)
def test_endpoint_that_is_good(endpoint: dict[str, Any], plan_of: Any) -> None:
    assert plan_of(changed("all", {"mail_dns": {"default": endpoint}}))["dns"]["default"]


def test_two_hosts_claim_one_public_address(errors_of: Any) -> None:
    (error,) = errors_of(changed("nat", {"mail_public_addresses": ["9.9.0.10"]}))
    assert (error["host"], error["variable"]) == ("nat", "mail_public_addresses")
    assert "9.9.0.10 is already the public address of direct" in error["message"]


def test_device_has_a_mail_hosts_address(errors_of: Any) -> None:
    (error,) = errors_of(changed("other", {"mail_addresses": ["9.9.0.10"]}))
    assert (error["host"], error["variable"]) == ("other", "mail_addresses")
    assert "9.9.0.10 is also an address of direct" in error["message"]


@pytest.mark.parametrize(
    ("host", "address", "of"),
    [("second", "192.168.0.11", "hidden"), ("nat", "192.168.0.1", "router"), ("second", "10.0.0.17", "relay")],
    ids=["two servers of a relay", "a host and its gateway", "a server and its relay"],
)
def test_address_inside_of_two_who_meet(host: str, address: str, of: str, errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    servers = inventory["mail_servers"]["hosts"]
    # Where nobody talks to both, two networks may have the same addresses.
    servers["second"] = {"mail_topology": "relay", "mail_addresses": ["192.168.0.10"], "mail_relays": ["relay"]}
    inventory["mail_relays"]["hosts"]["relay"] |= {"mail_topology": "nat", "mail_public_addresses": ["9.9.0.17"]}
    inventory["mail_relays"]["hosts"]["relay"]["mail_addresses"] = ["10.0.0.17"]
    servers[host]["mail_addresses"] = [address]
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert error["variable"] == "mail_addresses"
    assert {error["host"], *error["message"].replace(",", "").split()} >= {host, of, address}


@pytest.mark.parametrize(
    ("host", "variables", "variable", "topology"),
    [
        ("direct", {"mail_relays": ["relay"]}, "mail_relays", "relay"),
        ("direct", {"mail_gateway": "router"}, "mail_gateway", "nat"),
        ("direct", {"mail_public_addresses": ["9.9.0.55"]}, "mail_public_addresses", "nat"),
        ("hidden", {"mail_gateway": "router"}, "mail_gateway", "nat"),
        ("nat", {"mail_relays": ["relay"]}, "mail_relays", "relay"),
    ],
)
def test_variable_of_another_topology(
    host: str, variables: dict[str, Any], variable: str, topology: str, plan_of: Any
) -> None:
    (warning,) = [each for each in plan_of(changed(host, variables))["warnings"] if each["host"] == host]
    assert warning["variable"] == variable
    assert f"it is for mail_topology: {topology}" in warning["message"]


def test_gateway_without_an_inside_address(errors_of: Any) -> None:
    (error,) = errors_of(changed("router", {"mail_addresses": ["9.9.0.1"]}))
    assert (error["host"], error["variable"]) == ("nat", "mail_gateway")
    assert "its way back is not through router, which has no IPv4 address inside" in error["message"]


def test_nat_to_its_own_address(errors_of: Any) -> None:
    errors = errors_of(changed("nat", {"mail_addresses": ["9.9.0.9"], "mail_public_addresses": ["9.9.0.9"]}))
    assert [(error["variable"], error["message"]) for error in errors] == [
        ("mail_public_addresses", "9.9.0.9 is the host's own address")
    ]


def test_own_gateway(errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    inventory["mail_gateways"]["hosts"]["nat"] = {"mail_interfaces": {"wan": ["a"], "lan": ["b"]}}
    inventory["mail_servers"]["hosts"]["nat"] |= {"mail_gateway": "nat"}
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert (error["host"], error["variable"]) == ("nat", "mail_gateway")
    assert "named as its own gateway" in error["message"]


def test_server_behind_relays_that_is_the_firewall(errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    inventory["mail_firewalls"]["hosts"]["hidden"] = {"mail_interfaces": {"wan": ["a"], "lan": ["b"]}}
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert (error["host"], error["variable"]) == ("hidden", "mail_topology")
    assert "cannot be a gateway or firewall as well" in error["message"]


def test_name_that_a_server_would_have_is_taken(errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    hosts = inventory["mail_servers"]["hosts"]
    hosts["mx3"] = {name: value for name, value in hosts.pop("hidden").items() if name != "mail_fqdn"}
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert (error["host"], error["variable"]) == ("mx3", "mail_fqdn")
    assert "mx3.example.org, which it would be, is the name of relay" in error["message"]


@pytest.mark.parametrize("inventory_name", ["192.168.0.11", "post office"])
def test_server_that_cannot_have_the_name_of_the_inventory(inventory_name: str, errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    hosts = inventory["mail_servers"]["hosts"]
    hosts[inventory_name] = {name: value for name, value in hosts.pop("hidden").items() if name != "mail_fqdn"}
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert (error["host"], error["variable"]) == (inventory_name, "mail_fqdn")
    assert error["message"].startswith("is not set, and the host's name in the inventory does not do for it: ")
    assert "mailbox.example.org" in error["remedy"]


def test_relays_that_form_a_loop(errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    inventory["mail_relays"]["hosts"]["relay"] |= {"mail_topology": "relay", "mail_relays": ["second"]}
    inventory["mail_relays"]["hosts"]["second"] = {
        "mail_topology": "relay",
        "mail_fqdn": "second.example.org",
        "mail_addresses": ["9.9.0.18"],
        "mail_relays": ["relay"],
    }
    # Who is behind relays and names no firewall is taken to be behind those of its relays.
    del inventory["mail_relays"]["hosts"]["relay"]["mail_firewalls"]
    errors = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    loops = [error for error in errors if "loop" in error["message"]]
    assert [(error["host"], error["message"]) for error in loops] == [
        ("relay", "the relays form a loop: relay -> second -> relay")
    ]
    assert all(error["remedy"] for error in errors)


def test_relay_behind_a_relay(errors_of: Any) -> None:
    (error,) = errors_of(changed("relay", {"mail_topology": "relay"}))
    assert (error["host"], error["variable"]) == ("relay", "mail_topology")
    assert "a relay is not itself behind a relay" in error["message"]


def test_server_and_relay_at_once(errors_of: Any) -> None:
    inventory = copy.deepcopy(GOOD)
    inventory["mail_relays"]["hosts"]["direct"] = {}
    (error,) = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert (error["host"], error["variable"]) == ("direct", "mail_topology")
    assert "one Postfix cannot be both" in error["message"]


def test_no_mail_server(errors_of: Any) -> None:
    errors = errors_of("{all: {vars: {mail_domains: [{name: example.org}], mail_dns: {default: {provider: manual}}}}}")
    assert [(error["variable"], error["message"]) for error in errors] == [("mail_servers", "the group has no host")]


@pytest.mark.parametrize(
    ("group", "meant"),
    [("mail_gateway", "mail_gateways"), ("mail-servers", "mail_servers"), ("mail_vantage", "mail_vantages")],
)
def test_group_with_a_name_that_is_nearly_one_of_ours(group: str, meant: str, plan_of: Any) -> None:
    inventory = {**copy.deepcopy(GOOD), group: {"hosts": {"somebody": {}}}, "mailing_lists": {"hosts": {"else": {}}}}
    # A part of one of ours is no mistake.
    inventory["mail_servers_1"] = {"hosts": {"direct": {}}}
    (warning,) = [each for each in plan_of(yaml.safe_dump(inventory))["warnings"] if "group" in each["message"]]
    assert (warning["host"], warning["variable"]) == ("", group)
    assert f"Did you mean {meant}?" in warning["remedy"]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"mail_domains": [{"name": "example.org", "ttl": 300}]}, "in [0].ttl"),
        ({"mail_domains": [{"name": "example.org"}, {"name": "example.net"}]}, "differs from that of"),
        ({"mail_dns": {"default": {"provider": "manual"}}}, "in default"),
        ({"mail_zones": [{"name": "example.net"}]}, "it is not set there"),
        ({"mail_public_networks": ["192.0.2.0/24"]}, "it is not set there"),
    ],
)
def test_shared_variable_differs_on_one_host(value: dict[str, Any], where: str, errors_of: Any) -> None:
    (error,) = errors_of(changed("nat", value))
    assert error["host"] == "nat"
    assert [error["variable"]] == list(value)
    assert where in error["message"]
    assert "group_vars/all.yml" in error["remedy"]


def test_differing_credentials_are_told_without_showing_them(errors_of: Any) -> None:
    endpoint = dict(GOOD["all"]["vars"]["mail_dns"]["default"], key_secret="another secret of some length")
    (error,) = errors_of(changed("nat", {"mail_dns": {"default": endpoint}}))
    assert error["message"].endswith("in default.key_secret")
    assert "secret of some length" not in str(error)


def test_bad_credentials_are_not_shown(errors_of: Any) -> None:
    dns = {"default": {"provider": "s3cret", "key_secret": ["s3cret"], "key_secrt": "s3cret"}}
    errors = errors_of(changed("all", {"mail_dns": dns}))
    assert len(errors) == 2
    assert "s3cret" not in str(errors)


def test_all_errors_at_once(errors_of: Any) -> None:
    """Everything that is wrong is found in one run, host by host."""
    inventory = copy.deepcopy(GOOD)
    hosts = inventory["mail_servers"]["hosts"]
    hosts["direct"] |= {"mail_addresses": ["192.168.0.5"], "mail_preference": 70000}
    hosts["nat"] |= {"mail_public_addresses": []}
    hosts["hidden"] |= {"mail_relays": ["relai"], "mail_addresses": ["192.168.0.11/24", "192.168.0.300"]}
    inventory["mail_firewalls"]["hosts"]["firewall"]["mail_interfaces"] = {"wan": ["a b"], "any": ["c"]}
    del inventory["mail_gateways"]["hosts"]["router"]["mail_interfaces"]
    inventory["all"]["vars"]["mail_domains"] += [{"name": "example.org"}, {"nme": "example.net"}]
    errors = errors_of(yaml.safe_dump(inventory, sort_keys=False))
    assert [(error["host"], error["variable"]) for error in errors] == [
        ("", "mail_domains"),
        ("", "mail_domains"),
        ("", "mail_domains"),
        ("direct", "mail_preference"),
        ("direct", "mail_addresses"),
        ("nat", "mail_public_addresses"),
        ("hidden", "mail_addresses"),
        ("hidden", "mail_addresses"),
        ("hidden", "mail_relays"),
        ("router", "mail_interfaces"),
        ("firewall", "mail_interfaces"),
        ("firewall", "mail_interfaces"),
    ]
    assert all(error["message"] and error["remedy"] for error in errors)
