# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions have to end before the former way goes: those that would be refused or cut off, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.sessions import sessions_to_end

ALL = "mail_dns: {default: {provider: rfc2136, server: 9.9.9.53}}"
GATEWAY = "mail_gateways: {hosts: {gw: {mail_interfaces: {wan: [eth0], lan: [eth1]}}}}"
OUTSIDERS = "not ( dst 127.0.0.0/8 or dst [::1] )"


def state(servers: str, relays: str = "{}", domains: str = "[{name: example.org}]") -> str:
    return f"""
all: {{vars: {{mail_domains: {domains}, {ALL}}}}}
mail_servers: {{hosts: {servers}}}
mail_relays: {{hosts: {relays}}}
{GATEWAY}
"""


DIRECT = "{mail: {mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.1.10, '2a00::10']}}"
NAT = (
    "{mail: {mail_topology: nat, mail_fqdn: mail.example.org, mail_addresses: [192.168.0.10, 9.9.1.10],"
    " mail_public_addresses: [9.9.0.1], mail_gateway: gw}}"
)
BEHIND = "{mail: {mail_topology: relay, mail_fqdn: box.example.org, mail_addresses: [%s], mail_relays: [relay]}}"
FRONT = "{relay: {mail_topology: direct, mail_fqdn: mx.example.org, mail_addresses: [9.9.1.17, '2a00::17']}}"
POST = DIRECT.replace("{mail:", "{post:").replace("mail.example", "post.example").replace("10", "11")


@pytest.mark.parametrize(
    ("former", "new", "expected"),
    [
        # It leaves: whoever is there.
        (state(DIRECT), state(POST), {"mail": f"( sport = :25 ) and {OUTSIDERS}"}),
        (state(BEHIND % "9.9.1.10", FRONT), state(DIRECT), {"relay": f"( sport = :25 ) and {OUTSIDERS}"}),
        # It stays, and has new sessions of the relay at the same address.
        (
            state(DIRECT),
            state(BEHIND % "9.9.1.10, '2a00::10'", FRONT),
            {
                "mail": "( sport = :25 ) and ( src 9.9.1.10 or src [2a00::10] ) and "
                "not ( dst 127.0.0.0/8 or dst [::1] or dst 9.9.1.17 or dst [2a00::17] )"
            },
        ),
        # It stays, and mail comes to another address of it.
        (state(NAT), state(DIRECT), {"mail": f"( sport = :25 ) and ( src 192.168.0.10 ) and {OUTSIDERS}"}),
        # Nothing of its own ends: only the address before it is another one.
        (state(NAT), state(NAT.replace("9.9.0.1]", "9.9.0.2]")), {}),
        (state(DIRECT), state(DIRECT), {}),
    ],
)
def test_who_would_be_refused_or_cut_off(plan_of: Any, former: str, new: str, expected: dict[str, str]) -> None:
    assert sessions_to_end(plan_of(former), plan_of(new)) == expected


def test_a_host_that_stays_for_another_domain_would_refuse_the_one_that_leaves_it(plan_of: Any) -> None:
    both = f"{DIRECT[:-1]}, {POST[1:]}"
    domains = "[{name: example.org, servers: [%s]}, {name: example.net, servers: [mail]}]"
    plans = [plan_of(state(both, domains=domains % server)) for server in ("mail", "post")]
    assert list(sessions_to_end(*plans)) == ["mail"]


def test_what_a_load_balancer_hands_over_too(plan_of: Any) -> None:
    balanced = NAT.replace("mail_gateway: gw", "mail_load_balancer: {port: 10025, addresses: [192.168.0.80]}")
    found = sessions_to_end(plan_of(state(balanced)), plan_of(state(POST)))
    assert found["mail"].startswith("( sport = :25 or sport = :10025 ) and ")
