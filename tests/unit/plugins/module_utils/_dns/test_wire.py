# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages as dnspython writes and reads them, and as nobody should write them."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from ansible_collections.inbound.mail.plugins.module_utils._dns.records import resource_records
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    TYPES,
    Malformed,
    is_response_to,
    make_query,
    read_response,
)
from hypothesis import given
from hypothesis import strategies as st

LABEL = st.text("abcxyzABCXYZ0189-_", min_size=1, max_size=63)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
# Python writes an IPv6 address with an IPv4 one in it in one way or the other, by its version.
ADDRESS = st.one_of(
    st.ip_addresses(v=4).map(lambda one: ("A", str(one))),
    st.ip_addresses(v=6).map(lambda one: ("AAAA", socket.inet_ntop(socket.AF_INET6, one.packed))),
)
TARGET = st.one_of(NAME, st.just("."))
VALUE = st.one_of(
    ADDRESS,
    st.tuples(st.just("MX"), st.builds(lambda number, name: f"{number} {name}.", st.integers(0, 65535), NAME)),
    st.tuples(st.sampled_from(["NS", "CNAME", "PTR"]), NAME.map(lambda name: f"{name}.")),
    st.tuples(st.just("TXT"), st.just("something")),
    st.tuples(st.just("TLSA"), st.just("3 1 1 " + "0a" * 32)),
    st.tuples(st.just("SPF"), st.just('"something else"')),
    st.tuples(
        st.just("SOA"),
        st.builds(lambda name, serial: f"{name}. {name}. {serial} 1 2 3 4", NAME, st.integers(0, 2**32 - 1)),
    ),
)
RECORDS = st.lists(st.tuples(NAME, st.integers(0, 2**31 - 1), VALUE), max_size=6)


def rrsets(records: list[Any]) -> list[dns.rrset.RRset]:
    return [dns.rrset.from_text(f"{name}.", ttl, "IN", rdtype, value) for name, ttl, (rdtype, value) in records]


def simple(records: list[Any]) -> list[tuple[str, str, int, str]]:
    """What is read of them, by what they say."""
    found = []
    for name, ttl, (rdtype, value) in records:
        if rdtype == "SOA":
            value = value.split()[2]
        if rdtype in TYPES:
            found.append((name.lower(), rdtype, ttl, value.lower().rstrip(".")))
    return found


@given(RECORDS, RECORDS, RECORDS, st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"]), st.booleans())
def test_what_another_library_writes(
    answer: list[Any], authority: list[Any], additional: list[Any], rcode: str, authoritative: bool
) -> None:
    message = dns.message.make_response(dns.message.make_query("example.org.", "MX"))
    message.set_rcode(dns.rcode.from_text(rcode))
    message.flags |= dns.flags.AA if authoritative else 0
    message.answer, message.authority, message.additional = rrsets(answer), rrsets(authority), rrsets(additional)
    found = read_response(message.to_wire())
    assert (found.rcode, found.authoritative, found.truncated) == (rcode, authoritative, False)
    types = {number: name for name, number in TYPES.items()}
    for section, expected in ((found.answer, answer), (found.authority, authority), (found.additional, additional)):
        assert [(one.name, types[one.type], one.ttl, one.value) for one in resource_records(found, section)] == simple(
            expected
        )


@given(NAME, st.sampled_from(sorted(TYPES)), st.booleans(), st.booleans())
def test_what_another_library_reads(name: str, rdtype: str, recursive: bool, validated: bool) -> None:
    message = dns.message.from_wire(make_query(name, rdtype, recursive, validated))
    assert message.question[0].name == dns.name.from_text(name)
    assert message.question[0].rdtype == dns.rdatatype.from_text(rdtype)
    assert bool(message.flags & dns.flags.RD) is recursive
    assert bool(message.flags & dns.flags.CD) is not validated
    assert (message.edns, message.payload) == (0, 1232)


def read_all(wire: bytes) -> None:
    """With the sections that are read late."""
    message = read_response(wire)
    for section in (message.answer, message.authority, message.additional):
        resource_records(message, section)


@given(st.binary(max_size=200))
def test_anything_else_is_malformed(noise: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_all(noise)
    with contextlib.suppress(Malformed):
        read_all(struct.pack("!6H", 1, 0x8400, 1, 5, 5, 5) + noise)


@given(NAME, st.integers(0, 400), st.integers(0, 255))
def test_message_with_a_fault(name: str, place: int, octet: int) -> None:
    message = dns.message.make_response(dns.message.make_query(f"{name}.", "MX"))
    message.answer = rrsets([(name, 1, ("MX", f"10 {name}.")), (name, 1, ("SOA", "a. b. 1 2 3 4 5"))])
    wire = bytearray(message.to_wire())
    wire[place % len(wire)] = octet
    with contextlib.suppress(Malformed):
        read_all(bytes(wire))
    with contextlib.suppress(Malformed):
        read_all(bytes(wire[: place % len(wire)]))


def test_name_that_points_to_itself() -> None:
    header = struct.pack("!6H", 1, 0x8400, 0, 1, 0, 0)
    with pytest.raises(Malformed):
        read_all(header + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + b"\1\2\3\4")
    # Longer and longer, by way of each other.
    chain = b"".join(b"\1a" + struct.pack("!H", 0xC000 | (12 + 4 * (number + 1))) for number in range(2000))
    with pytest.raises(Malformed):
        read_response(header + chain).labels(12)


def test_odd_octets_are_escaped() -> None:
    message = dns.message.make_response(dns.message.make_query("example.org.", "MX"))
    message.answer = rrsets([("example.org", 1, ("MX", r"10 a\.b\032c\255.\"d.example.org."))])
    response = read_response(message.to_wire())
    (found,) = resource_records(response, response.answer)
    assert found.value == r"10 a\.b\032c\255.\"d.example.org"


def test_answer_to_something_else() -> None:
    query = make_query("Example.org", "MX")
    response = dns.message.make_response(dns.message.from_wire(query))
    assert is_response_to(query, response.to_wire())
    assert is_response_to(query, response.to_wire().replace(b"xample", b"XAMPLE"))
    assert not is_response_to(query, query)
    assert not is_response_to(query, response.to_wire().replace(b"example", b"axample").replace(b"Example", b"Axample"))
    response.id ^= 1
    assert not is_response_to(query, response.to_wire())
    assert not is_response_to(query, b"")


@pytest.mark.parametrize("name", ["a..b", f"{'a' * 64}.org", ".".join(["a" * 60] * 5), "bücher.example", r"a\032b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Malformed):
        make_query(name, "A")
