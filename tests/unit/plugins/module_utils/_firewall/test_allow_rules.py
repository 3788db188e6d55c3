# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have to let through, and which connections a changed forward leaves behind."""

from __future__ import annotations

from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import allow_rules
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_rules

FLOWS = [
    {
        "name": "mx",
        "action": "forward",
        "source": ["wan"],
        "public_address": "203.0.113.1",
        "targets": [{"address": "192.168.0.10"}, {"address": "192.168.0.11"}],
    },
    {"name": "in", "action": "accept", "source": ["wan"], "destination": ["2001:db8::17"], "ports": [25, 587]},
    {"name": "any", "action": "accept", "source": ["lan"]},
    {"name": "drop", "action": "drop", "destination": ["192.168.0.10"]},
    {"name": "out", "action": "snat", "source": ["192.168.0.10"], "egress_address": "203.0.113.1"},
]
INTERFACES = {"wan": ["eth0"], "lan": ["eth1"]}


def test_rules_of_iptables_are_written_as_it_lists_them() -> None:
    assert iptables_rules.rules(allow_rules(read_flows(FLOWS, INTERFACES)), [4, 6]) == [
        "iptables -d 192.168.0.10/32 -p tcp -m conntrack --ctstate DNAT --ctorigdst 203.0.113.1 "
        "-m tcp --dport 25 -j ACCEPT",
        "iptables -d 192.168.0.11/32 -p tcp -m conntrack --ctstate DNAT --ctorigdst 203.0.113.1 "
        "-m tcp --dport 25 -j ACCEPT",
        "iptables -i eth1 -p tcp -m tcp --dport 25 -j ACCEPT",
        "iptables -p tcp -m multiport --sports 25 -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT",
        "ip6tables -d 2001:db8::17/128 -i eth0 -p tcp -m tcp --dport 25 -j ACCEPT",
        "ip6tables -d 2001:db8::17/128 -i eth0 -p tcp -m tcp --dport 587 -j ACCEPT",
        "ip6tables -i eth1 -p tcp -m tcp --dport 25 -j ACCEPT",
        "ip6tables -p tcp -m multiport --sports 25,587 -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT",
    ]


def test_a_chain_has_a_name_that_iptables_takes() -> None:
    assert iptables_rules.chain_name("nat") == "inbound_mail_nat"
    names = {iptables_rules.chain_name(f"a_name_of_as_many_characters_{number}") for number in range(3)}
    assert len(names) == 3
    assert {len(name) for name in names} == {28}
