# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of octoDNS to RRsets, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._deps import dns, optional_library
from ..._records.rrsets import Key, RRset
from ..._records.values import InvalidValue, parse_value, type_text

if TYPE_CHECKING:
    from dns.name import Name

    from .interface import OctoDnsRecord, OctoDnsZone


def key_of(record: OctoDnsRecord) -> Key | None:
    """None where the type is none of DNS, but an idea of octoDNS (ALIAS) or of a service (PowerDnsProvider/LUA)."""
    try:
        rdtype = dns.rdatatype.from_text(record._type)
    except (dns.exception.DNSException, ValueError):
        return None
    return Key(name_of(record), rdtype)


def name_of(record: OctoDnsRecord) -> Name:
    return dns.name.from_text(record.fqdn).canonicalize()


def construction(record: OctoDnsRecord) -> str | None:
    """What makes its answers more than a list of values; None for an ordinary record."""
    if getattr(record, "dynamic", None):
        return "a dynamic record (pools, rules)"
    if getattr(record, "geo", None):
        return "a record that answers by place (geo)"
    return None


def to_rrset(key: Key, record: OctoDnsRecord) -> RRset:
    """Raises InvalidValue."""
    try:
        texts = record.to_rrset().rdatas
    except Exception as error:  # octoDNS has no class for its errors.
        raise InvalidValue(f"octoDNS cannot show it: {error}") from None
    return RRset(key, record.ttl, frozenset(parse_value(key.rdtype, text) for text in texts))


def to_record(zone: Name, rrset: RRset) -> OctoDnsRecord:
    """A record that means exactly the RRset. Raises InvalidValue."""
    is_text = rrset.key.rdtype in (dns.rdatatype.TXT, dns.rdatatype.SPF)
    if is_text and any("\\" in text for text in rrset.texts()):  # Whatever is not plain stands there escaped.
        raise InvalidValue(
            f"{rrset.key} has a text with a quote, a backslash, or a letter outside of ASCII, which each provider of "
            "octoDNS writes in another way: write it at the service"
        )
    record_class = optional_library("octodns.record").Record
    presentation = optional_library("octodns.record.rr").Rrset(
        rrset.key.name.to_text(), type_text(rrset.key.rdtype), rrset.ttl, rrset.texts()
    )
    try:
        record: OctoDnsRecord = record_class.from_rrset(new_zone(zone), presentation)
        understood = key_of(record) == rrset.key and to_rrset(rrset.key, record) == rrset
    except Exception as error:  # octoDNS has no class for its errors.
        raise InvalidValue(f"{rrset.key}: octoDNS does not take it: {error}") from None
    if not understood:
        hint = " (it joins the strings of a text: write each text as one)" if is_text else ""
        raise InvalidValue(f"{rrset.key}: octoDNS would make something else of {', '.join(rrset.texts())}{hint}")
    return record


def new_zone(zone: Name) -> OctoDnsZone:
    """With no records."""
    empty: OctoDnsZone = optional_library("octodns.zone").Zone(zone.to_text(), [])
    return empty
