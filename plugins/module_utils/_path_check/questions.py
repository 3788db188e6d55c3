# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS questions to one server at a time, many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._deps import dns
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.route import has_route
from ansible_collections.inbound.mail.plugins.module_utils._path_check.text import harmless

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

# One lost packet is no finding.
_TRIES = 3
# So many questions without any answer, and a server is not asked further ones: a dead one does not hold up the rest.
_PATIENCE = 3
# Octets of a UDP answer that pass any path unfragmented (the DNS flag day of 2020).
_UDP_ANSWER = 1232
# More than any sound RRset has; the rest of a hostile one is not kept.
_MOST_VALUES = 600
_LONGEST_ALIAS_CHAIN = 16


@dataclass
class Reply:
    """A server's reply, as far as anybody here needs it. status: as in the observation."""

    status: str
    rcode: str = ""
    authoritative: bool = False
    values: list[str] = field(default_factory=list)
    ttl: int | None = None
    alias: str | None = None
    soa_owner: str | None = None
    """The zone that the reply says it comes from, by the SOA record in it."""
    bogus: str = ""
    """The resolver that gives this answer only if it is told not to validate it (RFC 4035, section 3.2.2)."""
    referral: dict[str, list[str]] = field(default_factory=dict)
    """Zone to the nameservers that the parent names for it."""
    glue: dict[str, list[str]] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        return self.status == seen.ANSWERED and self.rcode in ("NOERROR", "NXDOMAIN")

    def as_answer(self, zone: str, name: str, rdtype: str) -> seen.Answer:
        return {
            "zone": zone,
            "name": name,
            "type": rdtype,
            "status": self.status,
            "rcode": self.rcode,
            "authoritative": self.authoritative,
            "values": self.values,
            "ttl": self.ttl,
            "alias": self.alias,
        }


class Client:
    """timeout: seconds to wait for each packet's answer; concurrency: questions on the way at once."""

    def __init__(self, resolvers: list[str], timeout: float, concurrency: int) -> None:
        self.resolvers = resolvers
        self._timeout = timeout
        self._slots = asyncio.Semaphore(concurrency)
        self._resolved: dict[tuple[str, str, str], asyncio.Task[Reply]] = {}
        self._over_tcp: dict[str, asyncio.Task[str]] = {}
        # By address: questions without an answer, until there is one; then it is known to live.
        self._unanswered: dict[str, int] = {}
        self._alive: set[str] = set()

    async def ask(self, address: str, name: str, rdtype: str, recursive: bool = False, validated: bool = True) -> Reply:
        """One server's own answer; over TCP where it does not fit in a datagram (RFC 7766).

        validated: as the server thinks right; else it is told to answer also what it takes for bogus.
        """
        if not has_route(address):
            return Reply(seen.NO_ROUTE)
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=_UDP_ANSWER)
        if not recursive:
            query.flags &= ~dns.flags.RD
        if not validated:
            query.flags |= dns.flags.CD
        async with self._slots:
            if address not in self._alive and self._unanswered.get(address, 0) >= _PATIENCE:
                return Reply(seen.TIMEOUT)
            reply = Reply(seen.TIMEOUT)
            for _attempt in range(_TRIES):
                reply = await self._exchange(address, query)
                if reply.status == seen.ANSWERED:
                    self._alive.add(address)
                    return reply
            self._unanswered[address] = self._unanswered.get(address, 0) + 1
            return reply

    async def _exchange(self, address: str, query: Any) -> Reply:
        try:
            # Its own time-out is for each packet; a peer that drips octets over TCP is bounded by the other one.
            exchange = dns.asyncquery.udp_with_fallback(query, address, self._timeout, ignore_unexpected=True)
            response, _tcp = await asyncio.wait_for(exchange, 2 * self._timeout)
            return _read(response)
        except ConnectionRefusedError:
            return Reply(seen.REFUSED)
        except (dns.exception.Timeout, asyncio.TimeoutError, OSError):
            return Reply(seen.TIMEOUT)
        except (dns.exception.DNSException, ValueError, EOFError):
            return Reply(seen.MALFORMED)

    async def status_over_tcp(self, address: str, zone: str) -> str:
        """How a question for the zone's SOA ended over TCP. A server of many zones is asked once, for one of them."""
        if address not in self._over_tcp:
            self._over_tcp[address] = asyncio.ensure_future(self._ask_over_tcp(address, zone))
        return await self._over_tcp[address]

    async def _ask_over_tcp(self, address: str, zone: str) -> str:
        if not has_route(address):
            return seen.NO_ROUTE
        query = dns.message.make_query(zone, "SOA")
        status = seen.TIMEOUT
        async with self._slots:
            for _attempt in range(_TRIES - 1):
                try:
                    exchange = dns.asyncquery.tcp(query, address, self._timeout)
                    await asyncio.wait_for(exchange, 2 * self._timeout)
                    return seen.ANSWERED
                except ConnectionRefusedError:
                    status = seen.REFUSED
                except (dns.exception.Timeout, asyncio.TimeoutError, OSError):
                    status = seen.TIMEOUT
                except (dns.exception.DNSException, ValueError, EOFError):
                    status = seen.MALFORMED
        return status

    async def resolve(self, name: str, rdtype: str) -> Reply:
        """The first usable answer of the resolvers, in their order."""
        reply = Reply(seen.TIMEOUT)
        for resolver in self.resolvers:
            reply = await self.resolve_at(resolver, name, rdtype)
            if reply.usable:
                break
        return reply

    async def resolve_at(self, resolver: str, name: str, rdtype: str) -> Reply:
        """One resolver's answer; each question is asked once."""
        key = (resolver, name, rdtype)
        if key not in self._resolved:
            self._resolved[key] = asyncio.ensure_future(self._resolve_at(*key))
        return await self._resolved[key]

    async def _resolve_at(self, resolver: str, name: str, rdtype: str) -> Reply:
        reply = await self.ask(resolver, name, rdtype, recursive=True)
        if reply.rcode != "SERVFAIL":
            return reply
        unchecked = await self.ask(resolver, name, rdtype, recursive=True, validated=False)
        if not unchecked.usable:
            return reply
        # It may have failed in passing.
        again = await self.ask(resolver, name, rdtype, recursive=True)
        return again if again.usable else replace(unchecked, bogus=resolver)

    def resolved(self) -> list[seen.Resolved]:
        """What the resolvers answered so far, those that are asked first first."""
        found: list[seen.Resolved] = [
            {**task.result().as_answer("", name, rdtype), "resolver": resolver}
            for (resolver, name, rdtype), task in self._resolved.items()
            if task.done() and not task.cancelled() and rdtype in ("A", "AAAA", "MX", "PTR")
        ]
        return sorted(found, key=lambda one: (one["name"], one["type"], self.resolvers.index(one["resolver"])))

    async def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6 addresses of a host, by the resolvers."""
        replies = await gathered(self.resolve(name, rdtype) for rdtype in ("A", "AAAA"))
        return [value for reply in replies for value in reply.values]

    async def zone_of(self, name: str) -> str | None:
        """The zone in which the name stands, by the resolvers; None if they do not answer."""
        owner = name
        while owner:
            reply = await self.resolve(owner, "SOA")
            if reply.status != seen.ANSWERED:
                return None
            # The answer for an alias tells the zone of what it stands for; a loop of aliases has none.
            if reply.usable and reply.soa_owner and stands_in(name, reply.soa_owner):
                return reply.soa_owner
            owner = owner.partition(".")[2]
        return None


async def gathered(work: Iterable[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*work))


def system_resolvers() -> list[str]:
    """The addresses in /etc/resolv.conf; none if there are none."""
    try:
        return [str(address) for address in dns.resolver.Resolver().nameservers if isinstance(address, str)]
    except dns.resolver.NoResolverConfiguration:
        return []


def stands_in(name: str, zone: str) -> bool:
    return zone == "." or f".{name}".endswith(f".{zone}")


def bare(name: Any) -> str:
    """A dnspython name in lower case without the final dot; the root stays a dot."""
    return harmless(str(name).lower().rstrip("."), 255) or "."


def _read(response: Any) -> Reply:
    reply = Reply(
        seen.ANSWERED,
        rcode=dns.rcode.to_text(response.rcode()),
        authoritative=bool(response.flags & dns.flags.AA),
    )
    question = response.question[0] if response.question else None
    if question is not None:
        owner = question.name
        for _link in range(_LONGEST_ALIAS_CHAIN):
            found = _rrset(response.answer, owner, question.rdtype)
            if found is not None:
                reply.values = sorted(_value(rdata) for rdata in list(found)[:_MOST_VALUES])
                reply.ttl = found.ttl
                break
            cname = _rrset(response.answer, owner, dns.rdatatype.CNAME)
            if cname is None:
                break
            owner = cname[0].target
            reply.alias = reply.alias or bare(owner)
    for rrset in [*response.answer, *response.authority]:
        if rrset.rdtype == dns.rdatatype.SOA:
            reply.soa_owner = bare(rrset.name)
            if reply.ttl is None:
                reply.ttl = min(rrset.ttl, rrset[0].minimum)
        elif rrset.rdtype == dns.rdatatype.NS:
            reply.referral[bare(rrset.name)] = [bare(rdata.target) for rdata in list(rrset)[:_MOST_VALUES]]
    for rrset in response.additional:
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            reply.glue.setdefault(bare(rrset.name), []).extend(rdata.address for rdata in rrset)
    return reply


def _rrset(section: Any, owner: Any, rdtype: Any) -> Any:
    return next((rrset for rrset in section if rrset.rdtype == rdtype and rrset.name == owner), None)


def _value(rdata: Any) -> str:
    if rdata.rdtype == dns.rdatatype.MX:
        return f"{rdata.preference} {absolute(bare(rdata.exchange))}"
    if rdata.rdtype in (dns.rdatatype.NS, dns.rdatatype.PTR):
        return bare(rdata.target)
    if rdata.rdtype == dns.rdatatype.SOA:
        return str(rdata.serial)
    return harmless(rdata.to_text())


def absolute(name: str) -> str:
    return name if name == "." else f"{name}."
