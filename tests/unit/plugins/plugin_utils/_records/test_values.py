# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator

import dns.name
import dns.rdatatype
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import InvalidName, name_text, parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import (
    InvalidValue,
    host_in,
    parse_type,
    parse_value,
    policy_tag,
    value_text,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org."),
        ("Example.ORG.", "example.org."),
        ("  example.org ", "example.org."),
        ("mail", "mail."),
        ("*.example.org", "*.example.org."),
        ("_25._tcp.mail.example.org", "_25._tcp.mail.example.org."),
        ("mx1", "mx1."),
        ("mail.example.x1", "mail.example.x1."),
        ("bücher.example.org", "xn--bcher-kva.example.org."),
        ("BÜCHER.example.org", "xn--bcher-kva.example.org."),
        (r"a\.b.example.org", r"a\.b.example.org."),
        (r"\228.bücher.example", r"\228.xn--bcher-kva.example."),
        (r"a\.b.bücher。example", r"a\.b.xn--bcher-kva.example."),
        (".", "."),
    ],
)
def test_names_are_whole_and_lower_case(text: str, name: str) -> None:
    assert parse_name(text).to_text() == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        r"bü\099her.example",
        "a b.example.org",
        "192.0.2.1",
        "2001:db8::1",
        "2001:db8::a",
        "a..b",
        "x" * 64 + ".org",
        "x." * 130,
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_name(text)


def test_a_letter_that_only_idna_2008_knows_never_becomes_another_name() -> None:
    if dns.name.have_idna_2008:
        assert parse_name("straße.example").to_text() == "xn--strae-oqa.example."
    else:
        with pytest.raises(InvalidName, match="idna"):
            parse_name("straße.example")


@pytest.fixture
def without_idna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A controller without the Python library idna."""
    monkeypatch.setattr(dns.name, "have_idna_2008", False)
    parse_name.cache_clear()
    yield
    parse_name.cache_clear()


@pytest.mark.usefixtures("without_idna")
def test_without_the_library_idna_only_what_both_versions_of_idna_read_alike_is_a_name() -> None:
    assert parse_name("bücher.example").to_text() == "xn--bcher-kva.example."
    with pytest.raises(InvalidName, match="install the Python library idna, or write A-labels"):
        parse_name("straße.example")


def test_names_are_shown_without_final_dot() -> None:
    assert name_text(parse_name("Mail.Example.org.")) == "mail.example.org"
    assert name_text(parse_name(".")) == "."


@pytest.mark.parametrize(
    ("rdtype", "text", "canonical"),
    [
        ("MX", "10 mail.example.org", "10 mail.example.org."),
        ("MX", "10 Mail.EXAMPLE.org.", "10 mail.example.org."),
        ("MX", "  10   mail  ", "10 mail."),
        ("MX", "0 .", "0 ."),
        ("MX", "10 bücher.example", "10 xn--bcher-kva.example."),
        ("MX", r"10 \228.bücher.example", r"10 \228.xn--bcher-kva.example."),
        ("A", "203.0.113.17", "203.0.113.17"),
        ("AAAA", "2001:DB8:0:0::17", "2001:db8::17"),
        ("CNAME", "www.example.org", "www.example.org."),
        ("SRV", "0 1 587 mail.example.org", "0 1 587 mail.example.org."),
        ("TXT", "v=spf1 mx -all", '"v=spf1 mx -all"'),
        ("TXT", '"v=spf1 mx -all"', '"v=spf1 mx -all"'),
        ("TXT", '"a" "b c"', '"a" "b c"'),
        ("TXT", 'say "hi"; \\ as it stands', r'"say \"hi\"; \\ as it stands"'),
        ("TXT", r'"\195\164 and \"quotes\""', r'"\195\164 and \"quotes\""'),
        ("TXT", "ä", r'"\195\164"'),
        ("TXT", '""', '""'),
        ("TXT", "x" * 256, f'"{"x" * 255}" "x"'),
        ("TXT", f'"{"x" * 256}"', f'"{"x" * 255}" "x"'),
        ("CAA", '0 issue "ca.example.net"', '0 issue "ca.example.net"'),
        ("TYPE65280", r"\# 3 abcdef", r"\# 3 abcdef"),
        ("MX", r"\# 9 000a 046d61696c0000", None),
    ],
)
def test_values(rdtype: str, text: str, canonical: str | None) -> None:
    parsed_type = parse_type(rdtype)
    if canonical is None:
        with pytest.raises(InvalidValue):
            parse_value(parsed_type, text)
        return
    value = parse_value(parsed_type, text)
    assert value_text(parsed_type, value) == canonical
    assert parse_value(parsed_type, canonical) == value, "what is shown can be declared again"


@pytest.mark.parametrize(
    ("rdtype", "text", "reason"),
    [
        ("MX", "mail.example.org", "no value of a MX"),
        ("MX", "65536 mail.example.org", "no value of a MX"),
        ("MX", "10 192.0.2.1", "is an address where a name belongs"),
        ("MX", "10 @", "'@' stands for nothing"),
        ("MX", "10 a.example.org\n20 b.example.org", "more than one line"),
        ("CNAME", "@", "'@' stands for nothing"),
        ("NS", "192.0.2.1", "is an address"),
        ("A", "203.0.113.300", "no value of a A"),
        ("A", "2001:db8::1", "no value of a A"),
        ("A", "", "no value of a A"),
        ("TXT", '"no end', "no TXT value"),
        ("TXT", "x" * 70000, "a record holds 65535"),
    ],
)
def test_what_is_no_value(rdtype: str, text: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        parse_value(parse_type(rdtype), text)


@pytest.mark.parametrize("text", ["BANANA", "ANY", "AXFR", "OPT", "TSIG", "SOA", "RRSIG", "NSEC", "NONE", ""])
def test_what_is_no_type_to_set(text: str) -> None:
    with pytest.raises(InvalidValue):
        parse_type(text)


@given(st.text(min_size=1, max_size=600))
def test_any_text_survives_as_txt_value(text: str) -> None:
    """What is no presentation format is taken as it stands, and what is shown of it reads back as the same."""
    rdtype = dns.rdatatype.TXT
    if text.lstrip().startswith('"'):
        return
    value = parse_value(rdtype, text)
    assert b"".join(strings_in(value)) == text.encode()
    assert parse_value(rdtype, value_text(rdtype, value)) == value


def strings_in(value: bytes) -> list[bytes]:
    """The character-strings of a TXT value (RFC 1035, section 3.3)."""
    strings = []
    while value:
        strings.append(value[1 : 1 + value[0]])
        value = value[1 + value[0] :]
    return strings


@given(st.lists(st.binary(max_size=600), min_size=1, max_size=4))
def test_any_octets_survive_in_the_quotes_of_presentation_format(octets: list[bytes]) -> None:
    rdtype = dns.rdatatype.TXT
    quoted = " ".join('"' + "".join(f"\\{octet:03}" for octet in string) + '"' for string in octets)
    value = parse_value(rdtype, quoted)
    assert b"".join(strings_in(value)) == b"".join(octets)
    assert all(len(string) <= 255 for string in strings_in(value))
    for string in octets:
        if len(string) <= 255:
            assert string in strings_in(value), "what fits is not split or joined"
    assert parse_value(rdtype, value_text(rdtype, value)) == value, "what is shown can be declared again"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("v=spf1 mx -all", b"v=spf1"),
        ("V=SPF1 mx", b"v=spf1"),
        ("v=spf1", b"v=spf1"),
        ('"v=spf1" " mx -all"', b"v=spf1"),
        ("v=spf10 mx", None),
        ("v=DMARC1; p=none", b"v=dmarc1"),
        ("v=DKIM1; p=abc", None),
        ("google-site-verification=v=spf1", None),
    ],
)
def test_policies_of_which_a_name_has_one(text: str, tag: bytes | None) -> None:
    assert policy_tag(dns.rdatatype.TXT, parse_value(dns.rdatatype.TXT, text)) == tag


def test_a_text_fills_a_record_to_its_last_octet() -> None:
    """Each of its 256 strings takes an octet more (RFC 1035, section 3.3); the length of the data is 16 bits long."""
    longest = "x" * (65535 - 256)
    assert len(parse_value(dns.rdatatype.TXT, longest)) == 65535
    with pytest.raises(InvalidValue, match="65536 octets: a record holds 65535"):
        parse_value(dns.rdatatype.TXT, longest + "x")


@pytest.mark.parametrize(("rdtype", "text"), [("MX", "10 mail.example.org."), ("NS", "mail.example.org.")])
def test_host_that_a_value_names(rdtype: str, text: str) -> None:
    parsed_type = parse_type(rdtype)
    assert host_in(parsed_type, parse_value(parsed_type, text)) == parse_name("mail.example.org")
