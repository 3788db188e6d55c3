# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ordinary practice that must be sayable, each an inventory and what it means."""

from __future__ import annotations

from typing import Any

from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import flow_rows

DNS = "mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}"


def values(plan: dict[str, Any], name: str, kind: str, endpoint: str = "default") -> list[str] | None:
    """The values of an RRset at an endpoint, None if it is not there."""
    for held in plan["dns"].get(endpoint, {}).values():
        for rrset in held:
            if (rrset["name"], rrset["type"]) == (name, kind):
                return rrset["values"]
    return None


def relay_inventory(domains: str, relays: str, servers: str, dns: str = DNS) -> str:
    """Servers behind relays, and a firewall between all of them and the outside."""
    return f"""
all: {{vars: {{mail_domains: {domains}, {dns}}}}}
mail_servers: {{vars: {{mail_topology: relay, mail_firewalls: [fw]}}, hosts: {servers}}}
mail_relays: {{vars: {{mail_topology: direct, mail_firewalls: [fw]}}, hosts: {relays}}}
mail_firewalls: {{hosts: {{fw: {{mail_interfaces: {{wan: [eth0], dmz: [eth1], lan: [eth2]}}}}}}}}
"""


def test_several_public_addresses(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: nat
      mail_fqdn: mail.example.org
      mail_addresses: [192.168.0.10]
      mail_public_addresses: [9.9.0.1, 9.9.1.1]
      mail_gateway: gw
mail_gateways: {{hosts: {{gw: {{mail_interfaces: {{wan: [eth0, eth1], lan: [eth2]}}}}}}}}
"""
    )
    assert values(plan, "mail.example.org", "A") == ["9.9.0.1", "9.9.1.1"]
    assert flow_rows(plan["flows"])[:3] == [
        ("gw", "wan", "9.9.0.1", "25", "forward to 192.168.0.10"),
        ("gw", "wan", "9.9.1.1", "25", "forward to 192.168.0.10"),
        ("gw", "192.168.0.10", "wan", "25", "leave from 9.9.0.1"),
    ]
    assert len({flow["name"] for flow in plan["flows"]["gw"]}) == len(plan["flows"]["gw"])


def test_as_many_own_addresses_as_public_ones_are_forwarded_one_for_one(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: nat
      mail_fqdn: mail.example.org
      mail_addresses: [192.168.0.10, 192.168.1.10]
      mail_public_addresses: [9.9.0.1, 9.9.1.1]
      mail_gateway: gw
mail_gateways: {{hosts: {{gw: {{mail_interfaces: {{wan: [eth0, eth1], lan: [eth2]}}}}}}}}
"""
    )
    assert [row[4] for row in flow_rows(plan["flows"])[:2]] == ["forward to 192.168.0.10", "forward to 192.168.1.10"]


def test_one_relay_before_many_servers_with_domains_at_different_ones(plan_of: Any) -> None:
    plan = plan_of(
        relay_inventory(
            "[{name: example.org, servers: [a]}, {name: example.net, servers: [b]},"
            " {name: example.com, servers: [a, b]}]",
            "{relay: {mail_fqdn: mx.example.org, mail_addresses: [9.9.0.17]}}",
            "{a: {mail_addresses: [192.168.0.10], mail_relays: [relay]},"
            " b: {mail_addresses: [192.168.0.11], mail_relays: [relay]}}",
        )
    )
    hops = {
        domain["name"]: [hop["address"] for hop in domain["next_hops"]] for domain in plan["relay"]["relay"]["domains"]
    }
    assert hops == {
        "example.org": ["192.168.0.10"],
        "example.net": ["192.168.0.11"],
        "example.com": ["192.168.0.10", "192.168.0.11"],
    }
    assert plan["relay"]["relay"]["relay_from"] == ["192.168.0.10", "192.168.0.11"]
    assert {name: server["domains"] for name, server in plan["server"].items()} == {
        "a": ["example.org", "example.com"],
        "b": ["example.net", "example.com"],
    }
    # Names that no MX points to may be left out.
    assert plan["server"]["b"]["fqdn"] == "b.example.net"
    for name in ("example.org", "example.net", "example.com"):
        assert values(plan, name, "MX") == ["10 mx.example.org."]


def test_relay_cluster_of_equal_preference_and_a_last_resort(plan_of: Any) -> None:
    plan = plan_of(
        relay_inventory(
            "[{name: example.org, backup_mx: {name: mx.backup.example, addresses: [9.9.5.5]}}]",
            "{r1: {mail_fqdn: mx1.example.org, mail_addresses: [9.9.0.17]},"
            " r2: {mail_fqdn: mx2.example.org, mail_addresses: [9.9.0.18]}}",
            "{mail: {mail_addresses: [192.168.0.10], mail_relays: [r1, r2]}}",
        )
    )
    assert values(plan, "example.org", "MX") == ["10 mx1.example.org.", "10 mx2.example.org.", "20 mx.backup.example."]
    assert [hop["address"] for hop in plan["server"]["mail"]["smarthosts"]] == ["9.9.0.17", "9.9.0.18"]
    assert plan["server"]["mail"]["accept_from"] == ["9.9.0.17", "9.9.0.18"]
    # The backup's name is in nobody's zone of ours: not written, but looked at.
    assert values(plan, "mx.backup.example", "A") is None
    expected = [record for record in plan["expect"]["records"] if record["name"] == "mx.backup.example"]
    assert [(record["zone"], record["values"]) for record in expected] == [(None, ["9.9.5.5"])]
    assert [request["owner"] for request in plan["manual"]] == ["backup MX: mx.backup.example"]


def test_sites_with_domains_of_their_own(plan_of: Any) -> None:
    """Each gateway has the flows of its own site alone."""
    plan = plan_of(
        f"""
all:
  vars:
    mail_domains: [{{name: example.org, servers: [north]}}, {{name: example.net, servers: [south]}}]
    {DNS}
mail_servers:
  vars: {{mail_topology: nat, mail_addresses: [192.168.0.10]}}
  hosts:
    north: {{mail_fqdn: mx.example.org, mail_public_addresses: [9.9.0.1], mail_gateway: gn}}
    south: {{mail_fqdn: mx.example.net, mail_public_addresses: [9.9.1.1], mail_gateway: gs}}
mail_gateways:
  vars: {{mail_interfaces: {{wan: [eth0], lan: [eth1]}}}}
  hosts: {{gn: {{}}, gs: {{}}}}
"""
    )
    assert values(plan, "example.net", "MX") == ["10 mx.example.net."]
    assert plan["flows"]["gn"][0]["public_address"] == "9.9.0.1"
    assert plan["flows"]["gs"][0]["public_address"] == "9.9.1.1"
    assert all("9.9.1.1" not in row for row in flow_rows({"gn": plan["flows"]["gn"]}))


def test_exchangers_in_a_zone_of_another_domain(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all:
  vars:
    mail_domains: [{{name: customer1.example}}, {{name: customer2.example, ttl: 300}}]
    mail_zones: [{{name: hoster.example, ttl: 7200}}, {{name: mx.hoster.example}}]
    {DNS}
mail_servers:
  hosts:
    mail: {{mail_topology: direct, mail_fqdn: mail.mx.hoster.example, mail_addresses: [9.9.0.10]}}
"""
    )
    assert plan["dns"]["default"] == {
        "customer1.example": [
            {"name": "customer1.example", "type": "MX", "values": ["10 mail.mx.hoster.example."], "ttl": 3600}
        ],
        "customer2.example": [
            {"name": "customer2.example", "type": "MX", "values": ["10 mail.mx.hoster.example."], "ttl": 300}
        ],
        # The longest zone that the name ends with.
        "mx.hoster.example": [{"name": "mail.mx.hoster.example", "type": "A", "values": ["9.9.0.10"], "ttl": 3600}],
    }


def test_exchanger_in_nobodys_zone_is_asked_for(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts:
    mail: {{mail_topology: direct, mail_fqdn: mail.elsewhere.example, mail_addresses: [9.9.0.10]}}
"""
    )
    assert list(plan["dns"]["default"]) == ["example.org"]
    (request,) = plan["manual"]
    assert request["owner"] == "dns: the zone of mail.elsewhere.example"
    assert request["records"] == [{"name": "mail.elsewhere.example", "type": "A", "values": ["9.9.0.10"], "ttl": 3600}]


def test_domain_within_another_zone(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}, {{name: lists.example.org, zone: example.org}}], {DNS}}}}}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert list(plan["dns"]["default"]) == ["example.org"]
    assert values(plan, "lists.example.org", "MX") == ["10 mail.example.org."]
    assert plan["warnings"] == []


def test_zone_at_two_hosts_of_dns(plan_of: Any) -> None:
    plan = plan_of(
        """
all:
  vars:
    mail_domains: [{name: example.org, dns: [a, b]}]
    mail_dns: {a: {provider: rfc2136, server: 9.9.9.1}, b: {provider: rfc2136, server: 9.9.9.2}}
mail_servers:
  hosts: {mail: {mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}
"""
    )
    assert plan["dns"]["a"] == plan["dns"]["b"]
    assert len(plan["expect"]["records"]) == 2  # MX and A, once each: the world sees one zone


def test_dns_that_takes_orders_by_mail(plan_of: Any) -> None:
    plan = plan_of(
        """
all: {vars: {mail_domains: [{name: example.org}], mail_dns: {default: {provider: manual}}}}
mail_servers:
  hosts: {mail: {mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}
"""
    )
    (request,) = plan["manual"]
    assert request["owner"] == "dns: default"
    assert request["records"] == [
        {"zone": "example.org", "name": "example.org", "type": "MX", "values": ["10 mail.example.org."], "ttl": 3600},
        {"zone": "example.org", "name": "mail.example.org", "type": "A", "values": ["9.9.0.10"], "ttl": 3600},
    ]


UNMANAGED = f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}, mail_inside_networks: [192.168.0.0/16]}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: nat
      mail_fqdn: mail.example.org
      mail_addresses: [192.168.0.10, '2a00::10']
      mail_public_addresses: [9.9.0.1]
      mail_firewalls: [fw]
mail_firewalls: {{hosts: {{fw: {{mail_interfaces: {{wan: [eth0], lan: [eth1]}}}}}}}}
"""


def test_unmanaged_router_before_a_managed_firewall(plan_of: Any) -> None:
    plan = plan_of(UNMANAGED)
    (request,) = plan["manual"]
    assert request["owner"] == "device: NAT of mail"
    assert request["what"].startswith(
        "Forward TCP 25 of 9.9.0.1 to 192.168.0.10 and leave the sender's address as it is; "
        "let 192.168.0.10 send to TCP 25 outside, from 9.9.0.1; let TCP 25 through to and from 2a00::10"
    )
    assert flow_rows({"NAT": request["flows"]}) == [
        ("NAT", "wan", "9.9.0.1", "25", "forward to 192.168.0.10"),
        ("NAT", "192.168.0.10", "wan", "25", "leave from 9.9.0.1"),
        ("NAT", "wan", "2a00::10", "25", "accept"),
        ("NAT", "192.168.0.10, 2a00::10", "wan", "25", "accept"),
        ("NAT", "192.168.0.0/16", "wan", "25", "drop"),
    ]
    # The firewall sees the address after translation, and lets insiders out to the public one.
    assert flow_rows(plan["flows"]) == [
        ("fw", "wan", "192.168.0.10, 2a00::10", "25", "accept"),
        ("fw", "192.168.0.10, 2a00::10", "wan", "25", "accept"),
        ("fw", "lan", "9.9.0.1, 2a00::10", "25", "accept"),
        ("fw", "lan", "wan", "25", "drop"),
    ]


def test_unmanaged_firewall_before_a_server_behind_relays(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts: {{mailbox: {{mail_topology: relay, mail_addresses: [192.168.0.10], mail_relays: [relay]}}}}
mail_relays:
  hosts: {{relay: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.17]}}}}
"""
    )
    (request,) = plan["manual"]
    assert request["owner"] == "device: firewall of mailbox"
    assert flow_rows({"fw": request["flows"]}) == [
        ("fw", "9.9.0.17", "192.168.0.10", "25", "accept"),
        ("fw", "192.168.0.10", "9.9.0.17", "25", "accept"),
        ("fw", "wan", "192.168.0.10", "25", "drop"),
        ("fw", "192.168.0.10", "wan", "25", "drop"),
    ]


def test_ipv6_only(plan_of: Any) -> None:
    plan = plan_of(
        relay_inventory(
            "[{name: example.org}]",
            "{relay: {mail_fqdn: mx.example.org, mail_addresses: ['2a00::17']}}",
            "{mail: {mail_addresses: ['fd00::10'], mail_relays: [relay]}}",
        )
    )
    assert values(plan, "mx.example.org", "AAAA") == ["2a00::17"]
    assert values(plan, "mx.example.org", "A") is None
    assert plan["relay"]["relay"]["domains"][0]["next_hops"] == [{"host": "mail", "address": "fd00::10", "port": 25}]


def test_filtering_service_as_mx(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all:
  vars:
    mail_domains:
      - {{name: example.org, exchangers: [{{name: mx1.filter.example, preference: 5}}, mx2.filter.example]}}
    {DNS}
mail_vantages: {{hosts: {{outpost: {{mail_addresses: [9.9.7.7]}}}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: nat
      mail_fqdn: mail.example.org
      mail_addresses: [192.168.0.10, '2a00::10']
      mail_public_addresses: [9.9.0.1]
      mail_gateway: gw
      mail_accept_from: [9.8.0.0/24]
mail_gateways: {{hosts: {{gw: {{mail_interfaces: {{wan: [eth0], lan: [eth1]}}}}}}}}
"""
    )
    assert values(plan, "example.org", "MX") == ["5 mx1.filter.example.", "10 mx2.filter.example."]
    # The service delivers to the server by its name.
    assert values(plan, "mail.example.org", "A") == ["9.9.0.1"]
    assert flow_rows(plan["flows"])[:1] == [("gw", "9.8.0.0/24", "9.9.0.1", "25", "forward to 192.168.0.10")]
    assert ("gw", "wan", "192.168.0.10, 2a00::10", "25", "drop") in flow_rows(plan["flows"])
    # It has no IPv6 network: nobody reaches the server over IPv6.
    assert not any(row[1] == "wan" and row[4] == "accept" for row in flow_rows(plan["flows"]))
    assert plan["server"]["mail"]["accept_from"] == ["9.8.0.0/24"]
    assert {(port["address"], port["open"]) for port in plan["expect"]["ports"]} == {
        ("9.9.0.1", False),
        ("2a00::10", False),
    }
    assert plan["expect"]["smtp"] == plan["expect"]["delivery"] == []
    assert [request["owner"] for request in plan["manual"]] == [
        "service in front: mx1.filter.example and mx2.filter.example"
    ]
    assert plan["warnings"] == []


def test_filtering_service_that_can_be_gone_around_is_a_warning(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org, exchangers: [mx.filter.example]}}], {DNS}}}}}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert [(warning["host"], warning["variable"]) for warning in plan["warnings"]] == [("mail", "mail_accept_from")]


def test_everything_at_a_service_and_no_server_of_ours(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all:
  vars:
    mail_domains:
      - {{name: example.org}}
      - {{name: example.net, servers: [], exchangers: [{{name: example-net.mail.service.example, preference: 0}}]}}
    {DNS}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert values(plan, "example.net", "MX") == ["0 example-net.mail.service.example."]
    assert plan["server"]["mail"]["domains"] == ["example.org"]


def test_null_mx(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}, {{name: example.net, null_mx: true}}], {DNS}}}}}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert values(plan, "example.net", "MX") == ["0 ."]
    assert plan["server"]["mail"]["domains"] == ["example.org"]
    assert [delivery["domain"] for delivery in plan["expect"]["delivery"]] == ["example.org"]


def test_three_servers_of_equal_preference(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  vars: {{mail_topology: direct, mail_preference: 20}}
  hosts:
    c: {{mail_fqdn: c.example.org, mail_addresses: [9.9.0.3]}}
    a: {{mail_fqdn: a.example.org, mail_addresses: [9.9.0.1]}}
    b: {{mail_fqdn: b.example.org, mail_addresses: [9.9.0.2]}}
"""
    )
    assert values(plan, "example.org", "MX") == ["20 a.example.org.", "20 b.example.org.", "20 c.example.org."]


def test_recipients_go_to_the_relays_and_verify_expects_others_to_be_refused(plan_of: Any) -> None:
    relays = "{r: {mail_fqdn: r.example.org, mail_addresses: [9.9.0.1]}}"
    servers = "{s: {mail_addresses: [192.168.0.10], mail_relays: [r]}}"
    recipients = "{validation: static, addresses: [info]}"
    plan = plan_of(relay_inventory(f"[{{name: example.org, recipients: {recipients}}}]", relays, servers))
    (domain,) = plan["relay"]["r"]["domains"]
    assert domain["recipients"] == {"validation": "static", "addresses": ["info"], "maps": []}
    assert plan["expect"]["smtp"][0]["refuses_unknown"]
    some = plan_of(relay_inventory(f"[{{name: a.org, recipients: {recipients}}}, {{name: b.org}}]", relays, servers))
    assert not some["expect"]["smtp"][0]["refuses_unknown"]


def test_recipients_without_a_relay_are_a_warning(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org, recipients: {{validation: callout}}}}], {DNS}}}}}
mail_servers: {{hosts: {{m: {{mail_topology: direct, mail_fqdn: m.example.org, mail_addresses: [9.9.0.1]}}}}}}
"""
    )
    assert [warning["variable"] for warning in plan["warnings"]] == ["mail_domains"]


INTERNAL = (
    "mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}, internal: {provider: rfc2136, server: 10.0.0.53}}"
)


def test_internal_view_has_the_same_names_at_inside_addresses(plan_of: Any) -> None:
    plan = plan_of(
        relay_inventory(
            "[{name: example.org}]",
            "{relay: {mail_topology: nat, mail_fqdn: mail.example.org, mail_addresses: [192.168.1.17],"
            " mail_public_addresses: [9.9.0.1], mail_firewalls: [fw]}}",
            "{mail: {mail_fqdn: mailbox.example.org, mail_addresses: [192.168.0.10], mail_relays: [relay]}}",
            INTERNAL,
        )
    )
    assert (
        values(plan, "example.org", "MX") == values(plan, "example.org", "MX", "internal") == ["10 mail.example.org."]
    )
    assert values(plan, "mail.example.org", "A") == ["9.9.0.1"]
    assert values(plan, "mail.example.org", "A", "internal") == ["192.168.1.17"]
    # The server behind the relay has a name inside only.
    assert values(plan, "mailbox.example.org", "A") is None
    assert values(plan, "mailbox.example.org", "A", "internal") == ["192.168.0.10"]
    views = {(record["endpoint"], record["view"]) for record in plan["expect"]["records"]}
    assert views == {("default", "public"), ("internal", "internal")}


def test_insiders_reach_the_exchanger_at_the_address_that_its_name_has_inside(plan_of: Any) -> None:
    """Through an inner firewall, for which the DMZ is outside."""
    relay = (
        "{relay: {mail_topology: nat, mail_fqdn: mail.example.org, mail_addresses: [192.168.1.17],"
        " mail_public_addresses: [9.9.0.1]}}"
    )
    server = "{mailbox: {mail_addresses: [192.168.0.10], mail_relays: [relay]}}"
    for dns, reached in ((DNS, "9.9.0.1"), (INTERNAL, "9.9.0.1, 192.168.1.17")):
        plan = plan_of(relay_inventory("[{name: example.org}]", relay, server, dns))
        assert ("fw", "dmz, lan", reached, "25", "accept") in flow_rows(plan["flows"])


def test_internal_view_of_two_sites_with_the_same_addresses_is_a_warning(plan_of: Any) -> None:
    inventory = """
all: {vars: {mail_domains: [{name: example.org, servers: [a]}, {name: example.net, servers: [b]}], %s}}
mail_servers:
  vars: {mail_topology: nat, mail_addresses: [192.168.0.10]}
  hosts:
    a: {mail_fqdn: a.example.org, mail_public_addresses: [9.9.0.1]}
    b: {mail_fqdn: b.example.org, mail_public_addresses: [9.9.0.2]}
"""
    assert plan_of(inventory % DNS)["warnings"] == []
    (warning,) = plan_of(inventory % INTERNAL)["warnings"]
    assert (warning["host"], warning["variable"]) == ("b", "mail_addresses")
    assert "mail from one to the other would loop" in warning["message"]


def test_domain_that_is_known_inside_only(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}, {{name: corp.example, dns: internal}}], {INTERNAL}}}}}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert "corp.example" not in plan["dns"]["default"]
    assert "corp.example" in plan["dns"]["internal"]
    assert [delivery["domain"] for delivery in plan["expect"]["delivery"]] == ["example.org"]


def test_gateway_that_is_the_firewall_of_all(plan_of: Any) -> None:
    """One box with three legs: translates for the relay, filters for the server."""
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts: {{mailbox: {{mail_topology: relay, mail_addresses: [192.168.0.10], mail_relays: [relay]}}}}
mail_relays:
  hosts:
    relay:
      mail_topology: nat
      mail_fqdn: mail.example.org
      mail_addresses: [192.168.1.17]
      mail_public_addresses: [9.9.0.1]
      mail_gateway: box
mail_gateways: {{hosts: {{box: &box {{mail_interfaces: {{wan: [eth0], dmz: [eth1], lan: [eth2]}}}}}}}}
mail_firewalls: {{hosts: {{box: *box}}}}
"""
    )
    assert flow_rows(plan["flows"]) == [
        ("box", "wan", "9.9.0.1", "25", "forward to 192.168.1.17"),
        ("box", "192.168.1.17", "wan", "25", "leave from 9.9.0.1"),
        ("box", "192.168.1.17", "192.168.0.10", "25", "accept"),
        ("box", "192.168.0.10", "192.168.1.17", "25", "accept"),
        ("box", "192.168.1.17", "wan", "25", "accept"),
        ("box", "wan", "192.168.0.10", "25", "drop"),
        ("box", "192.168.0.10", "wan", "25", "drop"),
        ("box", "dmz, lan", "wan", "25", "drop"),
    ]
    assert plan["manual"] == []


def test_relay_that_is_the_firewall_itself(plan_of: Any) -> None:
    """What it sends and takes itself it does not route: only the rest is in its flows."""
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts: {{mailbox: {{mail_topology: relay, mail_addresses: [192.168.0.10], mail_relays: [box]}}}}
mail_relays:
  hosts:
    box: &box
      mail_topology: direct
      mail_fqdn: mail.example.org
      mail_addresses: [9.9.0.17]
      mail_interfaces: {{wan: [eth0], lan: [eth1]}}
mail_firewalls: {{hosts: {{box: *box}}}}
"""
    )
    assert flow_rows(plan["flows"]) == [
        ("box", "wan", "192.168.0.10", "25", "drop"),
        ("box", "192.168.0.10", "wan", "25", "drop"),
        ("box", "lan", "wan", "25", "drop"),
    ]
    assert plan["warnings"] == []


def test_egress_of_others_can_be_left_open(plan_of: Any) -> None:
    closed = UNMANAGED + "mail_insiders: {hosts: {pc: {}}}\n"
    opened = closed.replace("{mail_interfaces:", "{mail_restrict_egress: false, mail_interfaces:")
    assert ("fw", "lan", "wan", "25", "drop") in flow_rows(plan_of(closed)["flows"])
    assert ("fw", "lan", "wan", "25", "drop") not in flow_rows(plan_of(opened)["flows"])
    assert {"pc"} == {row["source"] for row in plan_of(closed)["expect"]["egress"] if not row["open"]}
    assert all(row["open"] for row in plan_of(opened)["expect"]["egress"])


def test_ini_inventories_have_text_for_everything(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: direct
      mail_fqdn: mail.example.org.
      mail_addresses: "9.9.0.10, 2a00::10"
      mail_preference: "5"
      mail_local_delivery: "no"
"""
    )
    assert values(plan, "example.org", "MX") == ["5 mail.example.org."]
    assert values(plan, "mail.example.org", "AAAA") == ["2a00::10"]
    assert plan["server"]["mail"]["local_delivery"] is False


def test_international_names(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: Büro.Example}}], {DNS}}}}}
mail_servers:
  hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.büro.example, mail_addresses: [9.9.0.10]}}}}
"""
    )
    assert values(plan, "xn--bro-hoa.example", "MX") == ["10 mail.xn--bro-hoa.example."]


def test_misspelt_variable_is_a_warning(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts:
    mail:
      mail_topology: direct
      mail_fqdn: mail.example.org
      mail_addresses: [9.9.0.10]
      mail_preferense: 5
      mail_firewals: [fw]
      mail_server_fqdn: is the role's
      mail_owner: is somebody's
"""
    )
    assert [(w["host"], w["variable"], w["remedy"]) for w in plan["warnings"]] == [
        ("mail", "mail_preferense", "Did you mean mail_preference? Otherwise take another name"),
        ("mail", "mail_firewals", "Did you mean mail_firewalls? Otherwise take another name"),
    ]


def test_server_that_is_open_over_ipv6_is_a_warning(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], {DNS}}}}}
mail_servers:
  hosts: {{mailbox: {{mail_topology: relay, mail_addresses: [192.168.0.10, '2a00::10'], mail_relays: [relay]}}}}
mail_relays:
  hosts: {{relay: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.0.17]}}}}
"""
    )
    assert [(w["host"], w["variable"]) for w in plan["warnings"]] == [("mailbox", "mail_firewalls")]
    assert "2a00::10" in plan["warnings"][0]["message"]


def test_idle_hosts_and_ambiguous_zones_are_warnings(plan_of: Any) -> None:
    plan = plan_of(
        f"""
all:
  vars:
    mail_domains: [{{name: example.org, servers: [mail]}}, {{name: sub.example.org, servers: [mail]}}]
    {DNS}
mail_servers:
  vars: {{mail_topology: direct}}
  hosts:
    mail: {{mail_fqdn: mail.example.org, mail_addresses: [9.9.0.10], mail_public_addresses: [9.9.0.9]}}
    spare: {{mail_fqdn: spare.example.org, mail_addresses: [9.9.0.11]}}
mail_relays:
  hosts: {{relay: {{mail_topology: direct, mail_fqdn: relay.example.org, mail_addresses: [9.9.0.17]}}}}
mail_firewalls: {{hosts: {{fw: {{mail_interfaces: {{wan: [eth0], lan: [eth1]}}}}}}}}
"""
    )
    assert [(w["host"], w["variable"]) for w in plan["warnings"]] == [
        ("", "mail_domains"),
        ("mail", "mail_public_addresses"),
        ("spare", "mail_domains"),
        ("relay", "mail_relays"),
        ("fw", "mail_firewalls"),
    ]
    assert "zone: example.org" in plan["warnings"][0]["remedy"]
    assert plan["flows"] == {}
    assert plan["relay"] == {}
