# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec against dnspython: random messages in both directions, and 100,000 that were damaged."""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update
import pytest
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    TYPES,
    Malformed,
    encode_header,
    encode_query,
    encode_question,
    encode_record,
)
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from dns_reference import compare, read_here

DAMAGED = 100_000
PARTS = 10
# One in so many damaged messages is read by dnspython too, which takes ten times as long.
COMPARED = 20

LABEL = st.one_of(st.binary(min_size=1, max_size=63), st.sampled_from([b"mail", b"EXAMPLE", b"_25", b"org"]))
NAME = st.lists(LABEL, max_size=3).map(lambda labels: dns.name.Name((*labels, b"")))
U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
STRINGS = st.lists(st.binary(max_size=255), min_size=1, max_size=3)


def number(value: int, octets: int) -> bytes:
    return value.to_bytes(octets, "big")


def octets_of(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""


RDATA = st.one_of(
    st.tuples(st.just("A"), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just("AAAA"), st.binary(min_size=16, max_size=16)),
    st.tuples(st.sampled_from(["NS", "CNAME", "PTR", "DNAME"]), NAME.map(octets_of)),
    st.tuples(st.just("MX"), st.builds(lambda value, name: number(value, 2) + octets_of(name), U16, NAME)),
    st.tuples(
        st.just("SOA"),
        st.builds(
            lambda first, second, numbers: (
                octets_of(first) + octets_of(second) + b"".join(number(value, 4) for value in numbers)
            ),
            NAME,
            NAME,
            st.lists(U32, min_size=5, max_size=5),
        ),
    ),
    st.tuples(st.just("TXT"), STRINGS.map(lambda strings: b"".join(number(len(text), 1) + text for text in strings))),
    st.tuples(st.just("TLSA"), st.binary(min_size=4, max_size=64)),
    st.tuples(st.just("TYPE65280"), st.binary(max_size=64)),
)
RECORD = st.tuples(NAME, U32, RDATA)
SECTION = st.lists(RECORD, max_size=5)


def rrset(name: dns.name.Name, ttl: int, rdtype: str, rdata: bytes) -> dns.rrset.RRset:
    kind = dns.rdatatype.from_text(rdtype)
    value = dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata))
    return dns.rrset.from_rdata(name, ttl, value)


@settings(derandomize=True)
@given(NAME, st.sampled_from(sorted(TYPES)), U16, st.tuples(SECTION, SECTION, SECTION))
def test_responses_that_dnspython_writes(
    name: dns.name.Name, rdtype: str, flags: int, sections: tuple[list[Any], ...]
) -> None:
    message = dns.message.Message(flags & 1)
    message.flags = 0x8000 | flags & 0x07F0
    message.question = [dns.rrset.RRset(name, dns.rdataclass.IN, dns.rdatatype.from_text(rdtype))]
    for section, records in zip((message.answer, message.authority, message.additional), sections, strict=True):
        section += [rrset(owner, ttl & 0x7FFFFFFF, kind, rdata) for owner, ttl, (kind, rdata) in records]
    # With names compressed, as it writes them.
    assert compare(message.to_wire(max_size=65535))


@settings(derandomize=True)
@given(NAME, st.sampled_from(sorted(TYPES)), U16, st.lists(RECORD, max_size=8))
def test_what_the_codec_writes(name: dns.name.Name, rdtype: str, identifier: int, records: list[Any]) -> None:
    question = encode_question(octets_of(name), TYPES[rdtype])
    query = dns.message.from_wire(encode_query(question, 0x0130, identifier))
    assert (query.id, query.flags, query.payload) == (identifier, 0x0130, 1232)
    assert (query.question[0].name, query.question[0].rdtype) == (name, TYPES[rdtype])
    written = b"".join(
        encode_record(octets_of(owner), dns.rdatatype.from_text(kind), 1, ttl, rdata)
        for owner, ttl, (kind, rdata) in records
    )
    wire = encode_header(identifier, 0x8400, (1, len(records), 0, 0)) + question + written
    assert compare(wire)
    message = dns.message.from_wire(wire, one_rr_per_rrset=True)
    expected = [rrset(owner, ttl if ttl < 2**31 else 0, kind, rdata) for owner, ttl, (kind, rdata) in records]
    assert [(one.name, one.rdtype, one.ttl, *one) for one in message.answer] == [
        (one.name, one.rdtype, one.ttl, *one) for one in expected
    ]


class Counted(bytes):
    """Octets that count how often they are looked at."""

    looks = 0

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return super().__getitem__(place)


def sound_messages() -> list[bytes]:
    query = dns.message.make_query("example.org.", "MX", use_edns=0)
    texts = [
        ("example.org.", "MX", "10 mail.example.org."),
        ("example.org.", "NS", "ns1.example.org."),
        ("example.org.", "SOA", "ns1.example.org. hostmaster.example.org. 7 300 60 3600 60"),
        ("mail.example.org.", "A", "192.0.2.17"),
        ("mail.example.org.", "AAAA", "2001:db8::17"),
        ("www.example.org.", "CNAME", "mail.example.org."),
        ("example.org.", "TXT", '"v=spf1 mx" " -all"'),
        ("_25._tcp.mail.example.org.", "TLSA", "3 1 1 " + "0a" * 32),
        ("17.2.0.192.in-addr.arpa.", "PTR", "mail.example.org."),
    ]
    messages = []
    for start in range(len(texts)):
        message = dns.message.make_response(query)
        for at, section in enumerate((message.answer, message.authority, message.additional)):
            name, rdtype, value = texts[(start + 4 * at) % len(texts)]
            section.append(dns.rrset.from_text(name, 300, "IN", rdtype, value))
        messages.append(message.to_wire())
    return messages


def damaged(wire: bytes, rng: random.Random) -> bytes:
    """With some octets changed, taken out or put in; often such as lead somewhere: pointers, lengths, counts."""
    octets = bytearray(wire)
    for _change in range(rng.randint(1, 4)):
        place = rng.randrange(len(octets))
        kind = rng.random()
        if kind < 0.5:
            octets[place] = rng.choice((rng.randrange(256), 0xC0, 0xFF, 0x3F, 0x40, 0))
        elif kind < 0.7:
            octets[place : place + 2] = bytes((0xC0, rng.randrange(256)))
        elif kind < 0.8:
            octets[place:place] = rng.randbytes(rng.randint(1, 8))
        elif kind < 0.9:
            del octets[place : place + rng.randint(1, 8)]
        else:
            del octets[place:]
        if not octets:
            break
    return bytes(octets)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_messages_end_in_a_value_or_as_malformed(part: int) -> None:
    """In bounded time: a look at an octet is the unit, and no name takes more than 127 labels and 127 pointers."""
    rng = random.Random(part)
    sound = sound_messages()
    for turn in range(DAMAGED // PARTS):
        wire = Counted(damaged(rng.choice(sound), rng))
        with suppress(Malformed):
            read_here(wire)
        # A record takes 11 octets at least, and has three names at most.
        assert wire.looks <= 600 * (len(wire) // 11 + 1), wire.hex()
        if turn % COMPARED == 0:
            compare(bytes(wire))


@pytest.mark.parametrize("step", [2, 12])
def test_hostile_chains_of_pointers_take_bounded_time(step: int) -> None:
    """Each name of the message begins elsewhere in a chain of pointers that is as long as the format allows."""
    chain = b"\1a\0" + b"".join(number(0xC000 | max(23, 24 + 2 * at), 2) for at in range(8000))
    text = encode_record(b"\0", TYPES["TXT"], 1, 0, chain)
    owners = range(26, 16000, step)
    records = b"".join(encode_record(number(0xC000 | at, 2), TYPES["A"], 1, 0, b"\1\2\3\4") for at in owners)
    wire = Counted((encode_header(0, 0x8000, (0, 1 + len(owners), 0, 0)) + text + records)[:65535])
    with suppress(Malformed):
        read_here(wire)
    assert wire.looks <= 600 * (len(wire) // 11 + 1)
