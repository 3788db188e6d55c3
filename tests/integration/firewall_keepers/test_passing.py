# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets through beside each keeper, from where, and as whom; and that nobody else does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from debian_lab import Lab

from .gateways import (
    FORWARD,
    GATEWAYS,
    PLAYBOOK,
    answer,
    answers,
    both_releases,
    changed,
    greetings,
    mail_passes,
    one_release,
    others_work,
    state,
    web_works_throughout,
)


@one_release
def test_check_mode_predicts_and_changes_nothing(lab: Lab, before: dict[str, list[str]]) -> None:
    lab.playbook(PLAYBOOK, "-e", "state=absent")
    predicted = lab.playbook(PLAYBOOK, "--check", "--diff").stdout
    assert changed(predicted) == dict.fromkeys(GATEWAYS, 1)
    assert {gateway: state(lab, gateway) for gateway in GATEWAYS} == before


@both_releases
def test_mail_passes_and_nothing_else_has_changed(lab: Lab) -> None:
    with web_works_throughout(lab):
        output = lab.playbook(PLAYBOOK).stdout
    for gateway, number in GATEWAYS.items():
        assert f"backend {gateway}" in output
        assert mail_passes(lab, number), gateway
        assert others_work(lab, number), gateway
        # What no flow lets through is still up to the keeper.
        assert answer(lab, "outside", f"192.168.{number}.10") == "", gateway
    again = lab.playbook(PLAYBOOK).stdout
    assert changed(again) == dict.fromkeys(GATEWAYS, 0), again


@both_releases
def test_firewalld_that_looks_closer_at_what_was_translated(lab: Lab) -> None:
    """Debian 12's firewalld does not know StrictForwardPorts yet."""
    lab.run("firewalld", "sed -i s/StrictForwardPorts=no/StrictForwardPorts=yes/ /etc/firewalld/firewalld.conf")
    lab.run("firewalld", "firewall-cmd --reload")
    lab.playbook(PLAYBOOK, "--limit", "firewalld")
    assert mail_passes(lab, 2)
    assert others_work(lab, 2)
    assert answer(lab, "outside", "192.168.2.10") == ""
    assert changed(lab.playbook(PLAYBOOK, "--limit", "firewalld").stdout) == {"firewalld": 0}
    lab.run("firewalld", "sed -i s/StrictForwardPorts=yes/StrictForwardPorts=no/ /etc/firewalld/firewalld.conf")
    lab.run("firewalld", "firewall-cmd --reload")


@both_releases
def test_around_a_relay_in_a_dmz(lab: Lab) -> None:
    """Every cell of the table: who reaches whom on 25 and comes from which address, in both families."""
    around_the_relay = PLAYBOOK, "-e", json.dumps({"flows": "{{ dmz }}"})
    with web_works_throughout(lab):
        lab.playbook(*around_the_relay)
    for gateway, number in GATEWAYS.items():
        inside, net = f"server{number}", 64 * (number - 1)
        server = {4: f"192.168.{number}.10", 6: f"2001:db8:{number}::10"}
        insider = {4: f"192.168.{number}.50", 6: f"2001:db8:{number}::50"}
        relay = {4: f"198.51.100.{net + 10}", 6: f"2001:db8:d{number}::10"}
        outside = {4: "203.0.113.25", 6: "2001:db8:113::25"}
        nobody = {4: "", 6: ""}
        # firewalld's zone external has always hidden what goes out.
        out = {**relay, 4: "203.0.113.2"} if gateway == "firewalld" else relay
        # Who asks, from where, for what, and who it seems to be there.
        table = [
            ("outside", outside, relay, outside),
            ("outside", outside, server, nobody),
            ("relay", relay, outside, out),
            ("relay", relay, server, relay),
            (inside, server, relay, server),
            (inside, server, outside, nobody),
            (inside, insider, outside, nobody),
        ]
        for host in ("outside", "relay", inside):
            cells = [cell for cell in table if cell[0] == host]
            asked = [
                (source[family], target[family], 25) for _host, source, target, _seen in cells for family in (4, 6)
            ]
            seen = [seen[family] for _host, _source, _target, seen in cells for family in (4, 6)]
            assert answers(lab, host, asked) == seen, (gateway, asked)
        assert others_work(lab, number), gateway
    assert changed(lab.playbook(*around_the_relay).stdout) == dict.fromkeys(GATEWAYS, 0)


_CHAIN = "type nat hook postrouting priority srcnat; oifname {} masquerade;"
_AS_A_TABLE = "nft 'table inet others {{ chain p {{ " + _CHAIN + " }}; }}'", "nft delete table inet others"
# Of what goes on to the server, and the way back.
_MASQUERADES = {
    "ufw": [command.format("lan1") for command in _AS_A_TABLE],
    "firewalld": [
        "cp -a /etc/firewalld/zones /root/; firewall-cmd --permanent --zone=internal --add-masquerade;"
        "firewall-cmd --permanent --zone=internal --add-rich-rule='rule family=ipv6 masquerade'; firewall-cmd --reload",
        "rm -r /etc/firewalld/zones; mv /root/zones /etc/firewalld/; firewall-cmd --reload",
    ],
    "iptables": [command.format("lan3") for command in _AS_A_TABLE],
}


@both_releases
def test_a_masquerade_of_others_hides_no_sender(lab: Lab) -> None:
    try:
        for gateway, (begin, _end) in _MASQUERADES.items():
            lab.run(gateway, begin)
        lab.playbook(PLAYBOOK)
        for gateway, number in GATEWAYS.items():
            assert mail_passes(lab, number), gateway
            # It is there all the same, as what is no mail shows.
            assert answer(lab, "outside", f"203.0.113.{number}", 80) == f"192.168.{number}.1", gateway
    finally:
        for gateway, (_begin, end) in _MASQUERADES.items():
            lab.run(gateway, end)


@one_release
def test_what_flows_can_be_told(lab: Lab, kernel_log: Callable[[], str]) -> None:
    """Two servers by weight behind one address, another address with limits, each for itself on the way out."""
    second = "203.0.113.{{ 10 + number }}"
    servers = [{"address": "192.168.{{ number }}.10", "weight": 3}, {"address": "192.168.{{ number }}.50"}]
    limits = {"rate": "2/minute"}
    flows = [
        {**FORWARD, "ports": [25, 465, 587], "targets": servers},
        {**FORWARD, "name": "post", "public_address": second, "targets": servers[1:], "limits": limits, "log": True},
        {"name": "out", "action": "accept", "source": ["lan"], "destination": ["wan"]},
        {"name": "one", "action": "snat", "source": ["192.168.{{ number }}.10"], "destination": ["wan"]},
        {"name": "other", "action": "snat", "source": ["192.168.{{ number }}.50"], "destination": ["wan"]},
    ]
    flows[3]["egress_address"], flows[4]["egress_address"] = FORWARD["public_address"], second
    variables = PLAYBOOK, "-e", json.dumps({"flows": flows})
    lab.playbook(*variables)
    outside = "203.0.113.25"
    for gateway, number in GATEWAYS.items():
        first, other = f"203.0.113.{number}", f"203.0.113.{10 + number}"
        in_turn = [("", first, port) for port in (25, 465, 587) for _server in range(4)]
        shares = Counter(greetings(lab, "outside", in_turn))
        assert shares == {f"{outside} 192.168.{number}.10": 9, f"{outside} 192.168.{number}.50": 3}, gateway
        assert sorted(answers(lab, "outside", [("", other, 25)] * 3)) == ["", outside, outside], gateway
        out = [(f"192.168.{number}.10", outside, 25), (f"192.168.{number}.50", outside, 25)]
        assert answers(lab, f"server{number}", out) == [first, other], gateway
        # A client that is over its limit is not logged.
        assert kernel_log().count(f"inbound_mail_nat post forward: IN=internet OUT=lan{number} ") == 2, gateway
    assert changed(lab.playbook(*variables).stdout) == dict.fromkeys(GATEWAYS, 0)
