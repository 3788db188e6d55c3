# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS message that came in, read as far as it is needed.

dnspython's reader turns every name and record of a message into objects, also those of the sections that nobody asks
for: over 1,000 zones that took half the time of a run. Here the records are only found, and dnspython reads the few
that count.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..._deps import dns
from ..._records.rrsets import Key, RRset

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from .tsig import Signer

_HEADER_OCTETS = 12
# Bits of the second word of it (RFC 1035, section 4.1.1); dnspython's, which are enums, take ten times as long to test.
_RESPONSE = 0x8000
_AUTHORITATIVE = 0x0400
_TRUNCATED = 0x0200


class Malformed(Exception):
    """The octets are no DNS message, or not the reply that was waited for; the message says why."""


class Record(NamedTuple):
    """Where a record lies in the message."""

    owner: int
    rdtype: int
    rdclass: int
    ttl: int
    rdata: int
    length: int


@dataclass(frozen=True)
class Reply:
    """answer and authority: the records of these sections; repeated: the request had been sent more than once, and
    this may answer any of them."""

    wire: bytes
    flags: int
    answer: list[Record]
    authority: list[Record]
    repeated: bool = False

    @property
    def rcode(self) -> dns.rcode.Rcode:
        return dns.rcode.Rcode(self.flags & 0xF)

    @property
    def authoritative(self) -> bool:
        return self.flags & _AUTHORITATIVE != 0

    @property
    def truncated(self) -> bool:
        return self.flags & _TRUNCATED != 0

    def owner(self, record: Record) -> Name:
        """Raises Malformed."""
        try:
            return dns.name.Name(_labels_at(self.wire, record.owner))
        except dns.exception.DNSException as error:
            raise Malformed(f"a name that came is not valid ({type(error).__name__})") from None

    def is_owner(self, name: Name, record: Record) -> bool:
        """Whether the record is of this name, which is in lower case. Raises Malformed."""
        return _labels_at(self.wire, record.owner) == name.labels

    def _value(self, record: Record, rdtype: RdataType) -> bytes:
        if rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.TXT):
            return _value_without_names(rdtype, self.wire[record.rdata : record.rdata + record.length])
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, self.wire, record.rdata, record.length)
        return rdata.to_digestable(dns.name.root)

    def rrset(self, section: list[Record], key: Key) -> RRset | None:
        """The RRset `key` in one of the sections. Raises Malformed."""
        records = [record for record in section if record.rdtype == key.rdtype and record.rdclass == dns.rdataclass.IN]
        values, ttl = set(), 2**31
        try:
            for record in records:
                if self.is_owner(key.name, record):
                    values.add(self._value(record, key.rdtype))
                    ttl = min(ttl, record.ttl)
        except (dns.exception.DNSException, ValueError) as error:
            raise Malformed(f"a {key} that came is not valid ({type(error).__name__})") from None
        return RRset(key, ttl, frozenset(values)) if values else None

    def owners(self, rdtype: RdataType) -> list[Name]:
        """Whose records of this type the answer has. Raises Malformed."""
        return [self.owner(record) for record in self.answer if record.rdtype == rdtype]

    def rrsets_of(self, name: Name) -> list[RRset]:
        """All RRsets of the name in the answer. Raises Malformed."""
        types = {record.rdtype for record in self.answer}
        rrsets = (self.rrset(self.answer, Key(name, dns.rdatatype.RdataType.make(rdtype))) for rdtype in sorted(types))
        return [rrset for rrset in rrsets if rrset is not None]


@lru_cache(maxsize=4096)
def _value_without_names(rdtype: RdataType, octets: bytes) -> bytes:
    """Nothing in them points elsewhere into the message, and the same few values come again and again."""
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, octets, 0, len(octets)).to_digestable(dns.name.root)


def read_reply(wire: bytes, question: bytes, signer: Signer | None, request_mac: bytes) -> Reply:
    """The reply to a message with this question section, or zone section in an update.

    Raises Malformed for what is not that reply: not about the question, or without a valid signature of the key.
    Raises dns.tsig.PeerError if the server says that it did not take ours.
    """
    try:
        return _read(wire, question, signer, request_mac)
    except dns.tsig.PeerError:
        raise
    except dns.tsig.BadTime:
        raise Malformed("its answers are signed at another time than now: set the clocks of both sides") from None
    except (dns.exception.DNSException, ValueError, IndexError, struct.error, NotImplementedError) as error:
        raise Malformed(f"an answer that came is not valid ({type(error).__name__})") from None


def _read(wire: bytes, question: bytes, signer: Signer | None, request_mac: bytes) -> Reply:
    flags, *counts = struct.unpack_from("!5H", wire, 2)
    if not flags & _RESPONSE:
        raise Malformed("a message that came is a question, no answer")
    position = _HEADER_OCTETS
    if counts[0] == 1 and wire[position : position + len(question)].lower() == question.lower():
        position += len(question)
    # Some servers leave the question out of a reply to what they could not read.
    elif counts[0] != 0 or flags & 0xF == dns.rcode.NOERROR:
        raise Malformed("an answer that came is about something else")
    sections: list[list[Record]] = []
    for count in counts[1:]:
        section = []
        for _number in range(count):
            record, position = _record_at(wire, position)
            section.append(record)
        sections.append(section)
    if position != len(wire):
        raise Malformed("an answer that came has something behind its end")
    answer, authority, additional = sections
    _check_signature(wire, flags, additional, signer, request_mac)
    return Reply(wire, flags, answer, authority)


def _check_signature(
    wire: bytes, flags: int, additional: list[Record], signer: Signer | None, request_mac: bytes
) -> None:
    """RFC 8945, section 5.3: the last record is the signature."""
    if signer is None:
        return
    record = additional[-1] if additional else None
    if record is None or record.rdtype != dns.rdatatype.TSIG:
        rcode = dns.rcode.to_text(dns.rcode.Rcode(flags & 0xF))
        raise Malformed(
            f"an answer that came is not signed with the key, so it may be anybody's; if it is the server's ({rcode}), "
            "it does not take the key, or the key may not do this: check key_name, key_algorithm and key_secret, and "
            "the rights of the key"
        )
    signer.verify(wire, record.owner, request_mac)


def _labels_at(wire: bytes, position: int) -> tuple[bytes, ...]:
    """The labels of the name there, in lower case (RFC 1035, section 4.1.4). Raises Malformed."""
    labels = []
    limit = position
    try:
        while (length := wire[position]) != 0:
            if length < 0x40:
                labels.append(wire[position + 1 : position + 1 + length].lower())
                position += 1 + length
                continue
            position = int.from_bytes(wire[position : position + 2], "big") - 0xC000
            # Each pointer leads further back than the last one did: so it ends.
            if not 0 <= position < limit:
                raise Malformed("a name that came leads astray")
            limit = position
    except IndexError:
        raise Malformed("a name that came has no end") from None
    return (*labels, b"")


def _record_at(wire: bytes, position: int) -> tuple[Record, int]:
    """The record there, and where the next one begins (RFC 1035, section 4.1.3)."""
    owner = position
    while (length := wire[position]) != 0:
        if length >= 0xC0:  # a pointer ends the name (section 4.1.4)
            position += 1
            break
        position += 1 + length
    position += 1
    rdtype, rdclass, ttl, length = struct.unpack_from("!HHIH", wire, position)
    rdata = position + 10
    end = rdata + length
    if end > len(wire):
        raise Malformed("an answer that came is cut off")
    # A TTL with the highest bit set counts as 0 (RFC 2181, section 8).
    return Record(owner, rdtype, rdclass, ttl if ttl < 2**31 else 0, rdata, length), end
