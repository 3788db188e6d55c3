# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a plan. The drawings of the examples are in their READMEs, which test_generated.py compares."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.diagram import mermaid, svg
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.graph import Way, network

SITES = """
all:
  vars:
    mail_domains:
      - {name: dpetri.net, backup_mx: [{name: mail.isp.com}]}
      - {name: example.org, servers: [maila]}
      - {name: example.net, null_mx: true}
    mail_dns: {default: {provider: manual}}
mail_servers:
  hosts:
    maila: {mail_topology: direct, mail_fqdn: maila.dpetri.net, mail_addresses: [192.90.1.17]}
    mailb:
      mail_topology: nat
      mail_fqdn: mailb.dpetri.net
      mail_addresses: [192.168.0.18]
      mail_public_addresses: [192.90.1.18]
      mail_gateway: "gw"
    mailc: {mail_topology: relay, mail_relays: [relay], mail_addresses: [192.168.0.19], mail_firewalls: ["gw"]}
mail_relays:
  hosts:
    relay:
      mail_topology: direct
      mail_fqdn: relay.dpetri.net
      mail_addresses: [192.90.1.21]
      mail_firewalls: ["gw"]
      mail_accept_from: [9.9.9.0/24]
mail_gateways:
  hosts:
    "gw": {mail_addresses: [192.90.1.18, 192.168.0.1], mail_interfaces: {wan: [eth0], lan: [eth1]}}
"""


def test_every_way_of_mail_is_there_once(plan_of: Any) -> None:
    drawn = network(plan_of(SITES))

    assert {(node.name, node.column) for node in drawn.nodes} == {
        ("outside", 0), ("gw", 1), ("maila", 1), ("mail.isp.com", 1), ("mailb", 2), ("relay", 2), ("mailc", 3)
    }  # fmt: skip
    assert {node.name: node.lines for node in drawn.nodes}["mail.isp.com"] == ["MX 20", "not ours"]
    assert drawn.ways == [
        Way("outside", "gw", ["192.90.1.21", "192.90.1.18"]),
        Way("gw", "relay", ["192.90.1.21"]),
        Way("outside", "maila", ["192.90.1.17"]),
        Way("gw", "mailb", ["192.168.0.18"]),
        Way("outside", "mail.isp.com"),
        Way("relay", "mailc", ["through gw"], both=True),
        Way("outside", "relay", ["shut to others"], is_open=False),
        Way("outside", "mailc", ["shut to the outside"], is_open=False),
    ]


@pytest.mark.parametrize(
    ("more", "lines"),
    [("mail_fqdn: mailc.dpetri.net", ["mailc.dpetri.net"]), ("mail_software: exchange", [])],
    ids=["with another name", "not configured by the plan"],
)
def test_a_server_behind_a_relay_has_its_full_name(more: str, lines: list[str], plan_of: Any) -> None:
    drawn = network(plan_of(SITES.replace("mailc: {", f"mailc: {{{more}, ")))
    assert {node.name: node.lines for node in drawn.nodes}["mailc"] == lines


@pytest.mark.parametrize("name", ["<script>", 'a"b', "n1[x]|y|", "end;click n0", "münchen\n"])
def test_whatever_a_host_is_called_the_drawing_stays_one(name: str, plan_of: Any) -> None:
    plan = plan_of(SITES)
    plan["flows"][name] = plan["flows"].pop("gw")

    picture = ElementTree.fromstring(svg(plan))
    texts = ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert name in texts
    lines = mermaid(plan).splitlines()
    assert len(lines) == 1 + len(network(plan).nodes) + len(network(plan).ways)
    assert not {"<", ">", ";", "[", "|"} & set(lines[2].removeprefix('    n1["').removesuffix('"]'))


def test_long_names_are_cut_in_the_picture(plan_of: Any) -> None:
    assert f">{'x' * 25}…</text>" in svg(plan_of(SITES.replace("mailc", "x" * 60)))
