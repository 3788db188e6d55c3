# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS questions to one server at a time, many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.channel import Datagrams, ask_in_stream, place
from ansible_collections.inbound.mail.plugins.module_utils._path_check.message import (
    AAAA,
    CNAME,
    MX,
    NS,
    SOA,
    TYPES,
    A,
    Malformed,
    Message,
    Record,
    question,
    read,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.route import has_route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

# One lost packet is no finding.
_TRIES = 3
# So many questions without any answer, and a server is not asked further ones: a dead one does not hold up the rest.
_PATIENCE = 3
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
        self._datagrams: dict[str, Datagrams] = {}
        self._routes: dict[str, bool] = {}
        # By address: questions without an answer, until there is one; then it is known to live.
        self._unanswered: dict[str, int] = {}
        self._alive: set[str] = set()

    async def ask(self, address: str, name: str, rdtype: str, recursive: bool = False, validated: bool = True) -> Reply:
        """One server's own answer; over TCP where it does not fit in a datagram (RFC 7766).

        validated: as the server thinks right; else it is told to answer also what it takes for bogus.
        """
        if not self._has_route(address):
            return Reply(seen.NO_ROUTE)
        try:
            query = question(name, rdtype, recursive, validated)
        except Malformed:
            # A name that nobody has, out of somebody's answer.
            return Reply(seen.MALFORMED)
        async with self._slots:
            if address not in self._alive and self._unanswered.get(address, 0) >= _PATIENCE:
                return Reply(seen.TIMEOUT)
            reply = Reply(seen.TIMEOUT)
            for _attempt in range(_TRIES):
                reply = await self._exchange(address, query, name, rdtype)
                if reply.status == seen.ANSWERED:
                    self._alive.add(address)
                    return reply
            self._unanswered[address] = self._unanswered.get(address, 0) + 1
            return reply

    async def _exchange(self, address: str, query: bytes, name: str, rdtype: str) -> Reply:
        try:
            server = place(address)
            message = None
            if server.scheme == "udp":
                message = read(await self._datagrams_to(address).ask(query, self._timeout))
            if message is None or message.truncated:
                message = read(await ask_in_stream(server, query, self._timeout))
            return _reply(message, name, TYPES[rdtype])
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            return Reply(_status(error))

    def _has_route(self, address: str) -> bool:
        if address not in self._routes:
            self._routes[address] = has_route(place(address).address)
        return self._routes[address]

    def _datagrams_to(self, address: str) -> Datagrams:
        if address not in self._datagrams:
            server = place(address)
            self._datagrams[address] = Datagrams(server.address, server.port)
        return self._datagrams[address]

    def close(self) -> None:
        for one in self._datagrams.values():
            one.close()

    async def status_over_tcp(self, address: str, zone: str) -> str:
        """How a question for the zone's SOA ended over TCP. A server of many zones is asked once, for one of them."""
        if address not in self._over_tcp:
            self._over_tcp[address] = asyncio.ensure_future(self._ask_over_tcp(address, zone))
        return await self._over_tcp[address]

    async def _ask_over_tcp(self, address: str, zone: str) -> str:
        if not self._has_route(address):
            return seen.NO_ROUTE
        status = seen.TIMEOUT
        async with self._slots:
            for _attempt in range(_TRIES - 1):
                try:
                    await ask_in_stream(place(address), question(zone, "SOA"), self._timeout)
                    return seen.ANSWERED
                except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                    status = _status(error)
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
    """The addresses in /etc/resolv.conf (resolv.conf(5)); none if there are none."""
    try:
        text = Path("/etc/resolv.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = [line.split() for line in text.splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1])]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def stands_in(name: str, zone: str) -> bool:
    return zone == "." or f".{name}".endswith(f".{zone}")


def _status(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return seen.REFUSED
    if isinstance(error, (ValueError, EOFError)):
        return seen.MALFORMED
    return seen.TIMEOUT


def _reply(message: Message, name: str, rdtype: int) -> Reply:
    reply = Reply(seen.ANSWERED, rcode=message.rcode, authoritative=message.authoritative)
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
    for one in [*message.answer, *message.authority]:
        if one.type == SOA:
            reply.soa_owner = one.name
            if reply.ttl is None:
                reply.ttl = min(one.ttl, one.minimum)
        elif one.type == NS and len(reply.referral.get(one.name, ())) < _MOST_VALUES:
            reply.referral.setdefault(one.name, []).append(one.value)
    for one in message.additional:
        if one.type in (A, AAAA):
            reply.glue.setdefault(one.name, []).append(one.value)
    return reply


def _value(record: Record) -> str:
    if record.type == MX and not record.value.endswith(" ."):
        return f"{record.value}."
    return record.value
