# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The response to a query or an update: located by the codec, verified by its key, its rdata read by dnspython.

dnspython's own reader turns every name and record of a message into objects, also those of sections that are not
needed: over 1,000 zones that took half the time of a run.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ....module_utils._dns.wire import Malformed, Message, Record, is_about, read_response
from ..._deps import dns
from ..._records.rrsets import Key, RRset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dns.name import Name
    from dns.rdatatype import RdataType

    from .tsig import Signer


@dataclass
class VerifiedResponse:
    """The response to a message that was sent; `repeated`: more than once, and this may answer any of them."""

    message: Message
    repeated: bool = False

    @cached_property
    def rcode(self) -> dns.rcode.Rcode:
        return dns.rcode.Rcode(self.message.flags & 0xF)

    @property
    def authoritative(self) -> bool:
        return self.message.authoritative

    @property
    def truncated(self) -> bool:
        return self.message.truncated

    @property
    def answer(self) -> list[Record]:
        return self.message.answer

    @property
    def authority(self) -> list[Record]:
        return self.message.authority

    def owner(self, record: Record) -> Name:
        """Raises Malformed."""
        return dns.name.Name((*self.message.labels(record.owner), b""))

    def is_owner(self, name: Name, record: Record) -> bool:
        """Whether the record is of this name, which is in lower case. Raises Malformed."""
        return (*self.message.labels(record.owner), b"") == name.labels

    def _value(self, record: Record, rdtype: RdataType) -> bytes:
        if rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.TXT):
            return _value_without_names(rdtype, self.message.wire[record.rdata : record.rdata + record.length])
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, self.message.wire, record.rdata, record.length)
        return rdata.to_digestable(dns.name.root)

    def rrset(self, section: Iterable[Record], key: Key) -> RRset | None:
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


def verified_response(wire: bytes, question: bytes, signer: Signer | None, request_mac: bytes) -> VerifiedResponse:
    """The response to a message with this question section, or zone section in an update.

    Raises Malformed for what is not that response: not about the question, or without a valid signature of the key.
    Raises dns.tsig.PeerError if the server says that it did not take ours.
    """
    message = read_response(wire)
    if not is_about(question, message):
        raise Malformed("an answer that came is about something else")
    if message.end != len(wire):
        raise Malformed("an answer that came has something behind its end")
    if signer is not None:
        try:
            _check_signature(message, signer, request_mac)
        except dns.tsig.PeerError:
            raise
        except dns.tsig.BadTime:
            raise Malformed("its answers are signed at another time than now: set the clocks of both sides") from None
        except (dns.exception.DNSException, ValueError, IndexError, struct.error, NotImplementedError) as error:
            if isinstance(error, Malformed):
                raise
            raise Malformed(f"an answer that came is not valid ({type(error).__name__})") from None
    return VerifiedResponse(message)


def _check_signature(message: Message, signer: Signer, request_mac: bytes) -> None:
    """RFC 8945, section 5.3: the last record is the signature."""
    record = message.additional[-1] if message.additional else None
    if record is None or record.rdtype != dns.rdatatype.TSIG:
        raise Malformed(
            f"an answer that came is not signed with the key, so it may be forged; if it is the server's "
            f"({message.rcode}), it does not take the key, or the key may not do this: check key_name, key_algorithm "
            "and key_secret, and the rights of the key"
        )
    signer.verify(message.wire, record.owner, request_mac)
