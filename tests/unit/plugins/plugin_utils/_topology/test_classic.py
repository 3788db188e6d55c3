# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classic tables, by value: what an administrator would write on paper."""

from __future__ import annotations

from typing import Any

from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.tables import flow_rows, record_rows

SHARED = """
all:
  vars:
    mail_domains: [{name: dpetri.net}]
    mail_dns: {default: {provider: manual}}
"""

DIRECT = (
    SHARED
    + """
mail_servers:
  hosts:
    server:
      mail_topology: direct
      mail_fqdn: mail.dpetri.net
      mail_addresses: [212.143.143.130]
"""
)

NAT = (
    SHARED
    + """
mail_servers:
  hosts:
    server:
      mail_topology: nat
      mail_fqdn: mail.dpetri.net
      mail_addresses: [192.168.0.10]
      mail_public_addresses: [192.90.1.1]
      mail_gateway: router
mail_gateways:
  hosts:
    router:
      mail_addresses: [192.90.1.1, 192.168.0.1]
      mail_interfaces: {wan: [eth0], lan: [eth1]}
"""
)

RELAY = (
    SHARED
    + """
mail_servers:
  hosts:
    server:
      mail_topology: relay
      mail_fqdn: inside.dpetri.net
      mail_addresses: [192.168.0.10]
      mail_relays: [relay]
      mail_firewalls: [firewall]
mail_relays:
  hosts:
    relay:
      mail_topology: direct
      mail_fqdn: mail.dpetri.net
      mail_addresses: [192.90.1.17]
      mail_firewalls: [firewall]
mail_firewalls:
  hosts:
    firewall:
      mail_interfaces: {wan: [eth0], dmz: [eth1], lan: [eth2]}
"""
)


def records(plan: dict[str, Any]) -> list[tuple[str, ...]]:
    """Record, type, value, preference."""
    rrsets = [rrset for zones in plan["dns"].values() for held in zones.values() for rrset in held]
    return [row[:4] for row in record_rows(rrsets)]


def test_direct(plan_of: Any) -> None:
    plan = plan_of(DIRECT)
    assert records(plan) == [
        ("dpetri.net", "MX", "mail.dpetri.net", "10"),
        ("mail.dpetri.net", "A", "212.143.143.130", ""),
    ]
    assert plan["flows"] == {}
    assert plan["server"]["server"]["accept_from"] == plan["server"]["server"]["smarthosts"] == []


def test_nat(plan_of: Any) -> None:
    plan = plan_of(NAT)
    assert records(plan) == [
        ("dpetri.net", "MX", "mail.dpetri.net", "10"),
        ("mail.dpetri.net", "A", "192.90.1.1", ""),
    ]
    assert flow_rows(plan["flows"]) == [
        ("router", "wan", "192.90.1.1", "25", "forward to 192.168.0.10"),
        ("router", "192.168.0.10", "wan", "25", "leave from 192.90.1.1"),
        ("router", "192.168.0.10", "wan", "25", "accept"),
        ("router", "lan", "wan", "25", "drop"),
    ]
    forward = plan["flows"]["router"][0]
    assert forward["hairpin"] is True
    assert forward["translate_source"] is False


def test_relay(plan_of: Any) -> None:
    plan = plan_of(RELAY)
    assert records(plan) == [
        ("dpetri.net", "MX", "mail.dpetri.net", "10"),
        ("mail.dpetri.net", "A", "192.90.1.17", ""),
    ]
    assert flow_rows(plan["flows"]) == [
        ("firewall", "wan", "192.90.1.17", "25", "accept"),
        ("firewall", "192.90.1.17", "192.168.0.10", "25", "accept"),
        ("firewall", "192.168.0.10", "192.90.1.17", "25", "accept"),
        ("firewall", "192.90.1.17", "wan", "25", "accept"),
        ("firewall", "dmz, lan", "192.90.1.17", "25", "accept"),
        ("firewall", "wan", "192.168.0.10", "25", "drop"),
        ("firewall", "192.168.0.10", "wan", "25", "drop"),
        ("firewall", "dmz, lan", "wan", "25", "drop"),
    ]
    assert plan["relay"]["relay"] == {
        "fqdn": "mail.dpetri.net",
        "domains": [{"name": "dpetri.net", "next_hops": [{"host": "server", "address": "192.168.0.10", "port": 25}]}],
        "relay_from": ["192.168.0.10"],
        "accept_from": [],
        "smarthosts": [],
        "sender_smarthosts": [],
        "send_from": ["192.90.1.17"],
        "tls_ca": "",
        "tls_certificate": "",
        "tls_key": "",
        "edge": {},
    }
    assert plan["server"]["server"] == {
        "fqdn": "inside.dpetri.net",
        "domains": ["dpetri.net"],
        "accept_from": ["192.90.1.17"],
        "smarthosts": [{"host": "relay", "address": "192.90.1.17", "port": 25}],
        "local_delivery": True,
        "sender_smarthosts": [],
        "send_from": [],
        "tls_ca": "",
        "tls_certificate": "",
        "tls_key": "",
        "edge": {},
    }


def test_three_servers_and_a_providers_backup(plan_of: Any) -> None:
    """The backup's address is written only where its zone is ours."""
    inventory = """
all:
  vars:
    mail_domains:
      - name: dpetri.net
        backup_mx: [{name: mail.isp.com, preference: 100, addresses: [212.143.25.1]}]
    mail_dns: {default: {provider: manual}}
    mail_zones: [%s]
mail_servers:
  vars: {mail_topology: direct}
  hosts:
    maila: {mail_fqdn: maila.dpetri.net, mail_addresses: [192.90.1.17]}
    mailb: {mail_fqdn: mailb.dpetri.net, mail_addresses: [192.90.1.18]}
    mailc: {mail_fqdn: mailc.dpetri.net, mail_addresses: [192.90.1.19]}
"""
    table = [
        ("dpetri.net", "MX", "maila.dpetri.net", "10"),
        ("dpetri.net", "MX", "mailb.dpetri.net", "10"),
        ("dpetri.net", "MX", "mailc.dpetri.net", "10"),
        ("dpetri.net", "MX", "mail.isp.com", "100"),
        ("maila.dpetri.net", "A", "192.90.1.17", ""),
        ("mailb.dpetri.net", "A", "192.90.1.18", ""),
        ("mailc.dpetri.net", "A", "192.90.1.19", ""),
    ]
    assert records(plan_of(inventory % "")) == table
    assert records(plan_of(inventory % "{name: isp.com}")) == [*table, ("mail.isp.com", "A", "212.143.25.1", "")]
    # Whoever writes it, verify looks for it, and asks each of the three.
    for zones in ("", "{name: isp.com}"):
        expect = plan_of(inventory % zones)["expect"]
        assert [record["values"] for record in expect["records"] if record["name"] == "mail.isp.com"] == [
            ["212.143.25.1"]
        ]
        assert [one["addresses"] for one in expect["smtp"]] == [["192.90.1.17"], ["192.90.1.18"], ["192.90.1.19"]]
        assert [(one["fqdn"], one["preference"]) for one in expect["backups"]] == [("mail.isp.com", 100)]
