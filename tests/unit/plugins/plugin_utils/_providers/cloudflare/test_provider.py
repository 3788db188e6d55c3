# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of RRsets as records of Cloudflare's interface, and back."""

from __future__ import annotations

import dns.name
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.cloudflare.records import (
    as_record,
    key_of,
    ttl_of,
    value_of,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Key
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_type, parse_value
from hypothesis import given
from hypothesis import strategies as st

NAME = dns.name.from_text("mail.example.org.")


@pytest.mark.parametrize(
    ("rdtype", "text", "fields"),
    [
        ("A", "203.0.113.17", {"content": "203.0.113.17", "proxied": False}),
        ("AAAA", "2001:DB8:0::17", {"content": "2001:db8::17", "proxied": False}),
        ("CNAME", "Other.Example.org.", {"content": "other.example.org", "proxied": False}),
        ("MX", "10 mx.example.org", {"priority": 10, "content": "mx.example.org"}),
        ("MX", "0 .", {"priority": 0, "content": "."}),
        ("NS", "ns1.example.org.", {"content": "ns1.example.org"}),
        ("TXT", 'say "hi" \\o/', {"content": '"say \\"hi\\" \\\\o/"'}),
        ("TXT", "a" * 256, {"content": f'"{"a" * 255}" "a"'}),
        ("OPENPGPKEY", "mQINBFit 2jsB", {"content": "mQINBFit2jsB"}),
        (
            "CAA",
            '128 iodef "mailto:a@example.org"',
            {"data": {"flags": 128, "tag": "iodef", "value": "mailto:a@example.org"}},
        ),
        ("CAA", '0 issue ";"', {"data": {"flags": 0, "tag": "issue", "value": ";"}}),
        ("DS", f"1 8 2 {'AB' * 32}", {"data": {"key_tag": 1, "algorithm": 8, "digest_type": 2, "digest": "ab" * 32}}),
        (
            "SRV",
            "1 2 25 mx.example.org",
            {"data": {"priority": 1, "weight": 2, "port": 25, "target": "mx.example.org"}},
        ),
        ("SRV", "0 0 0 .", {"data": {"priority": 0, "weight": 0, "port": 0, "target": "."}}),
        ("SSHFP", f"4 2 {'cd' * 32}", {"data": {"algorithm": 4, "type": 2, "fingerprint": "cd" * 32}}),
        ("SVCB", "0 svc.example.org", {"data": {"priority": 0, "target": "svc.example.org", "value": ""}}),
        (
            "HTTPS",
            "1 . alpn=h2,h3 port=8443",
            {"data": {"priority": 1, "target": ".", "value": 'alpn="h2,h3" port="8443"'}},
        ),
        (
            "SMIMEA",
            f"3 0 0 {'ef' * 200}",
            {"data": {"usage": 3, "selector": 0, "matching_type": 0, "certificate": "ef" * 200}},
        ),
    ],
)
def test_a_record_says_the_value(rdtype: str, text: str, fields: dict[str, object]) -> None:
    key = Key(NAME, parse_type(rdtype))
    value = parse_value(key.rdtype, text)
    record = as_record(key, value, 300)
    assert record == {"name": "mail.example.org", "type": rdtype, "ttl": 300, **fields}
    assert (key_of(record), value_of(record), ttl_of(record)) == (key, value, 300)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40))
def test_any_text_comes_back(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    for rdtype, presented in (("TXT", f'"{quoted}"'), ("CAA", f'0 issue "{quoted}"')):
        key = Key(NAME, parse_type(rdtype))
        value = parse_value(key.rdtype, presented)
        assert value_of(as_record(key, value, 300)) == value


def test_text_without_quotes_is_taken_as_it_stands() -> None:
    """So it was entered in the dashboard for years; 'automatic' is 300 seconds."""
    record = {"name": "example.org", "type": "TXT", "content": 'v=spf1 "mx" -all', "ttl": 1}
    assert value_of(record) == b'\x10v=spf1 "mx" -all'
    assert ttl_of(record) == 300
