# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hundreds of firewalld's rules that are exchanged for others, by policies that are opened and closed as a whole."""

from __future__ import annotations

import json
from typing import Any

from debian_lab import Lab

from .gateways import FORWARD, PLAYBOOK, SIX, answer, both_releases, changed, mail_passes, others_work, state

REST: list[dict[str, Any]] = [
    {"name": "server-out", "action": "accept", "source": ["192.168.2.10", "2001:db8:2::10"], "destination": ["wan"]},
    {
        "name": "egress",
        "action": "snat",
        "source": ["192.168.2.10"],
        "destination": ["wan"],
        "egress_address": "203.0.113.2",
    },
    {"name": "others", "action": "drop", "source": ["lan"], "destination": ["wan"]},
]


def flows(network: int, count: int = 250) -> str:
    """That many openings, and in those of the first network the server by its IPv4 address as well."""
    many = [f"10.{network}.{number // 250}.{number % 250 + 1}" for number in range(count)]
    if network == 1:
        many.append("192.168.2.10")
    accept = {"name": "many", "action": "accept", "source": ["wan"], "destination": many}
    return json.dumps({"flows": [FORWARD, SIX, accept, *REST]})


def apply(lab: Lab, network: int, count: int = 250, **variables: object) -> dict[str, int]:
    words = ["-e", flows(network, count), "-e", json.dumps(variables)]
    return changed(lab.playbook(PLAYBOOK, "--limit", "firewalld", *words).stdout)


@both_releases
def test_hundreds_of_openings_are_exchanged(lab: Lab, before: dict[str, list[str]]) -> None:
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    assert apply(lab, 1) == {"firewalld": 1}
    assert answer(lab, "outside", "192.168.2.10") == "203.0.113.25"
    for network, count, reaches in ((2, 250, ""), (1, 250, "203.0.113.25"), (3, 250, ""), (3, 251, ""), (4, 250, "")):
        assert apply(lab, network, count, timeout=120 if network == 3 else 0) == {"firewalld": 1}
        assert answer(lab, "outside", "192.168.2.10") == reaches
        assert mail_passes(lab, 2)
        assert others_work(lab, 2)
        assert apply(lab, network, count) == {"firewalld": 0}
    lab.run("firewalld", "firewall-cmd --reload")
    assert apply(lab, 4) == {"firewalld": 0}
    assert mail_passes(lab, 2)
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    assert state(lab, "firewalld") == before["firewalld"]


@both_releases
def test_changes_of_others_that_are_for_now_only_outlive_it(lab: Lab) -> None:
    """Such a change is made rule by rule then, and takes its time."""
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    apply(lab, 1)
    rule = "--zone=external --add-rich-rule='rule family=ipv4 source address=203.0.113.99 drop'"
    lab.run("firewalld", f"firewall-cmd {rule}")
    assert apply(lab, 2) == {"firewalld": 1}
    assert "203.0.113.99" in lab.run("firewalld", "firewall-cmd --zone=external --list-rich-rules").stdout
    assert answer(lab, "outside", "192.168.2.10") == ""
    assert mail_passes(lab, 2)
    lab.run("firewalld", "firewall-cmd --reload")
    assert apply(lab, 2) == {"firewalld": 0}
