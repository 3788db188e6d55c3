# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource records as text, of the few types that mail needs."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    AAAA,
    IN,
    MX,
    SOA,
    TLSA,
    TXT,
    TYPES,
    A,
    Malformed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import Message, Record

_KNOWN = frozenset(TYPES.values())
_SOA_NUMBERS = struct.Struct("!5I")


class ResourceRecord(NamedTuple):
    """value: a name (NS, CNAME, PTR), `10 mail.example.org` (MX), an address, the serial number (SOA), `3 1 1 0a1b...`
    (TLSA), or text, whose octets that are not ASCII are replaced (TXT).

    minimum: of an SOA record, how long in seconds resolvers keep an answer that there is nothing.
    """

    name: str
    type: int
    ttl: int
    value: str
    minimum: int = 0


def resource_records(message: Message, section: Iterable[Record]) -> list[ResourceRecord]:
    """Those of class IN whose types are known here. Raises Malformed."""
    try:
        return [
            ResourceRecord(message.name(record.owner), record.rdtype, record.ttl, *_value(message, record))
            for record in section
            if record.rdclass == IN and record.rdtype in _KNOWN
        ]
    except (struct.error, IndexError):
        raise Malformed("a record ends early") from None


def _value(message: Message, record: Record) -> tuple[str, int]:
    """As ResourceRecord has it, with the minimum. Raises Malformed, struct.error, IndexError."""
    _owner, rdtype, _rdclass, _ttl, at, length = record
    wire, end = message.wire, at + length
    if rdtype in (A, AAAA):
        if length != (4 if rdtype == A else 16):
            raise Malformed("an address has another length")
        return socket.inet_ntop(socket.AF_INET if rdtype == A else socket.AF_INET6, wire[at:end]), 0
    if rdtype == TXT:
        return _text(wire[at:end]), 0
    if rdtype == TLSA:
        return _association(wire[at:end]), 0
    if rdtype == SOA:
        numbers = message.end_of_name(message.end_of_name(at))
        _expect(numbers + _SOA_NUMBERS.size == end)
        serial, _refresh, _retry, _expire, minimum = _SOA_NUMBERS.unpack_from(wire, numbers)
        return str(serial), minimum
    if rdtype == MX:
        _expect(message.end_of_name(at + 2) == end)
        return f"{wire[at] << 8 | wire[at + 1]} {message.name(at + 2)}", 0
    _expect(message.end_of_name(at) == end)
    return message.name(at), 0


def _expect(fits: bool) -> None:
    if not fits:
        raise Malformed("a record has another length than it says")


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
        raise Malformed("a TLSA record is too short")
    return f"{data[0]} {data[1]} {data[2]} {data[3:].hex()}"
