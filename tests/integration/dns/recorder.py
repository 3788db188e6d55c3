# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records the responses of name servers in the network namespace that it runs in.

It prints `ready`, and when its standard input ends each response that it met, in hexadecimal, a line each.
"""

from __future__ import annotations

import socket
import sys
from select import select

ALL_PROTOCOLS, LOOPBACK_COPY = 0x0003, 4
IPV4, IPV6, TCP, UDP = 4, 6, 6, 17
# Many runs ask the same again; so many different responses show what there is to see.
MOST = 20_000


def response(packet: bytes) -> bytes | None:
    """The DNS message from port 53 in an IP packet; over TCP only one that is alone and whole in its segment."""
    version = packet[0] >> 4
    if version == IPV4:
        protocol, start, end = packet[9], 4 * (packet[0] & 0xF), int.from_bytes(packet[2:4], "big")
    elif version == IPV6:
        protocol, start, end = packet[6], 40, 40 + int.from_bytes(packet[4:6], "big")
    else:
        return None
    if protocol not in (TCP, UDP) or packet[start : start + 2] != (53).to_bytes(2, "big"):
        return None
    if protocol == UDP:
        return packet[start + 8 : end]
    data = packet[start + 4 * (packet[start + 12] >> 4) : end]
    return data[2:] if len(data) > 2 and int.from_bytes(data[:2], "big") == len(data) - 2 else None


def main() -> None:
    found: dict[bytes, bytes] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        print("ready", flush=True)
        ended = False
        while not ended or select([tap], [], [], 0)[0]:
            readable, _writable, _failed = select([tap, *([] if ended else [sys.stdin])], [], [])
            if tap in readable:
                packet, address = tap.recvfrom(2**17)
                # Each packet of loopback is seen as it leaves, and as it arrives.
                if address[2] != LOOPBACK_COPY and (wire := response(packet)) and len(found) < MOST:
                    found.setdefault(wire[2:], wire)
            ended = ended or sys.stdin in readable
    print(*(wire.hex() for wire in found.values()), sep="\n")


if __name__ == "__main__":
    main()
