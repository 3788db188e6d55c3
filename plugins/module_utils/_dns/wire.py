# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS questions and answers on the wire (RFC 1035, section 4), of the few record types that mail needs.

A thousand domains are some twenty thousand questions. A library that knows all of DNS takes half a millisecond of
processor time for each, and would have to be installed on every host that looks; this takes a tenth of that.

Names are lower case without the final dot, and the root is a dot. Octets that mean something else in zone files, or are
not printable, are escaped as there (RFC 1035, section 5.1).
"""

from __future__ import annotations

import re
import secrets
import socket
import struct
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT, TLSA = 1, 2, 5, 6, 12, 15, 16, 28, 41, 52
TYPES = {
    "A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "PTR": PTR, "MX": MX, "TXT": TXT, "AAAA": AAAA, "TLSA": TLSA,
}  # fmt: skip
_RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
)  # fmt: skip

# Octets of a UDP answer that pass any path unfragmented (the DNS flag day of 2020).
UDP_ANSWER = 1232
_OPT_RECORD = b"\0" + struct.pack("!HHIH", OPT, UDP_ANSWER, 0, 0)  # RFC 6891, section 6.1.2
_RECURSION, _AUTHENTIC, _UNCHECKED = 0x0100, 0x0020, 0x0010
_RESPONSE, _AUTHORITATIVE, _TRUNCATED = 0x8000, 0x0400, 0x0200
_RECORD = struct.Struct("!HHIH")
_HEADER = struct.Struct("!6H")
_PLAIN_LABEL = re.compile(rb"[a-z0-9_-]*")
# A name has 127 labels at most, so more pointers than that lead in a circle.
_MOST_POINTERS = 127
_POINTER = 0xC0
_LONGEST_LABEL, _LONGEST_NAME = 63, 255


class Malformed(ValueError):
    """What came is no DNS message, or no answer to the question."""


class Record(NamedTuple):
    """value: a name (NS, CNAME, PTR), `10 mail.example.org` (MX), an address, the serial number (SOA), `3 1 1 0a1b...`
    (TLSA), or text, whose octets that are not ASCII are replaced (TXT).

    minimum: of an SOA record, how long in seconds resolvers keep an answer that there is nothing.
    """

    name: str
    type: int
    ttl: int
    value: str
    minimum: int = 0


class Message:
    """Of a message that was cut the sections are empty.

    The sections after the answer are read when they are asked for, as they rarely are; that raises Malformed too.
    """

    def __init__(self, flags: int, reader: _Reader, counts: Sequence[int]) -> None:
        rcode = flags & 0xF
        self.rcode = _RCODES[rcode] if rcode < len(_RCODES) else f"RCODE{rcode}"
        self.authoritative = bool(flags & _AUTHORITATIVE)
        self.truncated = bool(flags & _TRUNCATED)
        self.authentic = bool(flags & _AUTHENTIC)
        self._reader = reader
        answers, self._authorities, self._additions = (0, 0, 0) if self.truncated else counts
        self.answer = reader.records(answers)

    @cached_property
    def authority(self) -> list[Record]:
        return self._reader.records(self._authorities)

    @cached_property
    def additional(self) -> list[Record]:
        _before = self.authority
        return self._reader.records(self._additions)


def question(name: str, rdtype: str, recursive: bool = False, validated: bool = True) -> bytes:
    """A message with a random identifier. Raises Malformed for what is no name."""
    # To a resolver: say whether it is authentic (RFC 6840, section 5.7).
    flags = (_RECURSION | _AUTHENTIC if recursive else 0) | (0 if validated else _UNCHECKED)
    header = _HEADER.pack(secrets.randbits(16), flags, 1, 0, 0, 1)
    return header + _encoded(name) + struct.pack("!HH", TYPES[rdtype], 1) + _OPT_RECORD


@lru_cache(maxsize=10_000)
def _encoded(name: str) -> bytes:
    try:
        labels = [] if name == "." else [label.encode("ascii") for label in name.split(".")]
    except UnicodeEncodeError:
        raise Malformed(name) from None
    if any(not 1 <= len(label) <= _LONGEST_LABEL or b"\\" in label for label in labels):
        raise Malformed(name)
    wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(wire) > _LONGEST_NAME:
        raise Malformed(name)
    return wire


def answers(query: bytes, wire: bytes) -> bool:
    """Whether the message has the identifier and the question of the query; letters' case may differ."""
    end = len(query) - len(_OPT_RECORD)
    return (
        len(wire) >= end
        and wire[:2] == query[:2]
        and bool(wire[2] & 0x80)
        and wire[4:6] == b"\0\1"
        and wire[12:end].lower() == query[12:end].lower()
    )


def read(wire: bytes) -> Message:
    """Raises Malformed."""
    try:
        _identifier, flags, questions, *counts = _HEADER.unpack_from(wire)
        if not flags & _RESPONSE:
            raise Malformed("not a response")
        reader = _Reader(wire)
        for _question in range(questions):
            reader.name()
            reader.at += 4
    except (struct.error, IndexError) as error:
        raise Malformed("the message ends early") from error
    return Message(flags, reader, counts)


class _Reader:
    """at: the octet that comes next."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.at = _HEADER.size
        # By the place where it stands: a name, and the octets that it has.
        self._names: dict[int, tuple[str, int]] = {}

    def name(self) -> str:
        """The name that comes next."""
        wire, known = self.wire, self._names
        start = at = self.at
        labels: list[str] = []
        octets = pointers = after = 0
        while length := wire[at]:
            if length >= _POINTER:
                after = after or at + 2
                at = (length & 0x3F) << 8 | wire[at + 1]
                if at in known:
                    rest, more = known[at]
                    octets += more
                    if rest != ".":
                        labels.append(rest)
                    break
                pointers += 1
                if pointers > _MOST_POINTERS:
                    raise Malformed("a name that points to itself")
                continue
            label = wire[at + 1 : at + 1 + length].lower()
            if length > _LONGEST_LABEL or len(label) < length:
                raise Malformed("a label that is too long")
            octets += length + 1
            if octets >= _LONGEST_NAME:
                break
            labels.append(label.decode("ascii") if _PLAIN_LABEL.fullmatch(label) else _escaped(label))
            at += length + 1
        if octets >= _LONGEST_NAME:
            raise Malformed("a name that is too long")
        self.at = after or at + 1
        found = ".".join(labels) or "."
        known[start] = found, octets
        return found

    def records(self, count: int) -> list[Record]:
        """Those of the types that are known here; class IN. Raises Malformed."""
        found = []
        try:
            for _record in range(count):
                name = self.name()
                rdtype, rdclass, ttl, length = _RECORD.unpack_from(self.wire, self.at)
                self.at += _RECORD.size
                end = self.at + length
                if end > len(self.wire):
                    raise Malformed("the message ends early")
                if rdclass == 1 and rdtype in _KNOWN:
                    # RFC 2181, section 8.
                    found.append(self._record(name, rdtype, 0 if ttl > 0x7FFFFFFF else ttl, length))
                    if self.at != end:
                        raise Malformed("a record that is longer than it says")
                self.at = end
        except (struct.error, IndexError) as error:
            raise Malformed("the message ends early") from error
        return found

    def _record(self, name: str, rdtype: int, ttl: int, length: int) -> Record:
        if rdtype in (A, AAAA):
            if length != (4 if rdtype == A else 16):
                raise Malformed("an address of another length")
            packed = self.wire[self.at : self.at + length]
            self.at += length
            return Record(
                name, rdtype, ttl, socket.inet_ntop(socket.AF_INET if rdtype == A else socket.AF_INET6, packed)
            )
        if rdtype == MX:
            (preference,) = struct.unpack_from("!H", self.wire, self.at)
            self.at += 2
            return Record(name, rdtype, ttl, f"{preference} {self.name()}")
        if rdtype in (TXT, TLSA):
            data = self.wire[self.at : self.at + length]
            self.at += length
            return Record(name, rdtype, ttl, _text(data) if rdtype == TXT else _association(data))
        if rdtype == SOA:
            self.name()
            self.name()
            serial, *_times, minimum = struct.unpack_from("!5I", self.wire, self.at)
            self.at += 20
            return Record(name, rdtype, ttl, str(serial), minimum)
        return Record(name, rdtype, ttl, self.name())


_KNOWN = frozenset(TYPES.values())


def _text(data: bytes) -> str:
    """The character strings as one (RFC 1035, section 3.3.14)."""
    found, at = b"", 0
    while at < len(data):
        found += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return found.decode("ascii", "replace")


def _association(data: bytes) -> str:
    """Usage, selector, matching type and the rest (RFC 6698, section 2.1)."""
    if len(data) < 3:
        raise Malformed("a TLSA record that is too short")
    return f"{data[0]} {data[1]} {data[2]} {data[3:].hex()}"


def _escaped(label: bytes) -> str:
    plain = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
    special = b'"().;\\@$'
    return "".join(
        chr(one)
        if one in plain or (0x20 < one < 0x7F and one not in special)
        else f"\\{chr(one)}"
        if one in special
        else f"\\{one:03}"
        for one in label
    )
