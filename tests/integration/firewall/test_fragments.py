# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv6 fragments whose first one does not hold the ports: no drop could look at them (RFC 7112, sections 4 and 5)."""

from __future__ import annotations

import ipaddress
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Network

OUTSIDE, MAIL = "2001:db8:113::25", "2001:db8:10::10"
ALLOWED = {"name": "allowed", "action": "accept", "source": ["2001:db8:113::66"], "destination": [MAIL]}
DROP = {"name": "server", "action": "drop", "source": "any", "destination": [MAIL]}
REJECT = {**DROP, "action": "reject"}
LIMITED = {**DROP, "name": "limited", "action": "accept", "limits": {"rate": "30/minute", "connections": 10}}
EGRESS = {"name": "egress", "action": "snat", "source": ["192.168.0.10"], "egress_address": "203.0.113.1"}
FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}
RULESETS: dict[str, list[dict[str, Any]]] = {
    "filter": [ALLOWED, DROP],
    "reject": [ALLOWED, REJECT],
    "logged": [ALLOWED, {**DROP, "log": True}],
    "limited": [LIMITED, {**DROP, "ports": [25, 465]}],
    "egress": [EGRESS, ALLOWED, DROP],
    "forward": [FORWARD, ALLOWED, DROP],
    "interfaces": [{"name": "closed", "action": "drop", "source": ["wan"], "destination": ["lan"]}],
}

# Sends packets as they are, and then a datagram that says that they have been sent.
_SEND = """
import socket, sys
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
for packet in sys.argv[2:]:
    raw.sendto(bytes.fromhex(packet), (sys.argv[1], 0))
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"sent", (sys.argv[1], 9))
"""
# Prints what an IPv6 packet's payload begins with, until the datagram comes.
_RECEIVE = """
import socket, sys
link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
link.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    packet = link.recv(65536)
    if packet[6] == 17 and packet.endswith(b"sent"):
        break
    if packet[6] in (6, 17, 44):
        print(packet[40:].hex(), flush=True)
"""

TCP, UDP, DESTINATION_OPTIONS, FRAGMENT = 6, 17, 60, 44


def address(text: str) -> bytes:

    return ipaddress.IPv6Address(text).packed


def packet(next_header: int, payload: bytes) -> str:
    header = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes([next_header, 64])
    return (header + address(OUTSIDE) + address(MAIL) + payload).hex()


def fragment(next_header: int, offset: int, more: bool, payload: bytes, number: int = 1) -> str:
    place = (offset | more).to_bytes(2, "big")
    return packet(FRAGMENT, bytes([next_header, 0]) + place + number.to_bytes(4, "big") + payload)


def tcp(port: int) -> bytes:
    """A SYN. Its checksum is wrong: it is not to be answered."""
    return (40000).to_bytes(2, "big") + port.to_bytes(2, "big") + bytes(8) + b"\x50\x02\xff\xff\0\0\0\0"


def options(next_header: int, octets: int) -> bytes:
    """A header of destination options (RFC 8200, section 4.6) with padding alone."""
    return bytes([next_header, octets // 8 - 1, 1, octets - 4]) + bytes(octets - 4)


def arrives(network: Network, *packets: str) -> list[str]:
    """What of the packets, which the outside sends to the server, gets there."""
    receiver = network["mail"].start(sys.executable, "-c", _RECEIVE, "lan")
    assert receiver.stdout is not None
    assert receiver.stdout.readline() == "ready\n"
    sender = network["outside"].start(sys.executable, "-c", _SEND, MAIL, *packets)
    _out, complaints = sender.communicate(timeout=60)
    assert sender.returncode == 0, complaints
    return receiver.communicate(timeout=60)[0].split()


def payload(sent: str) -> str:
    return sent[80:]


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize(
    ("next_header", "first"),
    [
        (DESTINATION_OPTIONS, options(TCP, 8)),
        (DESTINATION_OPTIONS, options(TCP, 16)),
        (DESTINATION_OPTIONS, options(TCP, 24)[:8]),
        (DESTINATION_OPTIONS, options(DESTINATION_OPTIONS, 8)),
        (DESTINATION_OPTIONS, options(DESTINATION_OPTIONS, 8) + options(TCP, 24)[:16]),
    ],
    ids=["options alone", "longer options", "cut options", "options to come", "second options cut"],
)
def test_first_fragment_without_ports_does_not_pass(
    network: Network, ruleset: str, next_header: int, first: bytes
) -> None:
    network.gateway.apply(RULESETS[ruleset])
    whole = first + bytes(-len(first) % 8)
    packets = [fragment(next_header, 0, True, first), fragment(next_header, len(whole), False, tcp(25))]
    for order in (packets, packets[::-1]):
        assert payload(packets[0]) not in arrives(network, *order)


@pytest.mark.parametrize("ruleset", RULESETS)
def test_first_fragment_with_the_ports_is_judged_by_them(network: Network, ruleset: str) -> None:
    network.gateway.apply(RULESETS[ruleset])
    for extra in (b"", options(TCP, 8)):
        header = DESTINATION_OPTIONS if extra else TCP
        for size in (8, 16):
            sent = fragment(header, 0, True, extra + tcp(25)[:size])
            rest = fragment(header, len(extra) + size, False, tcp(25)[size:] + bytes(4))
            if ruleset != "limited":
                assert payload(sent) not in arrives(network, sent, rest)


@pytest.mark.parametrize("ruleset", ["filter", "reject", "logged", "interfaces", "egress"])
def test_other_fragments_get_through(network: Network, ruleset: str) -> None:
    """To another port, of another protocol, and one that is the whole packet (RFC 6946)."""
    network.gateway.apply(RULESETS[ruleset])
    sent = [
        fragment(TCP, 0, True, tcp(80)[:16]),
        fragment(TCP, 16, False, tcp(80)[16:] + bytes(4)),
        fragment(UDP, 0, True, bytes.fromhex("9c40003500200000"), 2),
        fragment(UDP, 8, False, bytes(24), 2),
        fragment(TCP, 0, False, tcp(80), 3),
        packet(TCP, tcp(80)),
    ]
    assert arrives(network, *sent) == [payload(one) for one in sent]


@pytest.mark.parametrize("ruleset", ["forward"])
def test_fragments_of_other_ports_get_through_where_they_are_reassembled(network: Network, ruleset: str) -> None:
    network.gateway.apply(RULESETS[ruleset])
    packets = [fragment(TCP, 0, True, tcp(80)[:16], 4), fragment(TCP, 16, False, tcp(80)[16:] + bytes(4), 4)]
    assert arrives(network, *packets)
