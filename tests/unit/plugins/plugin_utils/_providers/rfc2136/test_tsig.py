# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import struct
import time
from functools import partial

import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import Malformed
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ALGORITHMS
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.rfc2136.response import (
    VerifiedResponse,
    verified_response,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.rfc2136.tsig import (
    InvalidKey,
    Signer,
    make_key,
)
from hypothesis import given
from hypothesis import strategies as st

SECRET = base64.b64encode(bytes(range(32))).decode()


def key(algorithm: str = "hmac-sha256", secret: str = SECRET) -> dns.tsig.Key:
    made = make_key("Inbound-Mail.", secret, algorithm)
    assert made is not None
    return made


def asked(signer: Signer | None) -> tuple[dns.message.Message, bytes, bytes]:
    """A question, as the server reads it; its question section; its MAC."""
    query = dns.message.make_query("mail.example.org", "A", use_edns=0)
    wire, mac = query.to_wire(), b""
    if signer is not None:
        wire, mac = signer.sign(wire)
    return dns.message.from_wire(wire, keyring=signer.key if signer else None), wire[12:34], mac


def answered(query: dns.message.Message, **tsig: int) -> dns.message.Message:
    response = dns.message.make_response(query, **tsig)
    response.answer = [dns.rrset.from_text("mail.example.org.", 300, "IN", "A", "203.0.113.17")]
    return response


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_dnspython_accepts_what_is_signed_and_the_other_way_round(algorithm: str) -> None:
    signer = Signer(key(algorithm))
    query, question, mac = asked(signer)
    assert query.had_tsig, "dnspython verified the question"
    reply = verified_response(answered(query).to_wire(), question, signer, mac)
    assert isinstance(reply, VerifiedResponse)
    assert reply.rcode == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (dns.rcode.BADKEY, dns.tsig.PeerBadKey),
        (dns.rcode.BADSIG, dns.tsig.PeerBadSignature),
        (dns.rcode.BADTIME, dns.tsig.PeerBadTime),
        (dns.rcode.BADTRUNC, dns.tsig.PeerBadTruncation),
    ],
)
def test_a_signature_that_the_server_refuses(error: int, raised: type[Exception]) -> None:
    signer = Signer(key())
    query, question, mac = asked(signer)
    with pytest.raises(raised):
        verified_response(answered(query, tsig_error=error).to_wire(), question, signer, mac)


def test_answers_that_do_not_count() -> None:
    signer = Signer(key())
    query, question, mac = asked(signer)
    good = answered(query).to_wire()
    verified_response(good, question, signer, mac)
    unsigned = answered(asked(None)[0])
    unsigned.id = query.id
    stranger = Signer(key(secret=base64.b64encode(b"x" * 32).decode()))
    forged = answered(query)
    forged.use_tsig(stranger.key)
    forged.request_mac = mac
    other = dns.message.from_wire(
        signer.sign(dns.message.make_query("other.example.org", "A").to_wire())[0], keyring=signer.key
    )
    for wire in (
        b"",
        good[:11],
        good[:-1],
        good + b"x",
        good[:2] + b"\x01\x00" + good[4:],  # a question
        good.replace(bytes([203, 0, 113, 17]), bytes([203, 0, 113, 66])),
        unsigned.to_wire(),
        forged.to_wire(),
        answered(other).to_wire(),
    ):
        with pytest.raises(Malformed):
            verified_response(wire, question, signer, mac)
    with pytest.raises(Malformed):
        verified_response(good, question, signer, mac[:-1] + bytes([mac[-1] ^ 1]))


def test_an_answer_signed_long_ago_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(key())
    query, question, mac = asked(signer)
    wire = answered(query).to_wire()
    now = time.time()
    for other_time in (now - 400, now + 400):
        monkeypatch.setattr(time, "time", partial(float, other_time))
        with pytest.raises(Malformed, match="clocks"):
            verified_response(wire, question, signer, mac)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_no_octets_at_all_do_harm(noise: bytes, position: int) -> None:
    """Whatever comes is read as the reply or refused; nothing else happens."""
    query, question, mac = asked(None)
    good = answered(query).to_wire()
    for wire in (noise, good[:position] + noise, good[:position] + noise + good[position + len(noise) :]):
        try:
            reply = verified_response(wire, question, None, mac)
            reply.rrsets_of(query.question[0].name)
            for record in reply.authority:
                struct.pack("!I", record.ttl)
        except Malformed:
            pass


@pytest.mark.parametrize(
    ("name", "secret", "reason"),
    [
        ("key", None, "key_secret is empty or missing"),
        ("key", "", "key_secret is empty or missing"),
        (None, SECRET, "key_name is empty or missing"),
        ("key", "c2hvcnQ=", "has 5 bytes, fewer than 16"),
        ("key", "not base64!", "is no base64"),
        ("a b", SECRET, "key_name"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_its_secret(
    name: str | None, secret: str | None, reason: str
) -> None:
    with pytest.raises(InvalidKey, match=reason) as caught:
        make_key(name, secret, "hmac-sha256")
    assert not secret or secret not in str(caught.value)


def test_no_key() -> None:
    assert make_key(None, None, "hmac-sha256") is None
