# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relays of ours as backup exchangers; the plain case is examples/backup."""

from __future__ import annotations

from typing import Any

import pytest

STATIC = "recipients: {validation: static, addresses: [info]}"


def inventory(
    domain: str, backup: str = "mail_addresses: [9.9.2.20]", server: str = "mail_addresses: [9.9.1.10]"
) -> str:
    return f"""
all:
  vars:
    mail_domains: [{{name: example.org, backup_mx: [{{name: backup.example.net}}], {domain}}}]
    mail_dns: {{default: {{provider: rfc2136, server: 9.9.9.53}}}}
mail_servers: {{hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, {server}}}}}}}
mail_relays: {{hosts: {{backup: {{mail_topology: direct, mail_fqdn: backup.example.net, {backup}}}}}}}
"""


def test_it_comes_after_the_server_hands_over_to_it_and_relays_for_nobody(plan_of: Any) -> None:
    plan = plan_of(inventory(STATIC))
    mx = next(record for record in plan["expect"]["records"] if record["type"] == "MX")
    assert mx["values"] == ["10 mail.example.org.", "20 backup.example.net."]
    relay = plan["relay"]["backup"]
    assert [hop["address"] for hop in relay["domains"][0]["next_hops"]] == ["9.9.1.10"]
    assert relay["relay_from"] == []
    # Its own machines are judged as ours, and nobody else is asked to take mail.
    assert {one["host"] for one in plan["expect"]["smtp"]} == {"mail", "backup"}
    assert not plan["expect"]["backups"]
    assert not [request for request in plan["manual"] if request["owner"].startswith("backup MX")]
    assert not plan["warnings"]


def test_two_backups_hand_over_to_the_first_exchangers_first(plan_of: Any) -> None:
    plan = plan_of(
        """
all:
  vars:
    mail_domains:
      - name: example.org
        backup_mx: [{name: b1.example.net, preference: 50}, {name: b2.example.net, preference: 60}]
        recipients: {validation: static, addresses: [info]}
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}
mail_servers:
  vars: {mail_topology: direct}
  hosts:
    second: {mail_fqdn: second.example.org, mail_addresses: [9.9.1.12], mail_preference: 20}
    first: {mail_fqdn: first.example.org, mail_addresses: [9.9.1.11], mail_preference: 10}
mail_relays:
  vars: {mail_topology: direct}
  hosts:
    b1: {mail_fqdn: b1.example.net, mail_addresses: [9.9.2.21]}
    b2: {mail_fqdn: b2.example.net, mail_addresses: [9.9.3.22]}
"""
    )
    for backup in ("b1", "b2"):
        hops = plan["relay"][backup]["domains"][0]["next_hops"]
        assert [hop["host"] for hop in hops] == ["first", "second"]


def test_a_backup_for_one_domain_is_in_front_of_the_servers_of_another(plan_of: Any) -> None:
    plan = plan_of(
        """
all:
  vars:
    mail_domains:
      - {name: example.org, servers: [near]}
      - name: example.net
        servers: [far]
        backup_mx: [relay.example.org]
        recipients: {validation: static, addresses: [info]}
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}
mail_servers:
  hosts:
    near: {mail_topology: relay, mail_addresses: [9.9.2.30], mail_relays: [relay]}
    far: {mail_topology: direct, mail_fqdn: mail.example.net, mail_addresses: [9.9.1.10]}
mail_relays:
  hosts:
    relay: {mail_topology: direct, mail_fqdn: relay.example.org, mail_addresses: [9.9.2.20]}
"""
    )
    relay = plan["relay"]["relay"]
    assert {one["name"]: [hop["address"] for hop in one["next_hops"]] for one in relay["domains"]} == {
        "example.org": ["9.9.2.30"],
        "example.net": ["9.9.1.10"],
    }
    assert relay["relay_from"] == ["9.9.2.30"]


def test_behind_the_gateway_of_the_server_it_goes_straight_there(plan_of: Any) -> None:
    plan = plan_of(
        """
all:
  vars:
    mail_domains: [{name: example.org, backup_mx: [backup.example.org], recipients: {validation: callout}}]
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}
mail_servers:
  hosts:
    mail: {mail_topology: nat, mail_fqdn: mail.example.org, mail_addresses: [192.168.0.10],
           mail_public_addresses: [9.9.1.10], mail_gateway: gw}
mail_relays:
  hosts:
    backup: {mail_topology: nat, mail_fqdn: backup.example.org, mail_addresses: [192.168.0.20],
             mail_public_addresses: [9.9.1.20], mail_gateway: gw}
mail_gateways: {hosts: {gw: {mail_interfaces: {wan: [eth0], lan: [eth1]}}}}
"""
    )
    assert plan["relay"]["backup"]["domains"][0]["next_hops"][0]["address"] == "192.168.0.10"
    assert {flow["public_address"] for flow in plan["flows"]["gw"] if flow["action"] == "forward"} == {
        "9.9.1.10",
        "9.9.1.20",
    }


@pytest.mark.parametrize(
    ("domain", "says"),
    [("ttl: 300", "recipients that do not exist"), ("recipients: {validation: callout}", "puts the rest off")],
)
def test_recipients_that_it_cannot_know_are_a_warning(plan_of: Any, domain: str, says: str) -> None:
    assert says in plan_of(inventory(domain))["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            inventory(STATIC, server="mail_addresses: [9.9.1.10], mail_accept_from: [9.9.4.0/24]"),
            "backup, a backup MX, may not hand over what it keeps: 9.9.2.20 is not in it",
            "Add 9.9.2.20",
        ),
        (
            inventory(STATIC, backup="mail_addresses: ['2600::20']"),
            "have no address family in common",
            "Give it an address of that family",
        ),
        (
            inventory(STATIC).replace("{name: backup.example.net}", "{name: backup.example.net, addresses: [9.9.9.9]}"),
            "whose addresses are in its mail_addresses",
            "Take 'addresses' out",
        ),
        (
            inventory("exchangers: [filter.example.com]"),
            "would hand mail to our hosts, past filter.example.com",
            "Take it out of backup_mx",
        ),
        (
            inventory(STATIC, server="mail_addresses: [9.9.1.10]").replace(
                "mail_topology: direct, mail_fqdn: mail.example.org", "mail_topology: relay, mail_relays: [backup]"
            ),
            "which is in front of the domain's servers already",
            "mail_preference",
        ),
        (
            inventory(STATIC).replace("backup_mx: [{name: backup.example.net}]", "backup_mx: [mail.example.org]"),
            "mail.example.org is mail, a host of ours",
            "relays by backup_mx too",
        ),
    ],
)
def test_what_cannot_work_is_an_error(errors_of: Any, text: str, message: str, remedy: str) -> None:
    found = [error for error in errors_of(text) if message in error["message"]]
    assert found and remedy in found[0]["remedy"], errors_of(text)


def test_what_it_hands_over_is_not_counted_as_one_clients_mail(plan_of: Any) -> None:
    limits = "mail_addresses: [9.9.1.10], mail_client_limits: {messages_per_minute: 60}"
    plan = plan_of(inventory(STATIC, server=limits))
    assert plan["server"]["mail"]["edge"]["client_limits"]["exempt"] == ["9.9.2.20"]


def test_lifetime_of_a_domain_counts_on_every_relay_that_takes_it(plan_of: Any) -> None:
    plan = plan_of(
        """
all:
  vars:
    mail_domains:
      - {name: Bücher.example, queue_lifetime: 14d, backup_mx: [backup.example.net]}
      - {name: example.org}
    mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}
mail_servers:
  hosts:
    mailbox: {mail_topology: relay, mail_addresses: [192.168.0.10], mail_relays: [edge]}
mail_relays:
  vars: {mail_topology: direct}
  hosts:
    edge: {mail_fqdn: edge.example.org, mail_addresses: [9.9.0.17]}
    backup: {mail_fqdn: backup.example.net, mail_addresses: [9.9.2.20]}
"""
    )
    lifetimes = {
        host: {one["name"]: one.get("queue_lifetime") for one in relay["domains"]}
        for host, relay in plan["relay"].items()
    }
    assert lifetimes == {
        "edge": {"xn--bcher-kva.example": "14d", "example.org": None},
        "backup": {"xn--bcher-kva.example": "14d"},
    }


def test_lifetime_of_a_domain_without_relay_is_a_warning(plan_of: Any) -> None:
    text = inventory("queue_lifetime: 14d").replace("backup_mx: [{name: backup.example.net}], ", "")
    assert "example.org: queue_lifetime has no effect, as no relay is in front" in str(plan_of(text)["warnings"])


def test_the_server_takes_mail_from_every_address_that_its_backup_has(plan_of: Any) -> None:
    """It is not kept out by postscreen or a client limit, whichever of its addresses it sends from."""
    backup = "mail_addresses: [9.9.2.20, 10.0.0.20]"
    behind_nat = backup.replace("9.9.2.20, ", "") + ", mail_public_addresses: [9.9.2.20]"
    text = inventory(STATIC, behind_nat, "mail_addresses: [9.9.1.10], mail_postscreen: {}")
    text = text.replace("backup: {mail_topology: direct", "backup: {mail_topology: nat")
    edge = plan_of(text)["server"]["mail"]["edge"]
    assert {"9.9.2.20", "10.0.0.20"} <= set(edge["postscreen"]["exempt"])
