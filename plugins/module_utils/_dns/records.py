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
    CNAME,
    IN,
    MX,
    NS,
    PTR,
    SOA,
    TLSA,
    TXT,
    A,
    Malformed,
    new_tuple,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import Message, Record

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
    records = []
    try:
        for owner, rdtype, rdclass, ttl, at, length in section:
            read = _READERS.get(rdtype)
            if read is None or rdclass != IN:
                continue
            value = read(message, at, at + length)
            minimum = _minimum(message, at + length) if rdtype == SOA else 0
            records.append(new_tuple(ResourceRecord, (message.name(owner), rdtype, ttl, value, minimum)))
    except (struct.error, IndexError):
        raise Malformed("a record ends early") from None
    return records


# Of each type: the value as ResourceRecord has it. at, end: where the rdata begins, and the position behind it.
# They raise Malformed, struct.error, IndexError.


def _ipv4(message: Message, at: int, end: int) -> str:
    if end - at != 4:
        raise Malformed("an address has another length")
    return socket.inet_ntop(socket.AF_INET, message.wire[at:end])


def _ipv6(message: Message, at: int, end: int) -> str:
    if end - at != 16:
        raise Malformed("an address has another length")
    return socket.inet_ntop(socket.AF_INET6, message.wire[at:end])


def _name(message: Message, at: int, end: int) -> str:
    _expect(message.end_of_name(at) == end)
    return message.name(at)


def _mail_exchanger(message: Message, at: int, end: int) -> str:
    wire, name = message.wire, at + 2
    _expect(message.end_of_name(name) == end)
    return f"{wire[at] << 8 | wire[at + 1]} {message.name(name)}"


def _serial(message: Message, at: int, end: int) -> str:
    numbers = message.end_of_name(message.end_of_name(at))
    _expect(numbers + _SOA_NUMBERS.size == end)
    return str(_SOA_NUMBERS.unpack_from(message.wire, numbers)[0])


def _minimum(message: Message, end: int) -> int:
    """The last number of an SOA record whose rdata ends there."""
    minimum: int = _SOA_NUMBERS.unpack_from(message.wire, end - _SOA_NUMBERS.size)[-1]
    return minimum


def _text(message: Message, at: int, end: int) -> str:
    """The character strings as one (RFC 1035, section 3.3.14)."""
    data = message.wire[at:end]
    found, at = b"", 0
    while at < len(data):
        found += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return found.decode("ascii", "replace")


def _association(message: Message, at: int, end: int) -> str:
    """Usage, selector, matching type and the rest (RFC 6698, section 2.1)."""
    data = message.wire[at:end]
    if len(data) < 3:
        raise Malformed("a TLSA record is too short")
    return f"{data[0]} {data[1]} {data[2]} {data[3:].hex()}"


def _expect(fits: bool) -> None:
    if not fits:
        raise Malformed("a record has another length than it says")


_READERS: dict[int, Callable[[Message, int, int], str]] = {
    A: _ipv4, NS: _name, CNAME: _name, SOA: _serial, PTR: _name,
    MX: _mail_exchanger, TXT: _text, AAAA: _ipv6, TLSA: _association,
}  # fmt: skip
