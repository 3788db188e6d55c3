# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Route 53 writes names and values, and how many changes it takes in one request."""

from __future__ import annotations

from unittest.mock import sentinel

import dns.name
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.route53 import records
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.route53.provider import Route53
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Change, Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_type, parse_value
from hypothesis import given
from hypothesis import strategies as st

ZONE = parse_name("example.org")


def rrset(name: str, rdtype: str, *values: str, ttl: int = 300) -> RRset:
    key = Key(parse_name(name), parse_type(rdtype))
    return RRset(key, ttl, frozenset(parse_value(key.rdtype, value) for value in values))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mail.example.org", "mail.example.org."),
        ("*.example.org", "*.example.org."),
        ("_dmarc.example.org", "_dmarc.example.org."),
        (r"a\.b.example.org", r"a\056b.example.org."),
        (r"b*.example.org", r"b\052.example.org."),
        (r"\255.example.org", r"\377.example.org."),
        ("bücher.example.org", "xn--bcher-kva.example.org."),
    ],
)
def test_names(name: str, text: str) -> None:
    assert records.name_text(parse_name(name)) == text
    assert records.parse_name(text) == parse_name(name)


def test_a_wildcard_comes_back_in_octal() -> None:
    assert records.parse_name(r"\052.Example.org") == parse_name("*.example.org")


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5))
def test_any_name_comes_back(labels: list[bytes]) -> None:
    name = dns.name.Name([*labels, b""]).canonicalize()
    assert records.parse_name(records.name_text(name)) == name


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=5))
def test_any_text_comes_back(strings: list[bytes]) -> None:
    value = b"".join(bytes([len(string)]) + string for string in strings)
    text = RRset(Key(ZONE, parse_type("TXT")), 300, frozenset({value}))
    written = records.to_record_set(text)
    assert records.to_rrset(written) == text
    assert all(" " <= character <= "~" for character in written["ResourceRecords"][0]["Value"])


def test_a_text_is_escaped_in_octal() -> None:
    text = rrset("example.org", "TXT", 'ü "and" \\')
    assert records.to_record_set(text)["ResourceRecords"] == [{"Value": r'"\303\274 \"and\" \\"'}]


def new_provider() -> Route53:
    """Without anything behind it."""
    return Route53(sentinel.api, private=False, vpc_id=None, zone_ids={})


def sizes(changes: list[Change]) -> list[int]:
    return [len(batch) for batch in new_provider().batches(ZONE, changes)]


def creation(after: RRset) -> Change:
    return Change(after.key, None, after)


def test_a_request_holds_a_thousand_values() -> None:
    hosts = [creation(rrset(f"h{number:04}.example.org", "A", "203.0.113.1", "203.0.113.2")) for number in range(501)]
    assert sizes(hosts[:500]) == [500]
    assert sizes(hosts) == [500, 1]


def test_a_request_holds_32_000_characters() -> None:
    # Two strings, in quotes and with a space between them.
    texts = [creation(rrset(f"t{number:03}.example.org", "TXT", "x" * 395)) for number in range(81)]
    assert sizes(texts[:80]) == [80]
    assert sizes(texts) == [80, 1]


def test_the_name_servers_of_the_zone_count_twice() -> None:
    servers = rrset("example.org", "NS", *(f"ns{number}.example.net" for number in range(4)))
    hosts = [creation(rrset(f"h{number:04}.example.org", "A", "203.0.113.1")) for number in range(993)]
    assert sizes([creation(servers), *hosts[:992]]) == [993]
    assert sizes([creation(servers), *hosts]) == [993, 1]


def test_address_of_a_new_exchanger_comes_no_later_than_the_record_that_names_it() -> None:
    fill = [creation(rrset(f"h{number:04}.example.org", "TXT", "x")) for number in range(999)]
    exchanger, address = (
        rrset("example.org", "MX", "10 mail.example.org"),
        rrset("mail.example.org", "A", "203.0.113.1"),
    )
    first, second = new_provider().batches(ZONE, [creation(exchanger), *fill, creation(address)])
    assert creation(address) in first
    assert len(second) == 1


def test_what_is_at_one_name_goes_together() -> None:
    hosts = [creation(rrset(f"h{number:04}.example.org", "A", "203.0.113.1")) for number in range(999)]
    both = [creation(rrset("mail.example.org", "A", "203.0.113.1")), creation(rrset("mail.example.org", "AAAA", "::1"))]
    assert sizes([*hosts, *both]) == [999, 2]
