# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS questions to one server at a time, many at once."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._dns import answers as seen
from ansible_collections.inbound.mail.plugins.module_utils._dns.names import is_below
from ansible_collections.inbound.mail.plugins.module_utils._dns.response import Response, response_of
from ansible_collections.inbound.mail.plugins.module_utils._dns.route import has_route
from ansible_collections.inbound.mail.plugins.module_utils._dns.transport import (
    Datagrams,
    Place,
    ask_in_stream,
    place,
)
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    TYPES,
    Malformed,
    make_query,
    read_response,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable

# One lost packet is no finding.
_TRIES = 3
# So many questions without any answer, and a server is not asked further ones: a dead one does not hold up the rest.
_PATIENCE = 3


@dataclass
class _Query:
    """answer: what will come of it; tries: how often it was asked."""

    address: str
    server: Place
    name: str
    rdtype: str
    query: bytes
    answer: asyncio.Future[Response]
    of_resolver: bool
    wants_delegation: bool
    tries: int = 0


class Client:
    """timeout: seconds to wait for each packet's answer; concurrency: questions on the way at once.

    Twenty thousand questions are asked in a second or two, so each is a future that is settled as its answer comes in,
    and no task of its own.
    """

    def __init__(self, resolvers: list[str], timeout: float, concurrency: int) -> None:
        self.resolvers = resolvers
        self._timeout = timeout
        self._free = concurrency
        self._queue: deque[_Query] = deque()
        # By address: those that wait because too many are on the way to the same server.
        self._parked: dict[str, deque[_Query]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolved: dict[tuple[str, str, str], asyncio.Future[Response]] = {}
        self._over_tcp: dict[str, asyncio.Future[Response]] = {}
        self._datagrams: dict[str, Datagrams] = {}
        self._routes: dict[str, bool] = {}
        # By address: questions without an answer, until there is one; then it is known to live.
        self._unanswered: dict[str, int] = {}
        self._alive: set[str] = set()

    def ask(self, address: str, name: str, rdtype: str) -> asyncio.Future[Response]:
        """One server's own answer; over TCP where it does not fit in a datagram (RFC 7766)."""
        return self._ask(address, name, rdtype)

    def ask_delegation(self, address: str, zone: str) -> asyncio.Future[Response]:
        """What a server of the parent says of the zone, with its `delegation`."""
        return self._ask(address, zone, "NS", wants_delegation=True)

    def status_over_tcp(self, address: str, zone: str) -> asyncio.Future[Response]:
        """The answer for the zone's SOA over TCP. A server of many zones is asked once, for one of them."""
        if address not in self._over_tcp:
            self._over_tcp[address] = self._ask(
                f"tcp://[{address}]" if ":" in address else f"tcp://{address}", zone, "SOA"
            )
        return self._over_tcp[address]

    def _ask(
        self,
        address: str,
        name: str,
        rdtype: str,
        recursive: bool = False,
        validated: bool = True,
        of_resolver: bool = False,
        wants_delegation: bool = False,
    ) -> asyncio.Future[Response]:
        """validated: as the server thinks right; else it is told to answer also what it takes for bogus.

        of_resolver: it is asked why, if it fails.
        """
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if not self._has_route(address):
            answer.set_result(Response(seen.NO_ROUTE))
            return answer
        server = place(address)
        try:
            # Malformed: an answer led to what is no name. OSError: this host has no more sockets.
            query = make_query(name, rdtype, recursive, validated)
            self._open(address, server)
        except (Malformed, OSError) as error:
            answer.set_result(Response(_status(error)))
            return answer
        self._queue.append(_Query(address, server, name, rdtype, query, answer, of_resolver, wants_delegation))
        self._send_next()
        return answer

    def _send_next(self) -> None:
        """Send what waits, as far as there is room for it."""
        while self._free and self._queue:
            asked = self._queue.popleft()
            if self._is_dead(asked.address):
                self._settle(asked, Response(seen.TIMEOUT))
            elif asked.server.scheme == "udp" and self._datagrams[asked.address].is_full:
                self._parked.setdefault(asked.address, deque()).append(asked)
            else:
                self._free -= 1
                self._send(asked)

    def _is_dead(self, address: str) -> bool:
        return address not in self._alive and self._unanswered.get(address, 0) >= _PATIENCE

    def _send(self, asked: _Query) -> None:
        asked.tries += 1
        if asked.server.scheme == "udp":
            self._datagrams[asked.address].ask(asked.query, partial(self._received, asked))
        else:
            self._start(self._ask_in_stream(asked))

    def _received(self, asked: _Query, outcome: bytes | Exception) -> None:
        if isinstance(outcome, Exception):
            self._replied(asked, Response(_status(outcome)))
            return
        try:
            message = read_response(outcome)
            if message.truncated:
                self._start(self._ask_in_stream(asked))
                return
            response = response_of(message, asked.name, TYPES[asked.rdtype], asked.wants_delegation)
        except Malformed as error:
            response = Response(_status(error))
        self._replied(asked, response)

    async def _ask_in_stream(self, asked: _Query) -> None:
        try:
            message = read_response(await ask_in_stream(asked.server, asked.query, self._timeout))
            response = response_of(message, asked.name, TYPES[asked.rdtype], asked.wants_delegation)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            response = Response(_status(error))
        self._replied(asked, response)

    def _replied(self, asked: _Query, response: Response) -> None:
        address = asked.address
        if response.status == seen.ANSWERED:
            self._alive.add(address)
        elif asked.tries < _TRIES:
            self._send(asked)
            return
        else:
            self._unanswered[address] = self._unanswered.get(address, 0) + 1
        self._free += 1
        parked = self._parked.get(address)
        if parked:
            self._queue.appendleft(parked.popleft())
            if self._is_dead(address):
                self._queue.extend(self._parked.pop(address))
        if asked.of_resolver and response.rcode == "SERVFAIL":
            self._start(self._ask_why_it_failed(asked, response))
        else:
            self._settle(asked, response)
        self._send_next()

    @staticmethod
    def _settle(asked: _Query, response: Response) -> None:
        if not asked.answer.done():  # the time was up
            asked.answer.set_result(response)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask_why_it_failed(self, asked: _Query, failure: Response) -> None:
        """Whether a resolver fails because it takes the answer for bogus."""
        address, name, rdtype = asked.address, asked.name, asked.rdtype
        response = await self._ask(address, name, rdtype, recursive=True, validated=False)
        if not response.usable:
            self._settle(asked, failure)
            return
        # It may have failed in passing.
        again = await self._ask(address, name, rdtype, recursive=True)
        self._settle(asked, again if again.usable else replace(response, bogus=address))

    def _has_route(self, address: str) -> bool:
        if address not in self._routes:
            self._routes[address] = has_route(place(address).address)
        return self._routes[address]

    def _open(self, address: str, server: Place) -> None:
        if server.scheme == "udp" and address not in self._datagrams:
            self._datagrams[address] = Datagrams(server.address, server.port, self._timeout)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for one in self._datagrams.values():
            one.close()

    async def resolve(self, name: str, rdtype: str) -> Response:
        """The first usable answer of the resolvers, in their order."""
        response = Response(seen.TIMEOUT)
        for resolver in self.resolvers:
            response = await self.resolve_at(resolver, name, rdtype)
            if response.usable:
                break
        return response

    def look_ahead(self, name: str, *rdtypes: str) -> None:
        """Ask the first resolver at once for what is resolved one after the other."""
        for resolver in self.resolvers[:1]:
            for rdtype in rdtypes:
                self.resolve_at(resolver, name, rdtype)

    def resolve_at(self, resolver: str, name: str, rdtype: str) -> asyncio.Future[Response]:
        """One resolver's answer; each question is asked once."""
        key = (resolver, name, rdtype)
        if key not in self._resolved:
            self._resolved[key] = self._ask(*key, recursive=True, of_resolver=True)
        return self._resolved[key]

    def resolved(self) -> list[seen.Resolved]:
        """What the resolvers answered so far, those that are asked first first."""
        found: list[seen.Resolved] = [
            {**answer.result().as_answer(name, rdtype), "resolver": resolver}
            for (resolver, name, rdtype), answer in self._resolved.items()
            if answer.done() and not answer.cancelled() and rdtype in ("A", "AAAA", "MX", "PTR")
        ]
        return sorted(found, key=lambda one: (one["name"], one["type"], self.resolvers.index(one["resolver"])))

    async def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6 addresses of a host, by the resolvers."""
        self.look_ahead(name, "A", "AAAA")
        return [value for rdtype in ("A", "AAAA") for value in (await self.resolve(name, rdtype)).values]

    async def zone_of(self, name: str) -> str | None:
        """The zone in which the name stands, by the resolvers; None if they do not answer."""
        owner = name
        while owner:
            response = await self.resolve(owner, "SOA")
            if response.status != seen.ANSWERED:
                return None
            # The answer for an alias tells the zone of what it stands for; a loop of aliases has none.
            if response.usable and response.soa_owner and is_below(name, response.soa_owner):
                return response.soa_owner
            owner = owner.partition(".")[2]
        return None


async def gathered(work: Iterable[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*work))


def _status(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return seen.REFUSED
    if isinstance(error, (ValueError, EOFError)):
        return seen.MALFORMED
    return seen.TIMEOUT
