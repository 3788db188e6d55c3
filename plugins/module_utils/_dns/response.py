# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DNS message says in answer to a query, as far as it is needed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns import answers as seen
from ansible_collections.inbound.mail.plugins.module_utils._dns.records import ResourceRecord, resource_records
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    AAAA,
    CNAME,
    MX,
    NS,
    SOA,
    A,
)

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import Message

# More than any sound RRset has; the rest of a hostile one is not kept.
_MOST_VALUES = 600
_LONGEST_ALIAS_CHAIN = 16


@dataclass(frozen=True)
class Delegation:
    """referral: zone to the nameservers that the parent names for it; glue: addresses that it gives of some."""

    referral: dict[str, list[str]] = field(default_factory=dict)
    glue: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Response:
    """A server's response, as far as it is needed here. status: how the query ended (see answers.py)."""

    status: str
    rcode: str = ""
    authoritative: bool = False
    values: list[str] = field(default_factory=list)
    ttl: int | None = None
    alias: str | None = None
    authentic: bool = False
    """Whether a resolver says that it validated it."""
    soa_owner: str | None = None
    """The zone that the response says it comes from, by the SOA record in it."""
    bogus: str = ""
    """The resolver that gives this answer only if it is told not to validate it (RFC 4035, section 3.2.2)."""
    delegation: Delegation | None = None
    """Where it is wanted."""

    @property
    def usable(self) -> bool:
        return self.status == seen.ANSWERED and self.rcode in ("NOERROR", "NXDOMAIN")

    def as_answer(self, name: str, rdtype: str) -> seen.Answer:
        return {
            "name": name,
            "type": rdtype,
            "status": self.status,
            "rcode": self.rcode,
            "authoritative": self.authoritative,
            "values": self.values,
            "ttl": self.ttl,
            "alias": self.alias,
        }


def response_of(message: Message, name: str, rdtype: int, wants_delegation: bool) -> Response:
    """Raises Malformed."""
    response = Response(seen.ANSWERED, message.rcode, message.authoritative, authentic=message.authentic)
    answer = resource_records(message, message.answer)
    owner = name
    for _link in range(_LONGEST_ALIAS_CHAIN):
        found = [one for one in answer if one.name == owner and one.type == rdtype][:_MOST_VALUES]
        if found:
            response.values = _values(found, rdtype)
            response.ttl = found[0].ttl
            break
        alias = next((one.value for one in answer if one.name == owner and one.type == CNAME), None)
        if alias is None:
            break
        owner = alias
        response.alias = response.alias or owner
    authority = resource_records(message, message.authority) if wants_delegation or not response.values else []
    # Beside an answer the SOA record of the authority section does not count.
    for one in answer if response.values else [*answer, *authority]:
        if one.type == SOA:
            response.soa_owner = one.name
            if response.ttl is None:
                response.ttl = min(one.ttl, one.minimum)
    if wants_delegation:
        response.delegation = _delegation([*answer, *authority], resource_records(message, message.additional))
    return response


def _values(records: list[ResourceRecord], rdtype: int) -> list[str]:
    """Sorted; mail exchangers with the final dot."""
    values = [record.value for record in records]
    if rdtype == MX:
        values = [value if value.endswith(" .") else f"{value}." for value in values]
    values.sort()
    return values


def _delegation(records: list[ResourceRecord], additional: list[ResourceRecord]) -> Delegation:
    """records: of the answer and of the authority section."""
    found = Delegation()
    for one in records:
        if one.type == NS and len(found.referral.get(one.name, ())) < _MOST_VALUES:
            found.referral.setdefault(one.name, []).append(one.value)
    for one in additional:
        if one.type in (A, AAAA):
            found.glue.setdefault(one.name, []).append(one.value)
    return found
