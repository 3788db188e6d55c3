# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in charge, judged by the chains that the kernel has."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

BY_HAND = [
    {"family": "ip", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "accept"},
    {"family": "inet", "table": "filter", "name": "forward", "hook": "forward", "policy": "drop"},
    {"family": "bridge", "table": "filter", "name": "forward", "hook": "forward", "policy": "drop"},
    {"family": "inet", "table": "inbound_mail_nat", "name": "x", "hook": "forward", "policy": "drop"},
    {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "drop"},
]
FIREWALLD = {"family": "inet", "table": "firewalld", "name": "filter_FORWARD"}
UFW = {"family": "ip", "table": "filter", "name": "ufw-before-forward"}
DROP = {"family": "ip", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "drop"}
DOCKER = {"family": "ip", "table": "filter", "name": "DOCKER-USER"}


def test_rules_by_hand_are_nobodys() -> None:
    assert detection.managers(BY_HAND) == []
    assert detection.choose("auto", BY_HAND, has_saved_iptables=False) == "nftables"


def test_who_is_in_charge_is_found() -> None:
    assert detection.choose("auto", [*BY_HAND, FIREWALLD], has_saved_iptables=True) == "firewalld"
    assert detection.choose("auto", [*BY_HAND, UFW], has_saved_iptables=True) == "ufw"
    assert detection.choose("auto", BY_HAND, has_saved_iptables=True) == "iptables"
    assert detection.choose("auto", [DROP], has_saved_iptables=False) == "iptables"
    # Docker sets that policy by itself.
    assert detection.choose("auto", [DROP, DOCKER], has_saved_iptables=False, has_docker=True) == "nftables"
    assert detection.docker_families([DROP, DOCKER]) == [4]


def test_two_at_once_are_both_named_but_one_can_be_insisted_on() -> None:
    with pytest.raises(HostError, match="firewalld and ufw at once"):
        detection.choose("auto", [UFW, FIREWALLD], has_saved_iptables=False)
    with pytest.raises(HostError, match="firewalld and iptables at once"):
        detection.choose("auto", [FIREWALLD, DROP], has_saved_iptables=False)
    # That policy is Docker's, or ufw's own.
    assert detection.choose("auto", [FIREWALLD, DROP], has_saved_iptables=False, has_docker=True) == "firewalld"
    assert detection.choose("auto", [UFW, DROP], has_saved_iptables=False) == "ufw"
    assert detection.choose("firewalld", [FIREWALLD, DROP], has_saved_iptables=False) == "firewalld"
    assert detection.choose("firewalld", [UFW, FIREWALLD], has_saved_iptables=False) == "firewalld"
    assert detection.choose("nftables", [UFW, FIREWALLD], has_saved_iptables=False) == "nftables"


def test_a_backend_that_would_come_to_nothing_is_refused() -> None:
    with pytest.raises(HostError, match="ufw is not running"):
        detection.choose("ufw", BY_HAND, has_saved_iptables=False)
    with pytest.raises(HostError, match="Set backend: ufw"):
        detection.choose("iptables", [UFW], has_saved_iptables=False)


def test_only_forward_chains_of_others_that_see_ip_stand_in_the_way() -> None:
    assert detection.dropping_chains(BY_HAND, []) == ["inet filter forward"]
    assert detection.dropping_chains([*BY_HAND, DROP], ["inet filter"]) == ["ip filter FORWARD"]
    assert detection.opened_tables("ufw", []) == ["ip filter", "ip6 filter"]
    assert detection.opened_tables("nftables", [DOCKER]) == ["ip filter"]
