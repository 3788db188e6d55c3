# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages on the wire (RFC 1035, section 4): the one codec of the collection, for targets and controller.

Why it is not dnspython's: a host that serves as an observation point needs nothing but Python. And speed: one response
is read in 12 µs, where dnspython takes 254; a query is made in 1 µs, where it takes 50; a thousand domains are twenty
thousand queries. Everything else about DNS is dnspython's and stays on the controller: TSIG, rdata in canonical form,
names as objects. The tests hold this codec against dnspython, message by message.

A message is not turned into objects: records are located, and only those that count are decoded. Names as text are
lower case without the final dot, and the root is a dot. Octets that mean something else in zone files, or are not
printable, are escaped as there (RFC 1035, section 5.1).

All work is bounded by the length of the message, 65,535 octets at most: each pointer of a name leads further back than
the one before it, a name ends at 255 octets, and each record starts behind the one before it.
"""

from __future__ import annotations

import secrets
import struct
from functools import lru_cache
from typing import NamedTuple

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT, TLSA, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 41, 52, 255
IN = 1
TYPES = {
    "A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "PTR": PTR, "MX": MX, "TXT": TXT, "AAAA": AAAA, "TLSA": TLSA,
}  # fmt: skip
_RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
)  # fmt: skip

MAX_MESSAGE = 65535
# Octets of a UDP response that pass any path unfragmented (the DNS flag day of 2020).
UDP_RESPONSE = 1232
RECURSION_DESIRED, AUTHENTIC_DATA, CHECKING_DISABLED = 0x0100, 0x0020, 0x0010
_RESPONSE, _AUTHORITATIVE, _TRUNCATED = 0x8000, 0x0400, 0x0200
_RECORD = struct.Struct("!HHIH")
_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_OPT_RECORD = b"\0" + _RECORD.pack(OPT, UDP_RESPONSE, 0, 0)  # RFC 6891, section 6.1.2
_PLAIN_OCTETS = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
_SPECIAL_OCTETS = b'"().;\\@$'
_POINTER = 0xC0
_LONGEST_LABEL, _LONGEST_NAME = 63, 255
# A name has 127 labels at most: more pointers than that serve only to take time.
_MOST_POINTERS = 127


class Malformed(ValueError):
    """The octets are no DNS message, or not the response to the query; the message says why."""


class Record(NamedTuple):
    """Where a resource record lies in its message. owner, rdata: positions; ttl: seconds; length: octets of rdata."""

    owner: int
    rdtype: int
    rdclass: int
    ttl: int
    rdata: int
    length: int


# Makes a NamedTuple of its fields in half the time that its own constructor takes; each record is two of them.
new_tuple = tuple.__new__


class Message:
    """A message whose sections are located when they are first used; that raises Malformed too.

    flags: the second word of the header, with the response code.
    """

    def __init__(self, wire: bytes) -> None:
        """Raises Malformed."""
        self.wire = wire
        try:
            self.identifier, self.flags, questions, *self._counts = _HEADER.unpack_from(wire)
            at = _HEADER.size
            for _question in range(questions):
                at = self.end_of_name(at) + _QUESTION.size
        except (struct.error, IndexError):
            raise Malformed("the message ends early") from None
        self._located_to = at
        self._sections: list[list[Record]] = []
        self._names: dict[int, str] = {}

    @property
    def rcode(self) -> str:
        """As text; of an unknown code RCODE and its number."""
        rcode = self.flags & 0xF
        return _RCODES[rcode] if rcode < len(_RCODES) else f"RCODE{rcode}"

    @property
    def is_response(self) -> bool:
        return self.flags & _RESPONSE != 0

    @property
    def authoritative(self) -> bool:
        return self.flags & _AUTHORITATIVE != 0

    @property
    def truncated(self) -> bool:
        return self.flags & _TRUNCATED != 0

    @property
    def authentic(self) -> bool:
        return self.flags & AUTHENTIC_DATA != 0

    # Sections

    @property
    def answer(self) -> list[Record]:
        return self._section(0)

    @property
    def authority(self) -> list[Record]:
        return self._section(1)

    @property
    def additional(self) -> list[Record]:
        return self._section(2)

    @property
    def end(self) -> int:
        """The position behind the last record."""
        self._section(2)
        return self._located_to

    def _section(self, number: int) -> list[Record]:
        sections = self._sections
        while len(sections) <= number:
            count = self._counts[len(sections)]
            sections.append(self._next_section(count) if count else [])
        return sections[number]

    def _next_section(self, count: int) -> list[Record]:
        """So many records behind those that are located already (RFC 1035, section 4.1.3)."""
        wire, size, at = self.wire, len(self.wire), self._located_to
        records = []
        try:
            for _number in range(count):
                owner = at
                # Mostly a pointer; asked here, as a call would take as long as the rest.
                at = at + 2 if wire[at] >= _POINTER else self.end_of_name(at)
                rdtype, rdclass, ttl, length = _RECORD.unpack_from(wire, at)
                rdata = at + _RECORD.size
                at = rdata + length
                if at > size:
                    raise Malformed("a record ends behind the message")
                # A TTL with the highest bit set counts as 0 (RFC 2181, section 8).
                fields = owner, rdtype, rdclass, ttl if ttl < 0x80000000 else 0, rdata, length
                records.append(new_tuple(Record, fields))
        except (struct.error, IndexError):
            raise Malformed("the message ends early") from None
        self._located_to = at
        return records

    # Names

    def end_of_name(self, at: int) -> int:
        """The position behind the name that stands there; nothing else of it is read. Raises Malformed, IndexError."""
        wire = self.wire
        while length := wire[at]:
            if length >= _POINTER:  # a pointer ends the name (RFC 1035, section 4.1.4)
                return at + 2
            if length > _LONGEST_LABEL:
                raise Malformed("a label of an unknown kind")
            at += length + 1
        return at + 1

    def labels(self, at: int) -> list[bytes]:
        """The labels of the name that stands there, in lower case, without the root's. Raises Malformed."""
        wire = self.wire
        labels: list[bytes] = []
        limit, octets, pointers = at, 1, 0
        try:
            while length := wire[at]:
                if length <= _LONGEST_LABEL:
                    octets += length + 1
                    if octets > _LONGEST_NAME:
                        raise Malformed("a name is too long")
                    start = at + 1
                    at = start + length
                    # Of a label that the message cuts off, the next octet to look at is not there.
                    labels.append(wire[start:at].lower())
                elif length >= _POINTER:
                    at = (length & 0x3F) << 8 | wire[at + 1]
                    # Each leads further back than the one before: so it ends.
                    if at >= limit:
                        raise Malformed("a pointer in a name leads forward")
                    limit = at
                    pointers += 1
                    if pointers > _MOST_POINTERS:
                        raise Malformed("a name has too many pointers")
                else:
                    raise Malformed("a label of an unknown kind")
        except IndexError:
            raise Malformed("a name has no end") from None
        return labels

    def name(self, at: int) -> str:
        """The name that stands there, as text. Raises Malformed."""
        wire = self.wire
        # Most names are pointers to one that was read before.
        if at + 1 < len(wire) and wire[at] >= _POINTER and (target := (wire[at] & 0x3F) << 8 | wire[at + 1]) < at:
            at = target
        found = self._names.get(at)
        if found is None:
            labels = self.labels(at)
            if b"".join(labels).translate(None, _PLAIN_OCTETS):
                found = ".".join(map(_escaped, labels))
            else:
                found = b".".join(labels).decode("ascii") or "."
            self._names[at] = found
        return found


def read_response(wire: bytes) -> Message:
    """Raises Malformed."""
    message = Message(wire)
    if not message.is_response:
        raise Malformed("a query, not a response")
    return message


def is_response_to(query: bytes, wire: bytes) -> bool:
    """Whether the message has the identifier and the question of the query; letters' case may differ."""
    end = len(query) - len(_OPT_RECORD)
    return (
        len(wire) >= end
        and wire[:2] == query[:2]
        and bool(wire[2] & 0x80)
        and wire[4:6] == b"\0\1"
        and wire[12:end].lower() == query[12:end].lower()
    )


def is_about(question: bytes, message: Message) -> bool:
    """Whether the response has this question section; some servers leave it out of one to what they could not read."""
    wire, count = message.wire, int.from_bytes(message.wire[4:6], "big")
    if count == 1:
        return wire[_HEADER.size : _HEADER.size + len(question)].lower() == question.lower()
    return count == 0 and message.flags & 0xF != 0


def make_query(name: str, rdtype: str, recursive: bool = False, validated: bool = True) -> bytes:
    """A query with a random identifier. Raises Malformed for what is no name.

    recursive: a resolver is asked, and says whether the answer is authentic (RFC 6840, section 5.7). validated: False:
    the resolver answers also what it takes for bogus.
    """
    flags = (RECURSION_DESIRED | AUTHENTIC_DATA if recursive else 0) | (0 if validated else CHECKING_DISABLED)
    return encode_query(encode_question(encode_name(name), TYPES[rdtype]), flags, secrets.randbits(16))


def encode_query(question: bytes, flags: int = 0, identifier: int = 0) -> bytes:
    """A query with this question section and an OPT record (RFC 6891)."""
    return _HEADER.pack(identifier, flags, 1, 0, 0, 1) + question + _OPT_RECORD


def encode_question(name: bytes, rdtype: int) -> bytes:
    """A question section, or the zone section of an update, of class IN; name: on the wire."""
    return name + _QUESTION.pack(rdtype, IN)


def encode_header(identifier: int, flags: int, counts: tuple[int, int, int, int]) -> bytes:
    """counts: of the entries in the four sections."""
    return _HEADER.pack(identifier, flags, *counts)


def encode_record(owner: bytes, rdtype: int, rdclass: int, ttl: int = 0, rdata: bytes = b"") -> bytes:
    """owner: a name on the wire."""
    return owner + _RECORD.pack(rdtype, rdclass, ttl, len(rdata)) + rdata


@lru_cache(maxsize=10_000)
def encode_name(name: str) -> bytes:
    """A name in plain text, without escapes, on the wire. Raises Malformed."""
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


def _escaped(label: bytes) -> str:
    return "".join(
        chr(octet)
        if octet in _PLAIN_OCTETS or (0x20 < octet < 0x7F and octet not in _SPECIAL_OCTETS)
        else f"\\{chr(octet)}"
        if octet in _SPECIAL_OCTETS
        else f"\\{octet:03}"
        for octet in label
    )
