# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outgoing mail of relays and servers: smarthosts, credentials, verified TLS, the address that mail leaves from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

INVENTORY = """
all: {{vars: {{mail_domains: [{{name: example.org}}], mail_dns: {{default: {{provider: manual}}}}}}}}
mail_servers: {{hosts: {{mailbox: {server}}}}}
mail_relays: {{hosts: {{edge: {relay}}}}}
"""


def inventory(relay: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> str:
    own = {"mail_topology": "direct", "mail_fqdn": "mx.example.org", "mail_addresses": ["9.9.0.17", "2a00::17"]}
    behind = {"mail_topology": "relay", "mail_relays": ["edge"], "mail_addresses": ["192.168.0.10", "2a00::10"]}
    texts = [
        yaml.safe_dump({**host, **(more or {})}, default_flow_style=True, width=9999).strip()
        for host, more in ((own, relay), (behind, server))
    ]
    return INVENTORY.format(relay=texts[0], server=texts[1])


def test_smarthosts_of_a_relay(plan_of: Any) -> None:
    smarthosts = ["192.0.2.1", {"address": "SMTP.example.net", "port": 587, "credentials": "provider"}]
    plan = plan_of(
        inventory(
            {
                "mail_smarthosts": smarthosts,
                "mail_sender_smarthosts": [{"domain": "example.com", "smarthosts": "smtp.example.com"}],
                "mail_credentials": {"provider": "u:s3cret"},
            }
        )
    )
    assert plan["relay"]["edge"]["smarthosts"] == [
        {"address": "192.0.2.1", "port": 25},
        {"address": "smtp.example.net", "port": 587, "credentials": "provider"},
    ]
    assert plan["relay"]["edge"]["sender_smarthosts"] == [
        {"domain": "example.com", "smarthosts": [{"address": "smtp.example.com", "port": 25}]}
    ]
    assert "s3cret" not in str(plan)


def test_tls_is_verified_by_those_who_say_so(plan_of: Any) -> None:
    verify = {"mail_tls_verify": True, "mail_tls_ca": "/etc/ssl/ca.pem"}
    plan = plan_of(inventory(relay=verify))
    assert {hop["tls_name"] for hop in plan["relay"]["edge"]["domains"][0]["next_hops"]} == {"mailbox.example.org"}
    assert not any("tls" in hop for hop in plan["server"]["mailbox"]["smarthosts"])
    plan = plan_of(inventory(server=verify))
    assert [(hop["tls"], hop["tls_name"]) for hop in plan["server"]["mailbox"]["smarthosts"]] == [
        ("secure", "mx.example.org"),
        ("secure", "mx.example.org"),
    ]
    assert plan["server"]["mailbox"]["tls_ca"] == "/etc/ssl/ca.pem"


def test_mail_leaves_from_an_address_of_the_exchanger(plan_of: Any) -> None:
    plan = plan_of(inventory({"mail_addresses": ["9.9.0.17", "9.9.0.18", "2a00::17"]}))
    assert plan["relay"]["edge"]["send_from"] == ["9.9.0.17", "2a00::17"]
    assert plan["server"]["mailbox"]["send_from"] == []
    behind_nat = {
        "mail_topology": "nat",
        "mail_public_addresses": ["9.9.0.1"],
        "mail_addresses": ["10.0.0.2", "fd00::2"],
    }
    # The gateway translates the IPv4 address to the exchanger's; an IPv6 one that nobody outside knows stays free.
    assert plan_of(inventory(behind_nat))["relay"]["edge"]["send_from"] == ["10.0.0.2"]


@pytest.mark.parametrize("role", ["relay", "server"])
def test_site_hands_everything_in_the_plan_to_the_roles(plan_of: Any, role: str) -> None:
    site = (Path(__file__).parents[6] / "playbooks" / "site.yml").read_text(encoding="utf-8")
    (host,) = plan_of(inventory())[role].values()
    handed = re.findall(rf"mail_{role}_(\w+): .*plan\.{role}\[inventory_hostname\]\.(\w+) }}}}", site)
    assert handed == [(name, name) for name, _name in handed]
    assert {name for name, _name in handed} == set(host)


@pytest.mark.parametrize(
    ("relay", "server", "variable", "message"),
    [
        ({"mail_smarthosts": [{"address": "a.test", "credentials": "x"}]}, {}, "mail_smarthosts", "an entry that is"),
        ({"mail_smarthosts": [{"address": "a.test", "tls": "secure"}]}, {}, "mail_tls_ca", "is not set"),
        ({"mail_tls_verify": True}, {}, "mail_tls_ca", "is not set"),
        ({}, {"mail_smarthosts": ["a.test"]}, "mail_smarthosts", "sends through them"),
        ({"mail_smarthosts": [{"address": "a.test", "port": 0}]}, {}, "mail_smarthosts", "0 is no TCP port"),
        ({"mail_smarthosts": [{"address": "a.test", "port": 465}]}, {}, "mail_smarthosts", "on port 465 TLS"),
        ({"mail_smarthosts": [{"address": "a.test", "tls": "dane-onl"}]}, {}, "mail_smarthosts", "tls: is no level"),
        ({"mail_smarthosts": [{"adress": "a.test"}]}, {}, "mail_smarthosts", "no key 'adress'"),
        ({"mail_smarthosts": ["smarthost"]}, {}, "mail_smarthosts", "not a fully qualified name"),
        ({"mail_sender_smarthosts": [{"domain": "a.test", "smarthosts": []}]}, {}, "mail_sender_smarthosts", "has no"),
        ({"mail_credentials": ["s3cret"]}, {}, "mail_credentials", "is a list, not a dictionary"),
    ],
)  # fmt: skip
def test_error(relay: dict[str, Any], server: dict[str, Any], variable: str, message: str, errors_of: Any) -> None:
    errors = errors_of(inventory(relay, server))
    assert variable in {error["variable"] for error in errors}
    assert any(message in error["message"] for error in errors)
    assert "s3cret" not in str(errors)


@pytest.mark.parametrize(
    ("variables", "variable", "way"),
    [
        ({"mail_smarthosts": ["mx.example.org"]}, "mail_smarthosts", "edge -> edge"),
        ({"mail_smarthosts": ["9.9.0.17", "smtp.example.net"]}, "mail_smarthosts", "edge -> edge"),
        ({"mail_smarthosts": ["192.168.0.10"]}, "mail_smarthosts", "edge -> mailbox -> edge"),
        # The name that the plan gives it.
        ({"mail_smarthosts": ["mailbox.example.org"]}, "mail_smarthosts", "edge -> mailbox -> edge"),
        (
            {"mail_sender_smarthosts": [{"domain": "example.com", "smarthosts": ["2a00::10"]}]},
            "mail_sender_smarthosts",
            "edge -> mailbox -> edge",
        ),
    ],
)
def test_smarthost_that_hands_mail_back(variables: dict[str, Any], variable: str, way: str, errors_of: Any) -> None:
    (error,) = errors_of(inventory(variables))
    assert (error["host"], error["variable"]) == ("edge", variable)
    assert error["message"] == f"mail for the outside would come back: {way}"


TWO_SITES = """
all: {vars: {mail_domains: [{name: example.org}], mail_dns: {default: {provider: manual}}}}
mail_servers:
  vars: {mail_topology: nat, mail_addresses: [192.168.0.10]}
  hosts:
    north: {mail_fqdn: north.example.org, mail_public_addresses: [9.9.0.1], mail_smarthosts: [%s]}
    south: {mail_fqdn: south.example.org, mail_public_addresses: [9.9.1.1], mail_smarthosts: [%s]}
"""


def test_two_that_send_through_one_another(errors_of: Any) -> None:
    (error,) = errors_of(TWO_SITES % ("south.example.org", "9.9.0.1"))
    assert (error["host"], error["message"][-23:]) == ("north", "north -> south -> north")


@pytest.mark.parametrize(
    "smarthost", ["south.example.org", "{address: north.example.org, port: 10025}", "192.168.0.10"]
)
def test_smarthost_of_ours_that_hands_mail_on(smarthost: str, plan_of: Any) -> None:
    """Another host, another service of the same, an address that is there at both sites: no loop."""
    assert plan_of(TWO_SITES % (smarthost, ""))["warnings"] == []


def test_two_that_stand_in_for_one_another_are_a_warning(plan_of: Any) -> None:
    """It comes back only while both providers are away."""
    plan = plan_of(TWO_SITES % ("smtp.example.net, south.example.org", "smtp.example.com, north.example.org"))
    (warning,) = plan["warnings"]
    assert (warning["host"], warning["variable"]) == ("north", "mail_smarthosts")
    assert "while the smarthosts named first are away: north -> south -> north" in warning["message"]
