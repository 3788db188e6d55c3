# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as nftables: golden rulesets, written anew by ``UPDATE_GOLDEN=1 pytest``; the diff is for a person to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import render

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.yml"))


@pytest.mark.parametrize("declared", GOLDEN, ids=lambda path: path.stem)
def test_golden_ruleset(declared: Path) -> None:
    options = yaml.safe_load(declared.read_text())
    rendered = render("golden", read_flows(options["flows"], options["interfaces"])).script()
    golden = declared.with_suffix(".nft")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_order_of_equal_flows_does_not_show() -> None:
    """Or a plan that lists servers in another order would be a change on every gateway."""
    flows = [
        {"name": name, "action": "accept", "source": ["wan"], "destination": [address]}
        for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "2001:db8::1"))
    ]
    interfaces = {"wan": ["eth0"]}
    assert render("x", read_flows(flows, interfaces)).text() == render("x", read_flows(flows[::-1], interfaces)).text()


def test_number_of_rules_does_not_grow_with_servers() -> None:
    interfaces = {"wan": ["eth0"], "lan": ["eth1"]}

    def rules(servers: int) -> int:
        flows = []
        for n in range(servers):
            server, public = f"10.0.{n // 250}.{n % 250}", f"203.0.{n // 250}.{n % 250}"
            flows += [
                {
                    "name": f"mx{n}",
                    "action": "forward",
                    "source": ["wan"],
                    "public_address": public,
                    "targets": [{"address": server}],
                },
                {"name": f"out{n}", "action": "snat", "source": [server], "egress_address": public},
                {"name": f"accept{n}", "action": "accept", "source": ["192.0.2.1"], "destination": [server]},
                {"name": f"shut{n}", "action": "drop", "source": ["wan"], "destination": [server]},
                {"name": f"egress{n}", "action": "accept", "source": [server], "destination": ["192.0.2.1"]},
            ]
        flows.append({"name": "rest", "action": "drop", "source": ["lan"], "destination": ["wan"]})
        return sum(len(chain.rules) for chain in render("x", read_flows(flows, interfaces)).chains)

    assert rules(2) == rules(1000)
