# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server that answers as it is told, mostly badly: python odd_name_server.py ADDRESS BEHAVIOUR ZONE-FILE ZONE.

Serves the zone over UDP and TCP. Prints `ready` when it listens.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
import threading
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

MOST = 65535
# More than anybody follows.
ALIASES = 300
# Of a zone that makes its clients send packets: exchangers, name servers, and addresses that each name has.
FLOOD_NAMES, FLOOD_ADDRESSES = 50, 1200


def reply(zone: dns.zone.Zone, query: dns.message.Message, behaviour: str) -> bytes | None:
    """None: it says nothing."""
    (asked,) = query.question
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA
    found = zone.get_rrset(asked.name, asked.rdtype)
    if found is not None:
        answer.answer.append(found)
    else:
        answer.authority.append(zone.find_rrset(zone.origin, dns.rdatatype.SOA))
    is_mx = asked.rdtype == dns.rdatatype.MX
    if behaviour == "drops-mx" and is_mx:
        return None
    if behaviour == "fails-at-mx" and is_mx:
        answer = dns.message.make_response(query)
        answer.set_rcode(dns.rcode.SERVFAIL)
    if behaviour == "mx-without-authority" and is_mx:
        answer.flags &= ~dns.flags.AA
    if behaviour == "refers-to-itself":
        answer = dns.message.make_response(query)
        answer.authority.append(zone.find_rrset(zone.origin, dns.rdatatype.NS))
    if behaviour == "huge" and is_mx:
        hosts = (f"{number % 65536} mx{number}.example.org." for number in range(2600))
        answer.answer = [dns.rrset.from_text(asked.name, 300, "IN", "MX", *hosts)]
    if behaviour == "endless-aliases" and asked.name.to_text() == "mail.example.org.":
        names = ["mail", *(f"alias{number}" for number in range(ALIASES))]
        answer.answer = [
            dns.rrset.from_text(f"{name}.example.org.", 300, "IN", "CNAME", f"{target}.example.org.")
            for name, target in zip(names, names[1:])
        ]
    floods = {"floods": ("mx",), "floods-ns": ("ns",)}.get(behaviour, ())
    if floods and not asked.name.to_text().startswith("ns1."):
        flood(answer, asked, floods[0])
    if behaviour == "escapes" and is_mx:
        answer.answer = [
            dns.rrset.from_text(asked.name, 300, "IN", "MX", r"10 \027[2J\027]0\;owned\007<script>.example.org.")
        ]
    wire = answer.to_wire(max_size=MOST)
    if behaviour == "garbles-mx" and is_mx:
        return wire[: len(query.to_wire()) - 11] + b"\xff" * 40
    return wire


def flood(answer: dns.message.Message, asked: dns.rrset.RRset, role: str) -> None:
    """Answer with as many exchangers (role: mx) or name servers (ns) and addresses as there is room for."""
    label = asked.name.to_text().partition(".")[0]
    number = int("".join(filter(str.isdecimal, label)) or 0) + (FLOOD_NAMES if label.startswith("ns") else 0)
    if asked.rdtype == dns.rdatatype.MX and role == "mx":
        values = [f"{number} mx{number}.example.org." for number in range(FLOOD_NAMES)]
    elif asked.rdtype == dns.rdatatype.NS and label == "example" and role == "ns":
        values = [f"ns{number}.example.org." for number in range(1, FLOOD_NAMES)]
    elif asked.rdtype == dns.rdatatype.A and label != "example":
        first = int(ipaddress.ip_address("9.8.0.0")) + number * FLOOD_ADDRESSES
        values = [str(ipaddress.ip_address(first + each)) for each in range(FLOOD_ADDRESSES)]
        values += ["127.0.0.1", "169.254.169.254", "10.0.0.1"]
    else:
        return
    answer.answer = [dns.rrset.from_text(asked.name, 300, "IN", dns.rdatatype.to_text(asked.rdtype), *values)]
    answer.authority = []


def over_udp(server: socket.socket, zone: dns.zone.Zone, behaviour: str) -> None:
    while True:
        wire, client = server.recvfrom(MOST)
        query = dns.message.from_wire(wire)
        said = reply(zone, query, behaviour)
        if said is None:
            continue
        if len(said) > 1232 or (behaviour == "drips" and query.question[0].rdtype == dns.rdatatype.MX):
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC | dns.flags.AA
            said = cut.to_wire()
        if behaviour == "lies-first":
            server.sendto(bytes([said[0] ^ 255]) + said[1:], client)
            server.sendto(said.replace(b"example", b"exampel"), client)
        server.sendto(said, client)


def over_tcp(connection: socket.socket, zone: dns.zone.Zone, behaviour: str) -> None:
    with connection, contextlib.suppress(OSError):
        while length := connection.recv(2):
            query = dns.message.from_wire(connection.recv(int.from_bytes(length, "big")))
            said = reply(zone, query, behaviour)
            if said is None:
                continue
            if behaviour == "drips" and query.question[0].rdtype == dns.rdatatype.MX:
                for octet in len(said).to_bytes(2, "big") + said:
                    connection.sendall(bytes([octet]))
                    time.sleep(0.2)
            connection.sendall(len(said).to_bytes(2, "big") + said)


def main(address: str, behaviour: str, file: str, origin: str) -> None:
    zone = dns.zone.from_text(Path(file).read_text(), origin, relativize=False)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, 53))
    with socket.create_server((address, 53)) as streams:
        threading.Thread(target=over_udp, args=(datagrams, zone, behaviour), daemon=True).start()
        print("ready", flush=True)
        while True:
            connection, _client = streams.accept()
            threading.Thread(target=over_tcp, args=(connection, zone, behaviour), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
