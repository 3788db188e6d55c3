# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DNS message says in answer to a question, as far as anybody here needs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    AAAA,
    CNAME,
    MX,
    NS,
    SOA,
    A,
    Message,
    Record,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen

# More than any sound RRset has; the rest of a hostile one is not kept.
_MOST_VALUES = 600
_LONGEST_ALIAS_CHAIN = 16


@dataclass(frozen=True)
class Delegation:
    """referral: zone to the nameservers that the parent names for it; glue: addresses that it gives of some."""

    referral: dict[str, list[str]] = field(default_factory=dict)
    glue: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Reply:
    """A server's reply, as far as anybody here needs it. status: as in the observation."""

    status: str
    rcode: str = ""
    authoritative: bool = False
    values: list[str] = field(default_factory=list)
    ttl: int | None = None
    alias: str | None = None
    authentic: bool = False
    """Whether a resolver says that it validated it."""
    soa_owner: str | None = None
    """The zone that the reply says it comes from, by the SOA record in it."""
    bogus: str = ""
    """The resolver that gives this answer only if it is told not to validate it (RFC 4035, section 3.2.2)."""
    delegation: Delegation | None = None
    """Where it was asked for."""

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


def reply_of(message: Message, name: str, rdtype: int, wants_delegation: bool) -> Reply:
    """Raises Malformed."""
    reply = Reply(seen.ANSWERED, message.rcode, message.authoritative, authentic=message.authentic)
    owner = name
    for _link in range(_LONGEST_ALIAS_CHAIN):
        found = [one for one in message.answer if one.name == owner and one.type == rdtype][:_MOST_VALUES]
        if found:
            reply.values = sorted(_value(one) for one in found)
            reply.ttl = found[0].ttl
            break
        alias = next((one.value for one in message.answer if one.name == owner and one.type == CNAME), None)
        if alias is None:
            break
        owner = alias
        reply.alias = reply.alias or owner
    # With an answer to another question the authority section says nothing that anybody looks at.
    for one in message.answer if reply.values else [*message.answer, *message.authority]:
        if one.type == SOA:
            reply.soa_owner = one.name
            if reply.ttl is None:
                reply.ttl = min(one.ttl, one.minimum)
    if wants_delegation:
        reply.delegation = _delegation(message)
    return reply


def _delegation(message: Message) -> Delegation:
    found = Delegation()
    for one in [*message.answer, *message.authority]:
        if one.type == NS and len(found.referral.get(one.name, ())) < _MOST_VALUES:
            found.referral.setdefault(one.name, []).append(one.value)
    for one in message.additional:
        if one.type in (A, AAAA):
            found.glue.setdefault(one.name, []).append(one.value)
    return found


def _value(record: Record) -> str:
    if record.type == MX and not record.value.endswith(" ."):
        return f"{record.value}."
    return record.value
