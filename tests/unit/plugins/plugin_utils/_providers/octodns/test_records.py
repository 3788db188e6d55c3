# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which RRsets octoDNS can hold, and that a record of it means nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.octodns.records import to_record, to_rrset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import (
    InvalidValue,
    parse_type,
    parse_value,
)

ZONE = parse_name("example.org")


def rrset(name: str, rdtype: str, *values: str) -> RRset:
    key = Key(parse_name(name), parse_type(rdtype))
    return RRset(key, 300, frozenset(parse_value(key.rdtype, value) for value in values))


@pytest.mark.parametrize(
    ("name", "rdtype", "values"),
    [
        ("example.org", "A", ["192.0.2.1", "192.0.2.2"]),
        ("mail.example.org", "AAAA", ["2001:DB8::1"]),
        ("example.org", "MX", ["10 Mail.Example.Org", "20 bücher.example"]),
        ("*.example.org", "MX", ["0 ."]),
        ("example.org", "NS", ["ns1.example.net"]),
        ("bücher.example.org", "CNAME", ["_x.example.net"]),
        ("_submission._tcp.example.org", "SRV", ["0 1 587 mail.example.org", "0 0 0 ."]),
        ("_25._tcp.example.org", "TLSA", ["3 1 1 " + "AB" * 32, "3 1 2 " + "ab" * 64]),
        ("example.org", "CAA", ['0 issue "ca.example.net; policy=ev"', '128 iodef "mailto:x@example.org"']),
        ("example.org", "SSHFP", ["4 2 " + "ab" * 32]),
        ("example.org", "HTTPS", ["1 . alpn=h2"]),
        ("example.org", "TXT", ["v=spf1 -all", "", " spaces  and; semi;colons ", "x" * 1000, "%{i} 'single'"]),
        ("a/b.example.org", "A", ["192.0.2.1"]),
    ],
)
def test_a_record_means_the_rrset(name: str, rdtype: str, values: list[str]) -> None:
    wanted = rrset(name, rdtype, *values)
    record = to_record(ZONE, wanted)
    assert record.fqdn == wanted.key.name.to_text()
    assert record.ttl == 300
    assert to_rrset(wanted.key, record) == wanted


@pytest.mark.parametrize("name", ["bücher.example", "*.bücher.example", "käse.bücher.example"])
def test_a_zone_of_letters(name: str) -> None:
    wanted = rrset(name, "MX", "10 mail.bücher.example")
    record = to_record(parse_name("bücher.example"), wanted)
    assert record.fqdn == wanted.key.name.to_text()
    assert to_rrset(wanted.key, record) == wanted


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "reason"),
    [
        ("example.org", "TXT", 'say "hello"', "a quote, a backslash, or a letter"),
        ("example.org", "TXT", "tab\tulator", "a quote, a backslash, or a letter"),
        ("example.org", "TXT", '"two" "strings"', "write each text as one"),
        ("example.org", "HINFO", '"a" "b"', "octoDNS does not take it"),
        ("example.org", "NAPTR", '100 10 "s" "SIP+D2U" "" _sip._udp.example.org.', "something else of 100 10"),
        ("mail.example.org", "SRV", "0 1 587 mail.example.org", "invalid name for SRV record"),
        ("example.org", "CNAME", "a/b.example.net", "not a valid FQDN"),
        ("xn--ls8h.example.org", "A", "192.0.2.1", "octoDNS does not take it"),
    ],
)
def test_what_octodns_cannot_hold_is_said(name: str, rdtype: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        to_record(ZONE, rrset(name, rdtype, value))
