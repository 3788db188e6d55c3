# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as Cloudflare's interface has them, one for each value, to values of RRsets and back.

Source: https://developers.cloudflare.com/api/resources/dns/subresources/records/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NotRequired, TypedDict

from ..._records.names import name_text, parse_name
from ..._records.rrsets import Key, RRset
from ..._records.values import parse_type, parse_value, type_text, value_text

if TYPE_CHECKING:
    from dns.rdatatype import RdataType

# The words of the presentation format as `data` names them. Of all other types `content` is the value.
_WORDS = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "HTTPS": ("priority", "target", "value"),
    "SMIMEA": ("usage", "selector", "matching_type", "certificate"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "type", "fingerprint"),
    "SVCB": ("priority", "target", "value"),
    "TLSA": ("usage", "selector", "matching_type", "certificate"),
}
_HEXADECIMAL = frozenset({"certificate", "digest", "fingerprint"})
_TEXTS = frozenset({"tag", "value"})
_HOSTS = frozenset({"CNAME", "MX", "NS", "PTR"})
TYPES = frozenset({*_WORDS, *_HOSTS, "A", "AAAA", "OPENPGPKEY", "TXT"})
# Only these can be answered with Cloudflare's own addresses, and then with this TTL in seconds.
_PROXIABLE = frozenset({"A", "AAAA", "CNAME"})
PROXIED_TTL = 300

# The TTL 1 stands for 'automatic', which is as many seconds.
_AUTOMATIC = 1
_AUTOMATIC_TTL = 300


class CloudflareRecord(TypedDict):
    """A record as it is read. priority: of an MX; data: of a type in _WORDS; ttl: seconds, or 1 for 'automatic'."""

    id: NotRequired[str]
    name: str
    type: str
    content: str
    ttl: int
    priority: NotRequired[int]
    data: NotRequired[Mapping[str, object] | None]
    proxied: NotRequired[bool]
    meta: NotRequired[Mapping[str, object] | None]


class Fields(TypedDict, total=False):
    """Of a record, those that a batch names; alone `id` in a deletion."""

    id: str
    name: str
    type: str
    content: str
    ttl: int
    priority: int
    data: dict[str, str | int]
    proxied: bool


@dataclass(frozen=True)
class ProxiedRRset(RRset):
    """Answered with Cloudflare's own addresses, so that it is never the same as an RRset that is wanted."""

    serves: ClassVar[str] = "a web site behind Cloudflare's proxy"

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "proxied": True}

    def zone_file_lines(self) -> list[str]:
        return [f"{line} ; proxied" for line in super().zone_file_lines()]


def key_of(record: CloudflareRecord) -> Key:
    """Raises InvalidName, InvalidValue."""
    return Key(parse_name(record["name"]), parse_type(record["type"]))


def value_of(record: CloudflareRecord) -> bytes:
    """Raises InvalidValue."""
    kind, data = record["type"], record.get("data") or {}
    rdtype = parse_type(kind)
    if kind == "MX":
        return parse_value(rdtype, f"{record['priority']} {record['content']}")
    if kind in _WORDS:
        words = [str(data.get(word, "")) for word in _WORDS[kind]]
        if kind == "CAA":
            words[-1] = _quoted(words[-1])
        return parse_value(rdtype, " ".join(words))
    return parse_value(rdtype, record["content"])


def rdata_fields(rdtype: RdataType, value: bytes) -> Fields:
    """What a record with this value has in the fields that make it up."""
    kind, text = type_text(rdtype), value_text(rdtype, value)
    if kind == "MX":
        priority, host = text.split()
        return {"priority": int(priority), "content": _host(host)}
    if kind in _HOSTS:
        return {"content": _host(text)}
    if kind not in _WORDS:
        return {"content": text}
    names = _WORDS[kind]
    words = text.split(maxsplit=len(names) - 1)
    # A service binding may come without parameters.
    words += [""] * (len(names) - len(words))
    return {"data": {name: _datum(kind, name, word) for name, word in zip(names, words, strict=True)}}


def as_record(key: Key, value: bytes, ttl: int) -> Fields:
    """A new one, that is answered as it is."""
    kind = type_text(key.rdtype)
    record: Fields = {"name": name_text(key.name), "type": kind, "ttl": ttl, **rdata_fields(key.rdtype, value)}
    return {**record, "proxied": False} if kind in _PROXIABLE else record


def difference(record: CloudflareRecord, wanted: RRset) -> Fields:
    """What has to change so that the record is answered as the RRset that is wanted, its value aside.

    An RRset of which some are proxied counts as proxied whole, and stays so when the others go.
    """
    fields: Fields = {}
    proxied = isinstance(wanted, ProxiedRRset)
    if is_proxied(record) != proxied:
        fields["proxied"] = proxied
    if not proxied and ttl_of(record) != wanted.ttl:
        fields["ttl"] = wanted.ttl
    return fields


def ttl_of(record: CloudflareRecord) -> int:
    """In seconds, as it is answered."""
    return _AUTOMATIC_TTL if record["ttl"] == _AUTOMATIC else int(record["ttl"])


def is_proxied(record: CloudflareRecord) -> bool:
    return bool(record.get("proxied"))


def is_locked(record: CloudflareRecord) -> bool:
    """Whether another of Cloudflare's services, as Email Routing, made it and keeps it."""
    return bool((record.get("meta") or {}).get("read_only"))


def _datum(kind: str, name: str, word: str) -> str | int:
    if name == "target":
        return _host(word)
    if name in _HEXADECIMAL:
        return word.replace(" ", "")
    if name in _TEXTS:
        return _unquoted(word) if kind == "CAA" and name == "value" else word
    return int(word)


def _host(text: str) -> str:
    return text.rstrip(".") or "."


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(text: str) -> str:
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
