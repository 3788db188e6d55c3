# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NAT gateway: what a client sees, and what the server sees of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import render
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import replacement

from .conftest import INTERFACES

if TYPE_CHECKING:
    from .conftest import Gateway, Network

FORWARD = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}
FLOWS: list[dict[str, Any]] = [
    FORWARD,
    {
        "name": "egress",
        "action": "snat",
        "source": ["192.168.0.10"],
        "destination": ["wan"],
        "egress_address": "203.0.113.2",
    },
    {"name": "in6", "action": "accept", "source": ["wan"], "destination": ["2001:db8:10::10"]},
    {
        "name": "out",
        "action": "accept",
        "source": ["192.168.0.10", "2001:db8:10::10"],
        "destination": ["wan"],
    },
    {"name": "others", "action": "drop", "source": ["lan", "dmz"], "destination": ["wan"]},
]
BY_HAND = """
table ip by_hand {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.0.0/16 oifname "internet" masquerade
    }
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "internet" ip daddr 203.0.113.1 tcp dport 80 dnat to 192.168.0.10
    }
}
"""


def test_mail_from_outside_arrives_with_the_clients_own_address(network: Network) -> None:
    network.gateway.apply(FLOWS)
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert network["stranger"].connect("203.0.113.1") == "203.0.113.66"


def test_ipv6_is_not_translated(network: Network) -> None:
    network.gateway.apply(FLOWS)
    assert network["outside"].connect("2001:db8:10::10") == "2001:db8:113::25"
    assert network["mail"].connect("2001:db8:113::25") == "2001:db8:10::10"


def test_inside_clients_reach_the_public_address_and_only_theirs_is_translated(network: Network) -> None:
    network.gateway.apply(FLOWS)
    assert network["insider"].connect("203.0.113.1") == "192.168.0.1"
    assert network["relay"].connect("203.0.113.1") == "192.168.0.1"
    assert network["mail"].connect("203.0.113.1") == "192.168.0.1"
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"


def test_the_gateway_itself_reaches_the_public_address(network: Network) -> None:
    network.gateway.apply(FLOWS)
    assert network.gateway.connect("203.0.113.1") in ("192.168.0.1", "203.0.113.1")


def test_without_hairpin_inside_clients_come_to_the_gateway(network: Network) -> None:
    network.gateway.apply([{**FORWARD, "hairpin": False}])
    assert network["insider"].attempt("203.0.113.1", marker="192.168.0.10") == "ECONNREFUSED"
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"


def test_mail_of_the_server_leaves_from_its_public_address(network: Network) -> None:
    """Also beside a masquerade that somebody wrote for everything, which would take the first address."""
    network.gateway.run("nft -f -", stdin=BY_HAND)
    network.gateway.apply(FLOWS)
    assert network["mail"].connect("203.0.113.25") == "203.0.113.2"
    assert network["mail"].connect("203.0.113.25", 80) == "203.0.113.1"


def test_other_inside_hosts_cannot_send_on_25(network: Network) -> None:
    network.gateway.apply(FLOWS)
    for host in ("insider", "relay"):
        assert network[host].attempt("203.0.113.25") == "silence"
        assert network[host].attempt("2001:db8:113::25") == "silence"


def test_other_ports_and_other_peoples_rules_work_as_before(network: Network) -> None:
    network.gateway.run("nft -f -", stdin=BY_HAND)
    network.gateway.apply(FLOWS)
    assert network["insider"].connect("203.0.113.25", 80) == "203.0.113.1"
    assert network["insider"].connect("2001:db8:113::25", 587) == "2001:db8:10::50"
    assert network["outside"].connect("203.0.113.1", 80) == "203.0.113.25"


def test_answers_to_a_client_that_sends_from_a_mail_port_get_through(network: Network) -> None:
    flows = [{**flow, "ports": [25, 465]} for flow in (*FLOWS, {"name": "none", "action": "drop"})]
    network.gateway.apply(flows)
    assert network["outside"].connect("203.0.113.1", local_port=465) == "203.0.113.25"
    assert network["outside"].connect("2001:db8:10::10", local_port=465) == "2001:db8:113::25"


def test_only_accepted_networks_reach_the_server(network: Network) -> None:
    network.gateway.apply(
        [{**FORWARD, "source": ["203.0.113.25"]}, {"name": "none", "action": "drop", "destination": ["192.168.0.10"]}]
    )
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert network["stranger"].attempt("203.0.113.1", marker="192.168.0.10") == "ECONNREFUSED"
    assert network["insider"].connect("203.0.113.1") == "192.168.0.1"


def test_a_forward_opens_the_public_address_alone(network: Network) -> None:
    """What comes to the server by its own address is left to the flows after it."""
    network.gateway.apply([FORWARD, {"name": "none", "action": "drop", "destination": ["192.168.0.10"]}])
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert network["outside"].attempt("192.168.0.10") == "silence"
    assert network["relay"].attempt("192.168.0.10") == "silence"


def test_translate_source_hides_every_client(network: Network) -> None:
    network.gateway.apply([{**FORWARD, "translate_source": True}])
    assert network["outside"].connect("203.0.113.1") == "192.168.0.1"


def test_weights_share_connections_out(network: Network) -> None:
    targets = [{"address": "192.168.0.10", "weight": 2}, {"address": "192.168.0.50"}]
    network.gateway.apply([{**FORWARD, "targets": targets}])
    capture = network.gateway.capture("lan", 6, "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn and dst port 25")
    for _connection in range(6):
        network["outside"].connect("203.0.113.1")
    seen = capture.communicate(timeout=60)[0]
    assert [seen.count(f"> {target['address']}.25") for target in targets] == [4, 2], seen


def test_two_public_addresses_lead_to_two_servers(network: Network) -> None:
    second = {**FORWARD, "name": "mx2", "public_address": "203.0.113.2", "targets": [{"address": "198.51.100.17"}]}
    network.gateway.apply([FORWARD, second])
    network.gateway.run("nft add table ip count; nft add chain ip count c '{ type filter hook forward priority 90; }'")
    network.gateway.run("nft add rule ip count c ip daddr 198.51.100.17 tcp dport 25 counter")
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert "packets 0" in network.gateway.run("nft list table ip count").stdout
    assert network["outside"].connect("203.0.113.2") == "203.0.113.25"
    assert "packets 0" not in network.gateway.run("nft list table ip count").stdout


def test_one_public_address_for_all_that_a_server_does(network: Network) -> None:
    """One to one: submission beside 25, and the server's own mail leaves from where its mail comes in."""
    egress = {"name": "egress", "action": "snat", "source": ["192.168.0.10"], "egress_address": "203.0.113.2"}
    forward = {**FORWARD, "public_address": "203.0.113.2", "ports": [25, 465, 587]}
    network.gateway.apply([forward, {**egress, "destination": ["wan"]}])
    network["mail"].serve([465])
    for port in (25, 465, 587):
        assert network["outside"].connect("203.0.113.2", port) == "203.0.113.25"
    assert network["outside"].attempt("203.0.113.2", 80, marker="198.51.100.17") == "ECONNREFUSED"
    assert network["mail"].connect("203.0.113.25") == "203.0.113.2"


def test_a_new_target_takes_new_connections_at_once(network: Network) -> None:
    network.gateway.apply([FORWARD])
    network["outside"].connect("203.0.113.1")
    network.gateway.apply([{**FORWARD, "targets": [{"address": "192.168.0.50"}]}])
    capture = network.gateway.capture("lan", 1, "dst port 25")
    network["outside"].connect("203.0.113.1")
    seen = capture.communicate(timeout=60)[0]
    assert "> 192.168.0.50.25" in seen


@pytest.mark.parametrize(("limits", "allowed"), [({"rate": "3/day"}, 3), ({"connections": 2}, 2)])
def test_limits_hold_for_each_client(network: Network, limits: dict[str, Any], allowed: int) -> None:
    network.gateway.apply([{**FORWARD, "limits": limits}])
    script = (
        "import socket, sys\n"
        "held = [socket.create_connection(('203.0.113.1', 25), 20) for _ in range(int(sys.argv[1]))]\n"
        "print(sum(len(one.makefile().readline()) > 0 for one in held), flush=True)\n"
        "sys.stdin.read()\n"
    )
    client = network["outside"].start(sys.executable, "-c", script, str(allowed))
    assert client.stdout is not None
    assert client.stdout.readline() == f"{allowed}\n"
    assert network["outside"].attempt("203.0.113.1", marker="192.168.0.10") == "silence"
    assert network["stranger"].connect("203.0.113.1") == "203.0.113.66"
    client.communicate(timeout=60)


# Sends one SYN as often as the last argument says, without a connection in its own kernel.
_SYNS = """
import socket, struct, sys
client, server, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
def segment(checksum):
    return struct.pack("!HHLLBBHHH", 40025, 25, 1, 0, 5 << 4, 2, 65535, checksum, 0)
data = socket.inet_aton(client) + socket.inet_aton(server) + struct.pack("!HH", 6, 20) + segment(0)
total = sum(struct.unpack(f"!{len(data) // 2}H", data))
total = (total >> 16) + (total & 0xFFFF)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as sender:
    for _time in range(times):
        sender.sendto(segment(~(total + (total >> 16)) & 0xFFFF), (server, 0))
"""


def test_first_packet_that_is_sent_again_is_no_other_connection(network: Network) -> None:
    """As of a client that a busy server does not answer at once."""
    network.gateway.apply([{**FORWARD, "limits": {"rate": "3/day"}}])
    mail = network["mail"]
    mail.run("nft 'add table ip busy; add chain ip busy c { type filter hook input priority 0; }'")
    mail.run("nft add rule ip busy c tcp dport 25 tcp sport 40025 drop")
    capture = network.gateway.capture("lan", 9, "dst port 25")
    network["outside"].run(f"{sys.executable} -c '{_SYNS}' 203.0.113.25 203.0.113.1 9")
    assert capture.communicate(timeout=60)[0].count("Flags [S]") == 9
    mail.run("nft delete table ip busy")
    assert [network["outside"].connect("203.0.113.1") for _connection in range(2)] == ["203.0.113.25"] * 2
    assert network["outside"].attempt("203.0.113.1", marker="192.168.0.10") == "silence"


@pytest.mark.parametrize("weights", [(50, 50), (2, 2), (2, 1, 3)])
def test_sender_who_tries_again_comes_to_another_server(network: Network, weights: tuple[int, ...]) -> None:
    """192.168.0.99 is down."""
    addresses = ("192.168.0.99", "192.168.0.10", "192.168.0.50")
    targets = [{"address": address, "weight": weight} for address, weight in zip(addresses, weights, strict=False)]
    network.gateway.apply([{**FORWARD, "targets": targets}])
    network.gateway.run("nft 'add table ip away; add chain ip away c { type filter hook forward priority 0; }'")
    network.gateway.run("nft add rule ip away c ip daddr 192.168.0.99 reject with tcp reset")
    seen = [
        network["outside"].attempt("203.0.113.1", marker="192.168.0.10", marker_port=80) == "open"
        for _attempt in range(2 * len(targets) + 2)
    ]
    assert (False, False) not in [*zip(seen, seen[1:], strict=False)]
    assert False in seen


def test_a_connection_survives_a_change_of_the_rules(network: Network, gateway: Gateway) -> None:
    """A good change does not break a connection that it still allows."""
    gateway.apply(FLOWS)
    script = (
        "import socket, sys\n"
        "c = socket.create_connection(('203.0.113.1', 25), 20); f = c.makefile('rb'); f.readline()\n"
        "for line in sys.stdin:\n"
        "    c.sendall(line.encode()); print(f.readline().decode().strip(), flush=True)\n"
    )
    client = network["outside"].start(sys.executable, "-uc", script)
    assert client.stdin is not None
    assert client.stdout is not None
    for number, flows in enumerate((FLOWS, [*FLOWS, {"name": "more", "action": "drop"}], FLOWS[:1], FLOWS)):
        gateway.apply(flows)
        client.stdin.write(f"line {number}\n")
        client.stdin.flush()
        assert client.stdout.readline() == f"line {number}\n"


def test_nobody_is_turned_away_while_the_rules_are_replaced(network: Network) -> None:
    """Every connection meets the old rules or the new ones, never none and never a mixture."""
    gateway = network.gateway
    # They never pause: between two tables there is a moment, too, which one of thousands of connections would meet.
    program = (
        "import collections, select, socket, sys\n"
        "seen = collections.Counter()\n"
        "while not select.select([sys.stdin], [], [], 0)[0]:\n"
        "    try:\n"
        "        with socket.create_connection(('203.0.113.1', 25), 20) as c:\n"
        "            seen[c.makefile().readline().strip()] += 1\n"
        "    except OSError as error: seen[repr(error)] += 1\n"
        "    if seen.total() == 1: print('begun', flush=True)\n"
        "print(*seen, sep='\\n')\n"
    )
    # They differ in all that a list can: translations, sets, chains, ranks.
    rest = {"name": "rest", "action": "drop", "destination": ["192.168.0.10", "192.168.0.50"]}
    refused = {"name": "refused", "action": "reject", "source": ["203.0.113.99"], "destination": ["192.168.0.0/24"]}
    hidden = {**FORWARD, "translate_source": True, "hairpin": True, "limits": {"rate": "60000/second"}}
    lists = [[FORWARD, rest], [refused, hidden, {**rest, "log": True}]]
    tables = [render("test", read_flows(flows, INTERFACES)) for flows in lists]
    gateway.apply(lists[0])
    clients = [network[name].start(sys.executable, "-uc", program) for name in ("outside", "stranger")]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
    # What the module has nft load, again and again.
    scripts = [*replacement(*tables), *replacement(*tables[::-1])]
    load = "; ".join(f"nft -f /mnt/{number}.nft" for number in range(len(scripts)))
    for number, script in enumerate(scripts):
        gateway.run(f"cat >/mnt/{number}.nft", stdin=script)
    gateway.run(f"for round in $(seq 200); do {load}; done")
    for client, address in zip(clients, ("203.0.113.25", "203.0.113.66"), strict=True):
        seen, complaints = client.communicate("", timeout=60)
        assert client.returncode == 0, complaints
        assert set(seen.splitlines()) == {address, "192.168.0.1"}
    assert not gateway.apply(lists[0])["changed"]


# A connection that says whether it lives when it is told to.
_LIVES = (
    "import socket, sys\n"
    "c = socket.create_connection((sys.argv[1], 25), 20); f = c.makefile('rb'); f.readline()\n"
    "print('begun', flush=True)\n"
    "sys.stdin.readline(); c.sendall(b'still there\\n')\n"
    "try: print(f.readline().decode().strip() or 'closed')\n"
    "except OSError as error: print(type(error).__name__)\n"
)


def test_targets_of_two_sources_are_exchanged(network: Network) -> None:
    """Each of them is for one source of the same public address."""
    one, two = {"targets": [{"address": "192.168.0.10"}]}, {"targets": [{"address": "192.168.0.50"}]}
    few = {**FORWARD, "name": "few", "source": ["203.0.113.66"]}
    network.gateway.apply([{**few, **one}, {**FORWARD, **two}])
    clients = [network[name].start(sys.executable, "-uc", _LIVES, "203.0.113.1") for name in ("stranger", "outside")]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
    network.gateway.apply([{**few, **two}, {**FORWARD, **one}])
    answers = [client.communicate("\n", timeout=60)[0].strip() for client in clients]
    assert "still there" not in answers


def test_a_new_target_gets_the_connections_of_its_forward_and_no_others_are_touched(network: Network) -> None:
    gateway = network.gateway
    other = {**FORWARD, "name": "other", "public_address": "203.0.113.2"}
    gateway.apply([FORWARD, other])
    clients = [
        network["outside"].start(sys.executable, "-uc", _LIVES, address) for address in ("203.0.113.1", "203.0.113.2")
    ]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "begun\n"
    listing = "conntrack -L -p tcp --dst-nat --orig-dst 203.0.113.1 --orig-port-dst 25 2>/dev/null"
    assert "src=192.168.0.10" in gateway.run(listing).stdout
    assert not gateway.apply([{**FORWARD, "targets": [{"address": "192.168.0.50"}]}, other]).get("warnings")
    assert "src=192.168.0.10" not in gateway.run(listing).stdout
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert "src=192.168.0.50" in gateway.run(listing).stdout
    answers = [client.communicate("\n", timeout=60)[0].strip() for client in clients]
    assert answers[0] != "still there"
    assert answers[1] == "still there"
