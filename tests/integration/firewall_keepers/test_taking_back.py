# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that do not stay: nobody confirms them, the controller dies, or they were wrong from the start."""

from __future__ import annotations

import json
from typing import Any

from debian_lab import Lab

from .gateways import (
    FORWARD,
    GATEWAYS,
    PATIENCE,
    PLAYBOOK,
    RELAY,
    await_mail,
    both_releases,
    bring_module,
    mail_passes,
    one_release,
    others_work,
    state,
)

WRONG: list[tuple[list[dict[str, Any]], list[str]]] = [
    (
        [FORWARD, {**FORWARD, "name": "again"}, {**FORWARD, "name": "family", "targets": [{"address": "2001:db8::1"}]}],
        ["again: mx forwards 203.0.113.{n} port 25 already", "family: target 2001:db8::1 is IPv6"],
    ),
    (
        [
            {**FORWARD, "targets": [{"address": "192.168.{{ number }}.1"}]},
            {"name": "elsewhere", "action": "drop", "source": ["nowhere"]},
        ],
        ["mx: the target 192.168.{n}.1 is this host itself", "elsewhere: this host has no interface eth7"],
    ),
    (
        [
            {"name": f"mx{n}", "action": "accept", "destination": [f"10.{n // 250}.{n % 250}.{'x' * (n == 7777)}1"]}
            for n in range(10_000)
        ],
        ["mx7777: "],
    ),
]


@one_release
def test_a_change_that_nobody_confirms_is_taken_back_whole(lab: Lab) -> None:
    """The flows catch the controller's own connections, and let another server in as well."""
    lab.playbook(PLAYBOOK)
    good = {gateway: state(lab, gateway) for gateway in GATEWAYS}
    trap = {
        "name": "trap",
        "action": "forward",
        "public_address": "{{ ansible_host }}",
        "ports": [22],
        "source": ["any"],
    }
    trap |= {"targets": [{"address": "192.168.{{ number }}.10"}], "hairpin": False}
    new = {"name": "new", "action": "accept", "source": ["any"], "destination": ["192.168.{{ number }}.77"]}
    done = lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": [trap, new], "timeout": 15}), check=False)
    assert done.stdout.count("no new connection to the host could be made") >= len(GATEWAYS), done.stdout
    for gateway, number in GATEWAYS.items():
        lab.await_run(gateway, 'test -z "$(ls -A /run/inbound.mail/firewall)"', within=2 * PATIENCE)
        if gateway == "firewalld":
            # It forgets an empty policy only then.
            lab.run(gateway, "firewall-cmd --reload")
        assert state(lab, gateway) == good[gateway], gateway
        assert mail_passes(lab, number), gateway


@both_releases
def test_a_change_whose_controller_dies_is_taken_back_also_by_a_reboot(lab: Lab) -> None:
    """The module as Ansible brings it to the host is run as for a controller that says nothing more."""
    bring_module(lab, "/root/module.py", [FORWARD, RELAY])
    lab.playbook(PLAYBOOK)
    good = {gateway: state(lab, gateway) for gateway in GATEWAYS}
    for seconds in (15, 600):
        for gateway in GATEWAYS:
            run = f'sed \'s/"confirm_timeout": 0/"confirm_timeout": {seconds}/\' /root/module.py | python3 -'
            assert '"confirmed": false' in lab.run(gateway, run).stdout
        if seconds == 15:
            for gateway in GATEWAYS:
                lab.await_run(gateway, 'test -z "$(ls -A /run/inbound.mail/firewall)"', within=2 * PATIENCE)
                await_mail(lab, gateway)
    lab.reboot(*GATEWAYS, power=False)
    for gateway, number in GATEWAYS.items():
        await_mail(lab, gateway)
        assert state(lab, gateway) == good[gateway], gateway
        assert others_work(lab, number), gateway


@one_release
def test_what_is_wrong_is_named_and_nothing_is_applied(lab: Lab) -> None:
    before = {gateway: state(lab, gateway) for gateway in GATEWAYS}
    interfaces = {"wan": ["internet"], "lan": ["lan{{ number }}"], "nowhere": ["eth7"]}
    for number, (flows, messages) in enumerate(WRONG):
        variables = lab.folder / f"wrong{number}.json"
        variables.write_text(json.dumps({"flows": flows, "interfaces": interfaces}))
        refused = lab.playbook(PLAYBOOK, "-e", f"@{variables}", check=False)
        assert refused.returncode != 0
        said = " ".join(refused.stdout.split())
        for message in messages:
            for gateway_number in GATEWAYS.values():
                assert message.format(n=gateway_number) in said
        assert {gateway: state(lab, gateway) for gateway in GATEWAYS} == before
