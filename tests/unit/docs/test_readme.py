# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What README.md shows compiles, with its documentation addresses taken as public, and what it points to exists."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.model import Inventory
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import compile_plan

ROOT = Path(__file__).resolve().parents[3]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(textwrap.dedent(block)) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
# The addresses of the README are documentation addresses (RFC 5737): its reader puts public ones in their place.
SHARED = {**BLOCKS[0], "mail_public_networks": ["203.0.113.0/24"]}
INVENTORIES = [block for block in BLOCKS if "mail_servers" in block]


def inventory(groups: dict) -> Inventory:
    variables: dict[str, dict] = {}
    members: dict[str, list[str]] = {}
    for group, content in groups.items():
        members[group] = list(content["hosts"])
        for host, declared in content["hosts"].items():
            variables.setdefault(host, dict(SHARED)).update(declared or {})
    return Inventory(variables, members)


@pytest.mark.parametrize("groups", INVENTORIES, ids=["direct", "nat", "relay"])
def test_the_inventory_of_each_topology_compiles(groups: dict) -> None:
    plan = compile_plan(inventory(groups))
    names = {record["name"]: record for record in plan["dns"]["default"]["example.org"] if record["type"] == "A"}
    front_end = {"direct": "203.0.113.25", "nat": "203.0.113.1", "relay": "203.0.113.17"}
    topology = groups["mail_servers"]["hosts"]["mail"]["mail_topology"]
    assert names["mail.example.org"]["values"] == [front_end[topology]]
    assert plan["warnings"] == [] or all("mail_vantages" in str(warning) for warning in plan["warnings"])


def test_there_is_an_inventory_for_each_topology() -> None:
    topologies = [groups["mail_servers"]["hosts"]["mail"]["mail_topology"] for groups in INVENTORIES]
    assert topologies == ["direct", "nat", "relay"]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`((?:plugins|tests|changelogs)/[\w/.]*)`", CONTRIBUTING))))
def test_places_for_contributors_are_there(place: str) -> None:
    assert (ROOT / place).exists()
