# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's commands, and that nothing stays of what was taken out."""

from __future__ import annotations

import re

from debian_lab import Lab

from .gateways import (
    GATEWAYS,
    PATIENCE,
    PLAYBOOK,
    ROOT,
    answer,
    both_releases,
    one_release,
    others_work,
    state,
    web_works_throughout,
)

PAGE = ROOT / "docs" / "firewall.md"


def page_commands(after: str) -> str:
    """The block of commands in the page that comes after these words."""
    block = re.search(rf"{after}:\n\n((?:    .*\n)+)", PAGE.read_text())
    assert block, after
    return block[1]


@both_releases
def test_the_page_says_how_to_see_it(lab: Lab) -> None:
    lab.playbook(PLAYBOOK)
    seen = {
        "ufw": ["nft list table inet inbound_mail_nat", "iptables -S inbound_mail_nat"],
        "firewalld": ["firewall-cmd --list-all-policies", "systemctl status inbound-mail-firewall@nat"],
        "iptables": ["iptables -S inbound_mail_nat", "sysctl net.ipv4.ip_forward"],
    }
    for gateway, asked in seen.items():
        for command in asked:
            assert f"`{command}`" in PAGE.read_text()
            assert re.search("inbound|ip_forward = 1", lab.run(gateway, command).stdout), command


@both_releases
def test_taken_out_by_hand_as_the_page_says(lab: Lab, before: dict[str, list[str]]) -> None:
    """Docker is beside each of them."""
    lab.playbook(PLAYBOOK)
    for gateway in GATEWAYS:
        if gateway != "iptables":
            lab.run(gateway, page_commands(f"with `{gateway}`"))
        lab.run(gateway, f"{page_commands('with `iptables`, and wherever Docker is')}true")
        lab.run(gateway, page_commands("then the table; the sysctl file says what was there before"))
        lab.await_run(gateway, "iptables -S DOCKER-USER", within=PATIENCE)
        assert state(lab, gateway) == before[gateway], gateway
    lab.playbook(PLAYBOOK)


@both_releases
def test_nothing_of_it_stays(lab: Lab, before: dict[str, list[str]]) -> None:
    with web_works_throughout(lab):
        lab.playbook(PLAYBOOK, "-e", "state=absent")
    for gateway, number in GATEWAYS.items():
        assert state(lab, gateway) == before[gateway], gateway
        assert answer(lab, "outside", f"2001:db8:{number}::10") == "", gateway
        assert others_work(lab, number), gateway


@one_release
def test_taken_out_while_its_keeper_is_off(lab: Lab) -> None:
    """It does not come back with the keeper."""
    lab.playbook(PLAYBOOK)
    for gateway, command in (("ufw", "ufw disable"), ("firewalld", "systemctl stop firewalld")):
        lab.run(gateway, command)
    lab.playbook(PLAYBOOK, "-e", "state=absent")
    for gateway, command in (("ufw", "ufw --force enable"), ("firewalld", "systemctl start firewalld")):
        lab.run(gateway, command)
        assert [line for line in state(lab, gateway) if "inbound" in line] == [], gateway
