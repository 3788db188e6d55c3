# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service that a zone goes to has the records that the zone has now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..._records.rrsets import Key, RRset
from ..._records.values import type_text
from ..base import Provider, ProviderError

if TYPE_CHECKING:
    from dns.name import Name

# What belongs to the service that has a zone, and to its signatures (RFC 4034, RFC 5155, RFC 7344).
_OF_THE_SERVICE = frozenset({"SOA", "DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY"})


class Contents(NamedTuple):
    """differences: what of the zone's former contents is not at the new service; unread: why that is not known."""

    differences: list[str]
    unread: str


async def compared(zone: Name, former: Provider, new: Provider, ours: Collection[tuple[Name, str]]) -> Contents:
    """What of the zone would be lost to the world if the new service had it. ours: (name, type) that are seen to."""
    try:
        before = _others(zone, await former.contents(zone), ours)
        after = _others(zone, await new.contents(zone), ours)
    except ProviderError as error:
        return Contents([], str(error))
    differences = []
    for key, rrset in before.items():
        there = after.get(key)
        if there is None:
            differences.append(f"{key} ({', '.join(rrset.texts())}) is missing")
        elif there.values != rrset.values:
            differences.append(f"{key} is {', '.join(there.texts())} there, not {', '.join(rrset.texts())}")
    return Contents(differences, "")


def _others(zone: Name, contents: Iterable[RRset], ours: Collection[tuple[Name, str]]) -> dict[Key, RRset]:
    found = {}
    for rrset in sorted(contents, key=lambda rrset: (rrset.key.name, type_text(rrset.key.rdtype))):
        name, type_ = rrset.key.name, type_text(rrset.key.rdtype)
        of_the_service = type_ in _OF_THE_SERVICE or (type_ == "NS" and name == zone)
        if not of_the_service and (name, type_) not in ours:
            found[rrset.key] = rrset
    return found
