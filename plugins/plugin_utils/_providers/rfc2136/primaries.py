# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the primary server of a zone and connects to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..._deps import dns, optional_library
from ..._records.names import name_text
from ..base import ProviderError
from ..propagation import addresses
from .connection import ServerConnection
from .errors import KeyRefused, RequestFailed, Unreachable
from .gss_tsig import GssFailed, negotiate

if TYPE_CHECKING:
    from dns.name import Name
    from dns.tsig import Key as TsigKey

    from .server import Server


@dataclass(frozen=True)
class Rfc2136Options:
    """server: name or address of the primary, None for the one in each zone's SOA; timeout: seconds for an answer."""

    server: str | None
    port: int
    protocol: str
    key: TsigKey | None = field(repr=False)
    timeout: float
    ca_path: str | None = None
    kerberos: bool = False


class Primaries:
    """One connection to each server, begun when it is first needed."""

    def __init__(self, options: Rfc2136Options) -> None:
        self._options = options
        self._tls = ssl.create_default_context(cafile=options.ca_path) if options.protocol == "tls" else None
        self._names: dict[Name, str] = {}
        self._connections: dict[str, asyncio.Task[ServerConnection]] = {}

    async def close(self) -> None:
        for connection in self.begun():
            await connection.close()

    def begun(self) -> list[ServerConnection]:
        return [task.result() for task in self._connections.values() if task.done() and task.exception() is None]

    async def of(self, zone: Name) -> ServerConnection:
        """The connection to the zone's primary server."""
        host = self._options.server or await self._name(zone)
        if host not in self._connections:
            self._connections[host] = asyncio.create_task(self._connect(host))
        try:
            return await asyncio.shield(self._connections[host])
        except GssFailed as error:
            raise ProviderError(f"zone {name_text(zone)}: {error}.") from None
        except Unreachable as error:
            raise ProviderError(
                f"zone {name_text(zone)}: the server {host} cannot be reached: {error}. Check the option server."
            ) from None

    async def _name(self, zone: Name) -> str:
        if zone in self._names:
            return self._names[zone]
        try:
            resolver = optional_library("dns.asyncresolver")
            answer = await resolver.resolve(zone, dns.rdatatype.SOA, lifetime=self._options.timeout)
        except dns.exception.DNSException as error:
            raise ProviderError(
                f"zone {name_text(zone)}: no server is named, and the resolver of this host knows no SOA of the zone "
                f"({type(error).__name__}). Name the primary in server."
            ) from None
        self._names[zone] = name_text(answer[0].mname)
        return self._names[zone]

    async def _connect(self, host: str) -> ServerConnection:
        """With the first address of the host that answers anything at all. Raises Unreachable, GssFailed."""
        servers = await addresses(host, self._options.port)
        if self._options.kerberos:
            return await self._connect_with_ticket(servers)
        connections = [
            ServerConnection(server, self._options.key, self._options.timeout, self._options.protocol, self._tls)
            for server in servers
        ]
        for connection in connections[:-1]:
            limit = self._options.timeout / len(connections)
            try:
                await asyncio.wait_for(connection.query(dns.name.root, dns.rdatatype.SOA), limit)
            except KeyRefused:
                return connection
            except (RequestFailed, asyncio.TimeoutError):
                await connection.close()
            else:
                return connection
        return connections[-1]

    async def _connect_with_ticket(self, servers: Sequence[Server]) -> ServerConnection:
        """One key serves all messages; over UDP a repeated one would look like a replay to the server."""
        for last, server in enumerate(servers, 1 - len(servers)):
            try:
                key = await asyncio.to_thread(negotiate, server, self._options.timeout)
            except GssFailed:
                if last == 0:
                    raise
                continue
            protocol = "tcp" if self._options.protocol == "udp" else self._options.protocol
            return ServerConnection(server, key, self._options.timeout, protocol, self._tls)
        raise Unreachable("its name has no address")
