# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what the collection's DNS codec reads in a message against what dnspython reads in it."""

from __future__ import annotations

import socket
from typing import Any

import dns.exception
import dns.message
import dns.rdataclass
import dns.rdatatype
from ansible_collections.inbound.mail.plugins.module_utils._dns.records import resource_records
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import TYPES, Malformed, read_response

RESPONSE, OPCODE = 0x8000, 0x7800
NUMBERS = frozenset(TYPES.values())


def read_here(wire: bytes) -> tuple[int, list[list[tuple[Any, ...]]]]:
    """The flags, and of each section the records of the types that are known. Raises Malformed."""
    message = read_response(wire)
    sections = (message.answer, message.authority, message.additional)
    return message.flags, [[tuple(record) for record in resource_records(message, section)] for section in sections]


def read_by_dnspython(wire: bytes) -> tuple[int, list[list[tuple[Any, ...]]]]:
    """The same. Raises DNSException, ValueError, and others that it meets in what it did not expect."""
    message = dns.message.from_wire(wire, keyring=False, ignore_trailing=True, one_rr_per_rrset=True)
    sections = (message.answer, message.authority, message.additional)
    return int(message.flags), [
        [
            (rrset.name.canonicalize().to_text(True), int(rrset.rdtype), rrset.ttl, *_value(rrset.rdtype, rdata))
            for rrset in section
            if rrset.rdclass == dns.rdataclass.IN and rrset.rdtype in NUMBERS
            for rdata in rrset
        ]
        for section in sections
    ]


def _value(rdtype: int, rdata: Any) -> tuple[str, int]:
    if rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        family = socket.AF_INET if rdtype == dns.rdatatype.A else socket.AF_INET6
        return socket.inet_ntop(family, rdata.to_wire()), 0
    if rdtype == dns.rdatatype.MX:
        return f"{rdata.preference} {_name(rdata.exchange)}", 0
    if rdtype == dns.rdatatype.SOA:
        return str(rdata.serial), rdata.minimum
    if rdtype == dns.rdatatype.TXT:
        return b"".join(rdata.strings).decode("ascii", "replace"), 0
    if rdtype == dns.rdatatype.TLSA:
        return f"{rdata.usage} {rdata.selector} {rdata.mtype} {rdata.cert.hex()}", 0
    return _name(rdata.target), 0


def _name(name: Any) -> str:
    return str(name.canonicalize().to_text(True))


def compare(wire: bytes) -> bool:
    """Whether it is the response to a query, and dnspython accepts it. Then the codec has to read the same in it.

    The codec may accept more: it does not decode what is not needed.
    """
    try:
        expected = read_by_dnspython(wire)
    except (dns.exception.DNSException, ValueError, NotImplementedError):
        return False
    if not expected[0] & RESPONSE or expected[0] & OPCODE:
        return False
    try:
        found = read_here(wire)
    except Malformed as error:
        raise AssertionError(f"dnspython reads {wire.hex()}, the codec does not: {error}") from error
    assert found == expected, wire.hex()
    return True
