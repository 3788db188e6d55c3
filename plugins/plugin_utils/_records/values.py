# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record data as people write it in presentation format, to what is compared and sent, and back.

A value is kept as the octets of its canonical form (RFC 4034, section 6.2: names whole and in lower case). Two values
are the same if the octets are, and sorting the octets gives the canonical order (section 6.3): MX by preference.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .._deps import dns
from .names import InvalidName, ascii_name, idna_codec, parse_name

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdata import Rdata
    from dns.rdatatype import RdataType

# A character-string has one octet for its length (RFC 1035, section 3.3).
_STRING_OCTETS = 255
_RDATA_OCTETS = 65535

# Types in which the server itself keeps the books, or that never stand in a zone (RFC 6895, section 3.1).
_NOT_OURS = {
    "SOA": "the server keeps it",
    "RRSIG": "the signer of the zone makes it",
    "NSEC": "the signer of the zone makes it",
    "NSEC3": "the signer of the zone makes it",
    "NSEC3PARAM": "the signer of the zone makes it",
}


class InvalidValue(ValueError):
    """The text is no value of that type; the message says why."""


@lru_cache(maxsize=256)
def parse_type(text: str) -> RdataType:
    """The type of records named `text`, also as TYPE123 (RFC 3597). Raises InvalidValue."""
    try:
        rdtype = dns.rdatatype.from_text(text.strip().upper())
    except (dns.exception.DNSException, ValueError):
        raise InvalidValue(f"'{text}' is no record type") from None
    name = dns.rdatatype.to_text(rdtype)
    if name in _NOT_OURS:
        raise InvalidValue(f"{name} records are not set by hand: {_NOT_OURS[name]}")
    if dns.rdatatype.is_metatype(rdtype) or rdtype == dns.rdatatype.NONE:
        raise InvalidValue(f"{name} is no type that a zone holds")
    return rdtype


@lru_cache(maxsize=65536)
def type_text(rdtype: RdataType) -> str:
    return dns.rdatatype.to_text(rdtype)


@lru_cache(maxsize=65536)
def parse_value(rdtype: RdataType, text: str) -> bytes:
    """One value of a record of type `rdtype`. Raises InvalidValue.

    Names in it are fully qualified with or without the final dot, in letters of any case and any script.
    The value of a TXT record is either one text, taken as it stands, or in the quotes of presentation format; either
    way what is longer than a character-string is split into several.
    """
    if rdtype in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        return _parse_text_value(rdtype, text)
    try:
        text = _checked_host(rdtype, text)
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, text.strip(), dns.name.root, relativize=False, idna_codec=idna_codec(text)
        )
    except InvalidName as error:
        raise InvalidValue(str(error)) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise InvalidValue(f"'{text}' is no value of a {type_text(rdtype)} record: {error}") from None
    return rdata.to_digestable(dns.name.root)


def to_rdata(rdtype: RdataType, value: bytes) -> Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, value, 0, len(value))


@lru_cache(maxsize=65536)
def value_text(rdtype: RdataType, value: bytes) -> str:
    """The value in presentation format (RFC 1035, section 5.1), names in it with their final dot."""
    return to_rdata(rdtype, value).to_text()


def host_in(rdtype: RdataType, value: bytes) -> Name:
    """The host that an MX (RFC 1035, section 3.3.9) or NS value names."""
    return dns.name.from_wire(value, 2 if rdtype == dns.rdatatype.MX else 0)[0]


def host_text(rdtype: RdataType, text: str) -> str | None:
    """The host that a value of such a type ends in, as it is written; None for other types and values."""
    named = (dns.rdatatype.MX, dns.rdatatype.NS, dns.rdatatype.CNAME, dns.rdatatype.PTR, dns.rdatatype.SRV)
    words = text.split()
    return words[-1] if rdtype in named and words and words[0] != r"\#" else None


def is_null_mx(rdtype: RdataType, value: bytes) -> bool:
    """'0 .': the domain takes no mail (RFC 7505, section 3)."""
    return rdtype == dns.rdatatype.MX and value[2:] == b"\0"


# Of each of these policies a name can have only one, or all of them are invalid.
_ONE_OF_A_KIND = (
    b"v=spf1",  # RFC 7208, section 4.5
    b"v=dmarc1",  # RFC 7489, section 6.6.3
    b"v=stsv1",  # RFC 8461, section 3.1
    b"v=tlsrptv1",  # RFC 8460, section 3
)


def policy_tag(rdtype: RdataType, value: bytes) -> bytes | None:
    """What kind of policy a TXT record is, as b'v=spf1', if a name can have only one of the kind; else None."""
    if rdtype not in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        return None
    first_string = value[1 : 1 + value[0]]
    tag = first_string.partition(b";")[0].partition(b" ")[0].lower()
    return tag if tag in _ONE_OF_A_KIND else None


def joined_text(rdtype: RdataType, value: bytes) -> bytes | None:
    """What a TXT value says, however it is cut into character-strings (RFC 7208, section 3.3); None for other types."""
    if rdtype not in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        return None
    strings, start = [], 0
    while start < len(value):
        end = start + 1 + value[start]
        strings.append(value[start + 1 : end])
        start = end
    return b"".join(strings)


def _checked_host(rdtype: RdataType, text: str) -> str:
    """The text, with the host that it ends in as A-labels. Raises InvalidValue, InvalidName.

    dnspython reads '@' as the origin, here the root, and '192.0.2.1' as a name: neither is ever meant.
    """
    if "\n" in text.strip():
        raise InvalidValue(f"'{text}' is more than one line: a list item for each value")
    words = text.split()
    if "@" in words:
        raise InvalidValue(f"'{text}': '@' stands for nothing here, write the whole name")
    if (host := host_text(rdtype, text)) is not None:
        parse_name(host)
        return " ".join([*words[:-1], ascii_name(host)])
    return text


def _parse_text_value(rdtype: RdataType, text: str) -> bytes:
    strings = _quoted_strings(text) if text.lstrip().startswith('"') else [text.encode()]
    pieces = [
        string[start : start + _STRING_OCTETS]
        for string in strings
        for start in range(0, max(len(string), 1), _STRING_OCTETS)
    ]
    value = b"".join(bytes([len(piece)]) + piece for piece in pieces)
    if len(value) > _RDATA_OCTETS:
        raise InvalidValue(f"a {type_text(rdtype)} value of {len(value)} octets: a record holds {_RDATA_OCTETS}")
    return value


def _quoted_strings(text: str) -> list[bytes]:
    """The strings of a TXT value in presentation format; dnspython refuses those that are too long, so split after."""
    tokenizer = dns.tokenizer.Tokenizer(text)
    strings = []
    try:
        while not (token := tokenizer.get()).is_eol_or_eof():
            if not (token.is_quoted_string() or token.is_identifier()):
                raise InvalidValue(f"'{text}' is no TXT value: expected strings in quotes")
            strings.append(token.unescape_to_bytes().value)
    except dns.exception.DNSException as error:
        raise InvalidValue(f"'{text}' is no TXT value: {error}") from None
    return strings
