# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, values and RRsets as the API of Amazon Route 53 writes them.

It escapes octets as three octal digits (`\\052` is '*'), where a zone file has three decimal ones (RFC 1035, section
5.1). See 'DNS domain name format' and 'Supported DNS record types' in its Developer Guide.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..._deps import dns
from ..._records.rrsets import Key, RRset
from ..._records.values import InvalidValue, type_text

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from .responses import RecordSet

_OCTAL = re.compile(r"\\(?:([0-7]{3})|.)")
_DECIMAL = re.compile(r"\\(?:([0-9]{3})|(.))")
_PLAIN_OCTETS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")

# What an RRset consists of that is nothing but its values.
_PLAIN = frozenset({"Name", "Type", "TTL", "ResourceRecords"})
_ROUTING = {
    "Weight": "weighted",
    "Region": "latency",
    "Failover": "failover",
    "GeoLocation": "geolocation",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "IP-based",
    "MultiValueAnswer": "multivalue answer",
}


@lru_cache(maxsize=65536)
def parse_name(text: str) -> Name:
    return dns.name.from_text(_OCTAL.sub(_as_decimal, text), dns.name.root).canonicalize()


@lru_cache(maxsize=65536)
def name_text(name: Name) -> str:
    return ".".join("*" if label == b"*" else "".join(map(_octet_text, label)) for label in name.labels[:-1]) + "."


def key_of(record_set: RecordSet) -> Key:
    return Key(parse_name(record_set["Name"]), dns.rdatatype.from_text(record_set["Type"]))


def construction(record_set: RecordSet) -> str | None:
    """What the RRset is beside its values, for the administrator; None if there is nothing."""
    if target := _alias_target(record_set):
        return f"an alias record for {target}"
    if record_set.keys() <= _PLAIN:
        return None
    policies = [text for member, text in _ROUTING.items() if member in record_set]
    return f"under a routing policy ({policies[0] if policies else 'traffic policy or health check'})"


def to_rrset(record_set: RecordSet) -> RRset:
    """Of an alias record, what it points to stands for the values. Raises InvalidValue."""
    key = key_of(record_set)
    if target := _alias_target(record_set):
        return RRset(key, 0, frozenset({parse_name(target).to_wire() or b""}))
    values = frozenset(_parse_value(key.rdtype, record["Value"]) for record in record_set["ResourceRecords"])
    return RRset(key, record_set["TTL"], values)


def to_record_set(rrset: RRset) -> RecordSet:
    return {
        "Name": name_text(rrset.key.name),
        "Type": type_text(rrset.key.rdtype),
        "TTL": rrset.ttl,
        "ResourceRecords": [{"Value": _DECIMAL.sub(_as_octal, text)} for text in rrset.texts()],
    }


def _alias_target(record_set: RecordSet) -> str | None:
    return record_set["AliasTarget"]["DNSName"] if "AliasTarget" in record_set else None


def _parse_value(rdtype: RdataType, text: str) -> bytes:
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, _OCTAL.sub(_as_decimal, text), dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise InvalidValue(f"'{text}' is no value of a {type_text(rdtype)} record: {error}") from None
    return rdata.to_digestable(dns.name.root)


def _octet_text(octet: int) -> str:
    return chr(octet) if octet in _PLAIN_OCTETS else f"\\{octet:03o}"


def _as_decimal(match: re.Match[str]) -> str:
    return f"\\{int(match[1], 8):03d}" if match[1] else match[0]


def _as_octal(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\{int(match[1]):03o}"
    return match[0] if match[2] in '"\\' else f"\\{ord(match[2]):03o}"
