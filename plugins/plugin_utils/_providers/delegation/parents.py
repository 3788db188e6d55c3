# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which name servers a zone is delegated to, as the servers of its parent zone say it, and whether others are ready.

No cache is asked: a resolver goes on naming the former servers for hours, or the new ones before all parents do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..._deps import dns, optional_library
from ..._records.names import name_text
from ..base import ProviderError
from .name_servers import NewServers, addresses_of

if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType

# Over UDP a question or its answer may be lost.
_TRIES = 2


@dataclass(frozen=True)
class DelegationStatus:
    """parent: the zone that delegates; named: of each of its servers that answered, the name servers that it names;
    ttl: seconds that a resolver may keep the name servers named now, by the parent or by themselves; problems: why the
    zone must not be delegated to the new ones."""

    parent: Name
    named: Mapping[str, frozenset[Name]]
    ttl: int
    problems: tuple[str, ...] = ()

    def leads_only_to(self, hosts: Collection[Name]) -> bool:
        return all(names and names <= set(hosts) for names in self.named.values())

    @property
    def hosts(self) -> frozenset[Name]:
        return frozenset().union(*self.named.values())


class Parents:
    """timeout: seconds for one answer."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._found: dict[Name, tuple[Name, list[str]]] = {}

    def look(self, zone: Name, new: NewServers) -> DelegationStatus:
        """Raises ProviderError if no server of the parent zone answers."""
        parent, addresses = self._servers_above(zone)
        named: dict[str, frozenset[Name]] = {}
        ttl, signed = 0, None
        for address in addresses:
            reply = self._ask(address, zone, dns.rdatatype.NS)
            if reply is None or reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                continue
            referral = _rrset(reply, zone, dns.rdatatype.NS)
            named[address] = frozenset(rdata.target.canonicalize() for rdata in referral or ())
            ttl = max(ttl, referral.ttl if referral else 0)
            signed = signed or self._rrset_at(address, zone, dns.rdatatype.DS)
        if not named:
            raise ProviderError(
                f"zone {name_text(zone)}: no name server of {name_text(parent)}, which delegates it, answers here "
                f"({', '.join(addresses) or 'their names have no address'}). See that this host may ask them (port 53)."
            )
        problems = tuple(self._unready(zone, new, signed))
        delegation = DelegationStatus(parent, named, ttl, problems)
        own = (self._own_ttl(zone, host) for host in delegation.hosts - new.addresses.keys())
        return DelegationStatus(parent, named, max([ttl, *own]), problems)

    def _servers_above(self, zone: Name) -> tuple[Name, list[str]]:
        if zone not in self._found:
            resolver = optional_library("dns.resolver")
            try:
                parent = resolver.zone_for_name(zone.parent())
                hosts = sorted(rdata.target for rdata in resolver.resolve(parent, "NS"))
            except (dns.exception.DNSException, OSError) as error:
                raise ProviderError(
                    f"zone {name_text(zone)}: the resolver of this host does not say which name servers its parent "
                    f"zone has ({type(error).__name__})."
                ) from None
            self._found[zone] = parent, [address for host in hosts for address in addresses_of(host)]
        return self._found[zone]

    def _unready(self, zone: Name, new: NewServers, signed: dns.rrset.RRset | None) -> Iterator[str]:
        """Why the new servers do not do."""
        for host, addresses in new.addresses.items():
            if not addresses:
                yield f"{name_text(host)} has no address"
            for address in addresses:
                reply = self._ask(address, zone, dns.rdatatype.SOA)
                if reply is not None and not (reply.flags & dns.flags.AA and reply.answer):
                    yield f"{name_text(host)} ({address}) does not answer for the zone"
            replies = [self._ask(address, zone, dns.rdatatype.DNSKEY) for address in addresses]
            answered = [reply for reply in replies if reply is not None]
            if addresses and not answered:
                yield f"{name_text(host)} ({', '.join(addresses)}) does not answer"
            elif signed and not any(is_signed_by(zone, signed, reply) for reply in answered):
                yield (
                    f"{name_text(host)} has no key that the parent's DS records name, so a validating resolver "
                    "would find no mail exchanger. Have the DS records removed and wait until their TTL has passed, or "
                    "have the parent name a key of the new service too (RFC 6781, section 4.3.5)"
                )

    def _own_ttl(self, zone: Name, host: Name) -> int:
        """Seconds for which the zone's own NS RRset is kept, as this one of its servers answers it."""
        found = (self._rrset_at(address, zone, dns.rdatatype.NS) for address in addresses_of(host))
        return max((rrset.ttl for rrset in found if rrset is not None), default=0)

    def _rrset_at(self, address: str, name: Name, rdtype: RdataType) -> dns.rrset.RRset | None:
        reply = self._ask(address, name, rdtype)
        return None if reply is None else _rrset(reply, name, rdtype)

    def _ask(self, address: str, name: Name, rdtype: RdataType) -> Message | None:
        """The answer to a question that asks for no recursion; None if there is none."""
        query = dns.message.make_query(name, rdtype, flags=0)
        for _try in range(_TRIES):
            try:
                reply, _over_tcp = dns.query.udp_with_fallback(query, address, timeout=self._timeout)
            except (dns.exception.DNSException, OSError, EOFError):
                continue
            return reply
        return None


def _rrset(reply: Message, name: Name, rdtype: RdataType) -> dns.rrset.RRset | None:
    """In a referral it is in the authority section; a server that has the child zone too answers it."""
    for section in (reply.answer, reply.authority):
        for rrset in section:
            if (rrset.name, rrset.rdtype) == (name, rdtype):
                return rrset
    return None


def is_signed_by(zone: Name, signed: dns.rrset.RRset, reply: Message) -> bool:
    """Whether one of the keys is one that the DS RRset names (RFC 4034, section 5.1.4)."""
    dnssec = optional_library("dns.dnssec")
    keys = _rrset(reply, zone, dns.rdatatype.DNSKEY) or ()
    for one in signed:
        for key in keys:
            if dnssec.key_id(key) != one.key_tag:
                continue
            try:
                if dnssec.make_ds(zone, key, one.digest_type, validating=True) == one:
                    return True
            except dns.exception.DNSException:
                continue
    return False
