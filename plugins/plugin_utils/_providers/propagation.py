# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authoritative servers of zones, asked without a key, as any resolver asks them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ...module_utils._dns.wire import Malformed
from .._deps import dns, optional_library
from .._records.names import name_text
from .._records.rrsets import Change, Key, RRset
from .base import ProviderError, Traffic
from .rfc2136.connection import ServerConnection
from .rfc2136.errors import RequestFailed, Unreachable
from .rfc2136.server import Server

if TYPE_CHECKING:
    from dns.name import Name


async def addresses(host: str, port: int) -> list[Server]:
    """The addresses that this host's resolver knows. Raises Unreachable."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise Unreachable(f"its name has no address ({error.strerror})") from None
    except UnicodeError:
        raise Unreachable("it is no name: a part between two dots is empty or too long") from None
    return [Server(str(entry[4][0]), port, host) for entry in found]


async def delegated_to(zone: Name, timeout: float) -> list[Name]:
    """The hosts in the zone's NS RRset, as this host's resolver knows it. Raises ProviderError."""
    try:
        answer = await optional_library("dns.asyncresolver").resolve(zone, dns.rdatatype.NS, lifetime=timeout)
    except dns.exception.DNSException as error:
        raise ProviderError(
            f"zone {name_text(zone)}: the resolver of this host knows no name servers of the zone "
            f"({type(error).__name__}). Check that the zone is registered and delegated."
        ) from None
    return sorted(rdata.target.canonicalize() for rdata in answer)


def has_arrived(change: Change, seen: RRset | None) -> bool:
    """Whether what a server answers is what the change wrote. Where a record went, a wildcard may answer now."""
    return seen != change.before and (change.after is None or seen == change.after)


class NameServers:
    """timeout: seconds for one answer."""

    def __init__(self, timeout: float, traffic: Traffic) -> None:
        self._timeout = timeout
        self._traffic = traffic
        self._connections: dict[str, ServerConnection] = {}

    async def close(self) -> None:
        for connection in self._connections.values():
            await connection.close()

    def connection_to(self, server: Server) -> ServerConnection:
        """One connection to each address."""
        if server.address not in self._connections:
            self._connections[server.address] = ServerConnection(server, None, self._timeout)
        return self._connections[server.address]

    async def addresses_of(self, hosts: Iterable[Name]) -> list[Server]:
        """Of all the hosts; none of one whose name has no address."""
        found = await asyncio.gather(*(self._addresses_of(host) for host in hosts))
        return [server for servers in found for server in servers]

    async def _addresses_of(self, host: Name) -> list[Server]:
        try:
            return await addresses(name_text(host), 53)
        except Unreachable:
            return []

    async def show(self, servers: Iterable[Server], changes: Collection[Change]) -> bool:
        """Whether they answer what the changes wrote. One that cannot be reached counts only if none can."""
        seen = await asyncio.gather(*(self.shows(self.connection_to(server), changes) for server in servers))
        return True in seen and False not in seen

    async def shows(self, connection: ServerConnection, changes: Collection[Change]) -> bool | None:
        """Whether the server answers what the changes wrote; None if there is no answer."""
        try:
            for change in changes:
                authoritative, seen = await self.answer(connection, change.key)
                if not authoritative or not has_arrived(change, seen):
                    return False
        except (RequestFailed, Malformed):
            connection.forgive()
            return None
        return True

    async def answer(self, connection: ServerConnection, key: Key) -> tuple[bool, RRset | None]:
        """Whether the server is authoritative for the name, and its RRset. Raises RequestFailed, Malformed."""
        self._traffic.queries += 1
        reply = await connection.query(key.name, key.rdtype)
        return reply.authoritative, reply.rrset(reply.answer, key)
