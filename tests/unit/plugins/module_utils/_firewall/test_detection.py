# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in charge, judged by the chains that the kernel has."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection

BY_HAND = [
    {"family": "ip", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "accept"},
    {"family": "inet", "table": "filter", "name": "forward", "hook": "forward", "policy": "drop"},
    {"family": "bridge", "table": "filter", "name": "forward", "hook": "forward", "policy": "drop"},
    {"family": "inet", "table": "inbound_mail_nat", "name": "x", "hook": "forward", "policy": "drop"},
    {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "drop"},
]
FIREWALLD = {"family": "inet", "table": "firewalld", "name": "filter_FORWARD"}
DOCKER = {"family": "ip", "table": "filter", "name": "DOCKER-USER"}


def test_rules_by_hand_are_nobodys() -> None:
    assert detection.in_charge(BY_HAND) == []
    assert detection.obstacle("auto", BY_HAND) == ""


def test_all_that_are_in_charge_are_named() -> None:
    assert detection.in_charge([*BY_HAND, DOCKER, FIREWALLD]) == ["Docker", "firewalld"]
    assert "is kept by Docker and firewalld," in detection.obstacle("auto", [DOCKER, FIREWALLD])
    assert detection.obstacle("nftables", [DOCKER, FIREWALLD]) == ""


@pytest.mark.parametrize("backend", ["firewalld", "ufw", "iptables"])
def test_other_backends_are_refused(backend: str) -> None:
    assert f"the backend {backend} is not part of this release" in detection.obstacle(backend, [])


def test_only_forward_chains_of_others_that_see_ip_stand_in_the_way() -> None:
    assert detection.dropping_chains(BY_HAND) == ["inet filter forward"]
