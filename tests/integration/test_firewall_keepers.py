# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways whose packet filter somebody keeps already, with ufw, firewalld or iptables, and drops what is routed.

On each of them Docker drops it too, and a web forward, fail2ban and libvirt have rules of their own.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from debian_lab import Lab
from debian_lab.scenario import CONTROLLER

SCENARIO = Path(__file__).resolve().parents[1] / "lab" / "scenarios" / "keepers"
PLAYBOOK = str(SCENARIO / "flows.yml")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "firewall.md"
GATEWAYS = {"ufw": 1, "firewalld": 2, "iptables": 3}
# All rules that are in force, whoever made them, without what they have counted.
RULES = "nft --stateless list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/'"
FILES = "find /etc/ufw /etc/firewalld /etc/iptables /etc/inbound.mail -type f -exec md5sum {} + 2>/dev/null | sort -k 2"
PATIENCE = 60


# What a release's own programs decide is tried on both; what only we decide, on one.
both_releases = pytest.mark.parametrize("lab", ["trixie", "bookworm"], indirect=True)
one_release = pytest.mark.parametrize("lab", ["trixie"], indirect=True)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.up(SCENARIO, release=request.param) as lab:
        yield lab


def answer(lab: Lab, host: str, address: str, port: int = 25, source: str = "") -> str:
    """The address that the server sees the client come from; empty if the client gets no answer."""
    return answers(lab, host, [(source, address, port)])[0]


def answers(lab: Lab, host: str, asked: list[tuple[str, str, int]]) -> list[str]:
    """The same for many connections at once, each from an address (empty for any) to one and a port."""
    script = ""
    for number, (source, address, port) in enumerate(asked):
        local = f"-s {source}" if source else ""
        script += f'{{ echo {number} "$(timeout 5 nc -N -w 4 {local} {address} {port} </dev/null)"; }} & '
    lines = [line.split(" ", 1) for line in lab.run(host, f"{script} wait").stdout.splitlines()]
    return [text.strip() for _number, text in sorted(lines, key=lambda line: int(line[0]))]


def others_work(lab: Lab, number: int) -> bool:
    """The web forward beside Docker's drop, fail2ban's ban, and the network of libvirt's guests."""
    web = f"203.0.113.{number}"
    seen = answers(lab, "outside", [("", web, 80), ("203.0.113.66", web, 80)])
    seen += answers(lab, f"server{number}", [("192.168.122.10", "203.0.113.25", 80)])
    return seen == ["203.0.113.25", "", web]


# Asks for the web behind each gateway, again and again, over a new connection and over one that lasts.
_ASK_FOR_THE_WEB = """
import select, socket, sys
def connect(address):
    lines = socket.create_connection((address, 80), 60).makefile("rw")
    return lines, lines.readline().strip()
lasting = {address: connect(address)[0] for address in sys.argv[1:]}
seen = set()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.5)[0]:
    for address, lines in lasting.items():
        try:
            lines.write("still there\\n")
            lines.flush()
            seen |= {f"{address} {lines.readline().strip()}", f"{address} {connect(address)[1]}"}
        except OSError as error:
            seen.add(f"{address} {error!r}")
print(*sorted(seen), sep="\\n")
"""


@contextmanager
def web_works_throughout(lab: Lab) -> Iterator[None]:
    addresses = [f"203.0.113.{number}" for number in GATEWAYS.values()]
    command = [*lab.inside("outside"), "python3", "-uc", _ASK_FOR_THE_WEB, *addresses]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
        yield
        seen, _complaints = client.communicate("")
    assert seen.splitlines() == [
        f"{address} {what}" for address in addresses for what in ("203.0.113.25", "still there")
    ]


def mail_passes(lab: Lab, number: int) -> bool:
    seen = [
        answer(lab, "outside", f"203.0.113.{number}"),
        answer(lab, "outside", f"2001:db8:{number}::10"),
        answer(lab, f"server{number}", "203.0.113.25", source=f"192.168.{number}.10"),
        answer(lab, f"server{number}", "2001:db8:113::25", source=f"2001:db8:{number}::10"),
        # Another host inside, which the gateway stands in for, as the server would answer it directly.
        answer(lab, f"server{number}", f"203.0.113.{number}", source=f"192.168.{number}.50"),
    ]
    expected = ["203.0.113.25", "2001:db8:113::25", f"203.0.113.{number}", f"2001:db8:{number}::10"]
    return seen == [*expected, f"192.168.{number}.1"]


def await_mail(lab: Lab, gateway: str) -> None:
    number = GATEWAYS[gateway]
    for address in (f"203.0.113.{number}", f"2001:db8:{number}::10"):
        lab.await_run("outside", f"timeout 5 nc -N -w 4 {address} 25 </dev/null | grep -q 113.*25", within=PATIENCE)


def state(lab: Lab, gateway: str) -> list[str]:
    """Sorted, since a table that comes back comes back behind the others."""
    return sorted(lab.run(gateway, f"{RULES}; {FILES}").stdout.splitlines())


def changed(output: str) -> dict[str, int]:
    return {host: int(count) for host, count in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", output, re.MULTILINE)}


@pytest.fixture(scope="module")
def before(lab: Lab) -> dict[str, list[str]]:
    """What the gateways had before us: others work, mail does not pass."""
    for number in GATEWAYS.values():
        assert others_work(lab, number)
        assert answer(lab, "outside", f"2001:db8:{number}::10") == ""
    return {gateway: state(lab, gateway) for gateway in GATEWAYS}


@one_release
def test_check_mode_predicts_and_changes_nothing(lab: Lab, before: dict[str, list[str]]) -> None:
    predicted = lab.playbook(PLAYBOOK, "--check", "--diff").stdout
    assert changed(predicted) == dict.fromkeys(GATEWAYS, 1)
    assert {gateway: state(lab, gateway) for gateway in GATEWAYS} == before


@both_releases
@pytest.mark.usefixtures("before")
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
@pytest.mark.parametrize(
    ("gateway", "command"),
    [
        ("ufw", "ufw reload"),
        ("ufw", "systemctl restart ufw"),
        ("ufw", "ufw disable && ufw --force enable"),
        ("firewalld", "firewall-cmd --reload"),
        ("firewalld", "systemctl restart firewalld"),
        ("ufw", "systemctl restart docker"),
        ("firewalld", "systemctl restart docker"),
        # It takes Docker's chains along.
        ("iptables", "systemctl restart netfilter-persistent && systemctl restart docker"),
    ],
)
def test_what_the_keeper_does_does_not_shut_mail_out(lab: Lab, gateway: str, command: str) -> None:
    lab.playbook(PLAYBOOK, "--limit", gateway)
    lab.run(gateway, command)
    number = GATEWAYS[gateway]
    await_mail(lab, gateway)
    assert mail_passes(lab, number)
    assert others_work(lab, number)
    assert changed(lab.playbook(PLAYBOOK, "--limit", gateway).stdout) == {gateway: 0}


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


@one_release
def test_firewalld_is_not_reloaded_over_changes_that_are_for_now_only(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "--limit", "firewalld", "-e", "state=absent")
    lab.run(
        "firewalld", "firewall-cmd --zone=external --add-rich-rule='rule family=ipv4 source address=203.0.113.99 drop'"
    )
    refused = lab.playbook(PLAYBOOK, "--limit", "firewalld", check=False)
    assert refused.returncode != 0
    assert "in force but not permanent (firewall-cmd --list-all-zones" in refused.stdout
    assert "203.0.113.99" in lab.run("firewalld", "firewall-cmd --zone=external --list-rich-rules").stdout
    lab.run("firewalld", "firewall-cmd --reload")


@both_releases
def test_a_reboot_changes_nothing(lab: Lab) -> None:
    lab.playbook(PLAYBOOK, "-e", "timeout=120")
    rules = {gateway: lab.run(gateway, RULES).stdout for gateway in GATEWAYS}
    lab.reboot(*GATEWAYS)
    for gateway, number in GATEWAYS.items():
        await_mail(lab, gateway)
        assert mail_passes(lab, number), gateway
        assert sorted(lab.run(gateway, RULES).stdout.splitlines()) == sorted(rules[gateway].splitlines()), gateway
    assert changed(lab.playbook(PLAYBOOK).stdout) == dict.fromkeys(GATEWAYS, 0)


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


# Sends a part of a long transfer to each server for each line that it is told, and gets it back.
_TRANSFER = """
import os, socket, sys, threading
servers = [socket.create_connection((address, 25), 60) for address in sys.argv[1:]]
for server in servers:
    while not server.recv(100).endswith(b"\\n"):
        pass
for line in sys.stdin:
    part = os.urandom(10_000_000)
    for server in servers:
        sending = threading.Thread(target=server.sendall, args=(part,))
        sending.start()
        back = bytearray()
        while len(back) < len(part):
            back += server.recv(len(part) - len(back)) or sys.exit("ended")
        assert back == part
        sending.join()
    print("sent and back", flush=True)
"""
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.{{ number }}",
    "targets": [{"address": "192.168.{{ number }}.10"}],
}
SIX = {"name": "six", "action": "accept", "source": ["wan"], "destination": ["2001:db8:{{ number }}::10"]}
# firewalld has to be reloaded for it: it is between other zones.
RELAY = {"name": "relay", "action": "accept", "source": ["wan"], "destination": "{{ relay }}"}


@both_releases
def test_what_lasts_outlives_every_change(lab: Lab) -> None:
    """50 MB through each gateway, and an SSH session with each of them."""
    lab.playbook(PLAYBOOK)
    config = ["-F", str(lab.folder / "ssh_config")]
    commands = [[*lab.inside("outside"), "python3", "-uc", _TRANSFER, *(f"203.0.113.{n}" for n in GATEWAYS.values())]]
    commands += [
        [*lab.inside(CONTROLLER), "ssh", *config, lab.network.management_address(gateway), "cat"]
        for gateway in GATEWAYS
    ]
    with ExitStack() as stack:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        lasting = [stack.enter_context(subprocess.Popen(command, **pipes)) for command in commands]

        def go_on() -> None:
            for client in lasting:
                assert client.stdin and client.stdout
                client.stdin.write("sent and back\n")
                client.stdin.flush()
                assert client.stdout.readline() == "sent and back\n"

        go_on()
        for flows in (
            [{**FORWARD, "limits": {"rate": "1/minute", "connections": 1}}, SIX, RELAY],
            [{**FORWARD, "ports": [25, 465, 587]}, RELAY],
            [FORWARD, SIX],
            [{**FORWARD, "translate_source": True}],
        ):
            lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": flows, "timeout": 300}))
            go_on()
        for client in lasting:
            client.communicate()


@one_release
def test_what_flows_can_be_told(lab: Lab) -> None:
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
        assert answers(lab, "outside", in_turn) == [outside] * len(in_turn), gateway
        assert sorted(answers(lab, "outside", [("", other, 25)] * 3)) == ["", outside, outside], gateway
        out = [(f"192.168.{number}.10", outside, 25), (f"192.168.{number}.50", outside, 25)]
        assert answers(lab, f"server{number}", out) == [first, other], gateway
    assert changed(lab.playbook(*variables).stdout) == dict.fromkeys(GATEWAYS, 0)


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


def bring_module(lab: Lab, path: str, flows: list[dict[str, Any]]) -> None:
    """The module as Ansible brings it to the gateways, with these flows, which are made so. It can be run again."""
    lab.playbook(PLAYBOOK, "-e", json.dumps({"flows": flows}), env={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
    for gateway in GATEWAYS:
        lab.run(gateway, f"mv /root/.ansible/tmp/*/AnsiballZ_firewall.py {path}; rm -r /root/.ansible/tmp")


@both_releases
def test_a_change_whose_controller_dies_is_taken_back_also_by_a_reboot(lab: Lab) -> None:
    """The module as Ansible brings it to the host is run as for a controller that says nothing more."""
    bring_module(lab, "/root/module.py", [FORWARD, RELAY])
    lab.playbook(PLAYBOOK)
    good = {gateway: state(lab, gateway) for gateway in GATEWAYS}
    for gateway in GATEWAYS:
        for seconds in (15, 600):
            run = f'sed \'s/"confirm_timeout": 0/"confirm_timeout": {seconds}/\' /root/module.py | python3 -'
            assert '"confirmed": false' in lab.run(gateway, run).stdout
            if seconds == 15:
                lab.await_run(gateway, 'test -z "$(ls -A /run/inbound.mail/firewall)"', within=2 * PATIENCE)
                await_mail(lab, gateway)
    lab.reboot(*GATEWAYS, power=False)
    for gateway, number in GATEWAYS.items():
        await_mail(lab, gateway)
        assert state(lab, gateway) == good[gateway], gateway
        assert others_work(lab, number), gateway


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
