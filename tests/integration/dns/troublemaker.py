# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between the collection and a real named, and behaves as a network or a server sometimes does.

    troublemaker.py ADDRESS NAMED TROUBLE [COUNT]

TROUBLE is what happens to the first COUNT updates (default: all):

ignore     answered NOERROR, properly signed, and not done (the key is read from standard input: name secret)
part       answered NOERROR as well, but the TXT records in it are left out (with the key, too)
heedless   done without a look at its prerequisites (with the key, too)
deny       the answer of named is lost, the update was done
together   the first COUNT updates of each zone wait for one another, and then go on at once
race       another administrator changes the records just before: standard input is a shell command
forge      every answer, to questions too, follows a crowd of forged ones
mislead    the same, but none of them is right in all but the signature: for a client without a key
weather    each datagram may be lost, or its answer late, lost, sent twice or truncated, but only the first two times
           that it comes; the connection on which the twentieth message comes is cut (with the key, too)
cut        each connection ends when an update comes on it
truncate   every answer says that it is only a part, over TCP too (with the key, too)
datagrams  the same, and nothing listens for TCP
unsigned   every answer comes without a signature
silence    nothing is ever answered
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

Ask = Callable[[bytes], bytes]


class Troublemaker:
    def __init__(self, address: str, named: str, trouble: str, count: int = 1_000_000) -> None:
        self.address, self.named, self.trouble, self.count = address, named, trouble, count
        self.given = "" if sys.stdin.isatty() else sys.stdin.read().strip()
        self.updates = 0
        self.lock = threading.Lock()
        self.streamed = 0
        self.seen: Counter[bytes] = Counter()
        self.arrival = threading.Condition()
        self.arrived: dict[dns.name.Name, set[bytes]] = {}

    def answers(self, wire: bytes, ask: Ask) -> list[bytes]:
        """What to send for a message; `ask` hands a message to named and returns its answer."""
        if self.trouble == "silence":
            return []
        is_update = wire[2] >> 3 & 0xF == dns.opcode.UPDATE
        if self.trouble == "forge":
            return [*forgeries(wire), ask(wire)]
        if self.trouble == "mislead":
            return [*misleading(wire), ask(wire)]
        if self.trouble in ("truncate", "datagrams"):
            return [self.truncated(wire)]
        if self.trouble == "weather":
            return self.in_bad_weather(wire, ask) if ask == self.ask_by_datagram else [ask(wire)]
        if self.trouble == "cut":
            return [ask(wire)]
        if self.trouble == "unsigned":
            return [lie(wire)]
        if self.trouble == "together":
            if is_update:
                self.meet(wire)
            return [ask(wire)]
        with self.lock:
            self.updates += is_update
            spared = not is_update or self.updates > self.count
        if spared:
            return [ask(wire)]
        if self.trouble == "ignore":
            return [self.yes(wire)]
        if self.trouble == "part":
            ask(self.without(dns.update.UpdateSection.UPDATE, wire, dns.rdatatype.TXT))
            return [self.yes(wire)]
        if self.trouble == "heedless":
            ask(self.without(dns.update.UpdateSection.PREREQ, wire))
            return [self.yes(wire)]
        if self.trouble == "race":
            subprocess.run(self.given, shell=True, check=True)
            return [ask(wire)]
        if self.trouble == "deny":
            ask(wire)
            return []
        raise SystemExit(f"no such trouble: {self.trouble}")

    def meet(self, wire: bytes) -> None:
        zone = dns.message.from_wire(wire, keyring=False, continue_on_error=True).question[0].name
        with self.arrival:
            # A repetition is the same octets.
            self.arrived.setdefault(zone, set()).add(wire)
            self.arrival.notify_all()
            self.arrival.wait_for(lambda: len(self.arrived[zone]) >= self.count)

    def in_bad_weather(self, wire: bytes, ask: Ask) -> list[bytes]:
        with self.lock:
            self.seen[wire] += 1
            chance = random.randrange(8) if self.seen[wire] <= 2 else 7
        if chance == 0:  # lost on the way there
            return []
        answer = ask(wire)
        if chance == 1:  # lost on the way back
            return []
        if chance == 2:  # later than the repetition
            time.sleep(1)
        if chance == 3:
            return [answer, answer]
        if chance == 4:  # the question comes twice
            return [answer, ask(wire)]
        if chance == 5 and wire[2] >> 3 & 0xF == dns.opcode.QUERY:
            return [self.truncated(wire)]
        return [answer]

    def request(self, wire: bytes) -> dns.message.Message:
        name, secret = self.given.split()
        return dns.message.from_wire(wire, keyring=dns.tsig.Key(name, secret))

    def yes(self, wire: bytes) -> bytes:
        return dns.message.make_response(self.request(wire)).to_wire()

    def truncated(self, wire: bytes) -> bytes:
        answer = dns.message.make_response(self.request(wire))
        answer.flags |= dns.flags.AA | dns.flags.TC
        return answer.to_wire()

    def without(self, section: int, wire: bytes, rdtype: int = dns.rdatatype.ANY) -> bytes:
        """The update without the records of this type in a section of it."""
        update = self.request(wire)
        update.sections[section] = [
            rrset for rrset in update.sections[section] if rdtype not in (rrset.rdtype, dns.rdatatype.ANY)
        ]
        update.use_tsig(update.keyring)
        return update.to_wire()

    def serve(self) -> None:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((self.address, 53))
        if self.trouble != "datagrams":
            streams = socket.create_server((self.address, 53))
            threading.Thread(target=self.serve_streams, args=(streams,), daemon=True).start()
        print("ready", flush=True)
        while True:
            wire, client = datagrams.recvfrom(65535)
            threading.Thread(target=self.one_datagram, args=(datagrams, wire, client), daemon=True).start()

    def one_datagram(self, datagrams: socket.socket, wire: bytes, client: tuple[str, int]) -> None:
        if self.trouble in ("forge", "mislead"):
            # From another address, with everything else right.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.1", 0))
                stranger.sendto(lie(wire), client)
        with suppress(ConnectionRefusedError):  # named is gone
            for answer in self.answers(wire, self.ask_by_datagram):
                datagrams.sendto(answer, client)

    def ask_by_datagram(self, wire: bytes) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as named:
            named.connect((self.named, 53))
            named.send(wire)
            return named.recv(65535)

    def serve_streams(self, streams: socket.socket) -> None:
        while True:
            client, _address = streams.accept()
            threading.Thread(target=self.one_stream, args=(client,), daemon=True).start()

    def one_stream(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection((self.named, 53)) as named:

            def ask(wire: bytes) -> bytes:
                named.sendall(len(wire).to_bytes(2, "big") + wire)
                return received(named)

            while wire := received(client):
                with self.lock:
                    self.streamed += 1
                    is_cut = self.trouble == "weather" and self.streamed == 20
                if self.trouble == "cut" and wire[2] >> 3 & 0xF == dns.opcode.UPDATE:
                    return
                answers = self.answers(wire, ask)
                if is_cut:
                    return
                for answer in answers:
                    client.sendall(len(answer).to_bytes(2, "big") + answer)


def received(stream: socket.socket) -> bytes:
    """The next message; nothing at the end."""
    length = stream.recv(2, socket.MSG_WAITALL)
    return stream.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)


def lie(wire: bytes, **changed: object) -> bytes:
    """An answer to the question that says the exchange is somebody else."""
    request = dns.message.from_wire(wire, keyring=False, continue_on_error=True)
    answer = dns.message.make_response(request) if request.opcode() == dns.opcode.QUERY else request
    answer.tsig = None
    answer.flags |= dns.flags.AA | dns.flags.QR
    question = answer.question[0]
    if request.opcode() == dns.opcode.QUERY and question.rdtype == dns.rdatatype.MX:
        answer.answer = [dns.rrset.from_text(question.name, 60, "IN", "MX", "1 evil.example.com.")]
    for name, value in changed.items():
        setattr(answer, name, value)
    return answer.to_wire()


def forgeries(wire: bytes) -> list[bytes]:
    return [lie(wire), *misleading(wire)]  # the first is only not signed


def misleading(wire: bytes) -> list[bytes]:
    identifier = int.from_bytes(wire[:2], "big")
    other_question = dns.message.make_query("elsewhere.example.", "MX").question
    return [
        lie(wire, id=identifier ^ 1),  # another identifier
        lie(wire, question=other_question),  # about something else
        lie(wire)[:-3],  # cut off
        wire,  # the question itself
        b"",
        wire[:5],
        os.urandom(40),
        wire[:2] + b"\x84\x00" + wire[4:12] + b"\xc0\x0c" * 20,  # names that point to themselves
    ]


if __name__ == "__main__":
    address, named, trouble, *numbers = sys.argv[1:]
    Troublemaker(address, named, trouble, *map(int, numbers)).serve()
