# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages to a server and back: many at once over UDP, one over TCP or TLS.

An answer counts only if it comes from the server's address and port and has the identifier and the question of a
message that waits for one. Everything else is ignored, as if it had not come.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from ansible_collections.inbound.mail.plugins.module_utils._path_check.message import answers

PORTS = {"udp": 53, "tcp": 53, "tls": 853}
_OCTETS = 65535
# Messages that are read before other work has its turn.
_AT_ONCE = 64
# Messages on the way at once to one server: as many fit in anybody's receive buffer.
_ON_THE_WAY = 96


class Place(NamedTuple):
    """Where a server is asked, and how: udp (with TCP for what does not fit), tcp, or tls. name: in its certificate."""

    scheme: str
    address: str
    port: int
    name: str


@lru_cache(maxsize=10_000)
def place(text: str) -> Place:
    """`192.0.2.53`, `tcp://192.0.2.53` or `tls://[2001:db8::53]:853#dns.example.org`. Raises ValueError."""
    if "://" not in text:
        return Place("udp", str(ip_address(text)), PORTS["udp"], "")
    parts = urlsplit(text)
    if parts.scheme not in PORTS or parts.path or parts.query or parts.username is not None:
        raise ValueError(text)
    address = str(ip_address(parts.hostname or ""))
    return Place(parts.scheme, address, parts.port or PORTS[parts.scheme], parts.fragment)


class Datagrams:
    """A connected UDP socket: the kernel drops what comes from another address or port.

    Without a transport of asyncio, which looks for other work after each datagram.
    """

    def __init__(self, address: str, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(_ON_THE_WAY)
        self._waiting: dict[int, tuple[bytes, asyncio.Future[bytes]]] = {}
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((address, port))
        self._loop.add_reader(self._socket, self._receive)

    async def ask(self, query: bytes, timeout: float) -> bytes:
        """The answer. Raises OSError, or asyncio.TimeoutError after so many seconds."""
        async with self._slots:
            return await self._ask(query, timeout)

    async def _ask(self, query: bytes, timeout: float) -> bytes:
        identifier = int.from_bytes(query[:2], "big")
        while identifier in self._waiting:
            identifier = (identifier + 1) % 65536
        query = identifier.to_bytes(2, "big") + query[2:]
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[identifier] = query, answer
        late = self._loop.call_later(timeout, _give_up, answer)
        try:
            # Where there is no room for it, it is lost, as datagrams are.
            with contextlib.suppress(BlockingIOError):
                self._socket.send(query)
            return await answer
        finally:
            late.cancel()
            del self._waiting[identifier]

    def _receive(self) -> None:
        for _number in range(_AT_ONCE):
            try:
                wire = self._socket.recv(_OCTETS)
            except BlockingIOError:
                return
            except OSError as error:  # nobody listens there
                for _query, answer in self._waiting.values():
                    if not answer.done():
                        answer.set_exception(error)
                return
            asked = self._waiting.get(int.from_bytes(wire[:2], "big"))
            if asked is not None and not asked[1].done() and answers(asked[0], wire):
                asked[1].set_result(wire)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _give_up(answer: asyncio.Future[bytes]) -> None:
    if not answer.done():
        answer.set_exception(asyncio.TimeoutError())


async def ask_in_stream(server: Place, query: bytes, timeout: float) -> bytes:
    """The answer over TCP (RFC 7766) or TLS (RFC 7858).

    Raises OSError, EOFError, or asyncio.TimeoutError after so many seconds for all of it.
    """
    return await asyncio.wait_for(_in_stream(server, query), timeout)


def _tls(server: Place) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.name:
        # Whoever it is: better than in clear (RFC 7858, section 4.1).
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _in_stream(server: Place, query: bytes) -> bytes:
    if server.scheme == "tls":
        connecting = asyncio.open_connection(
            server.address, server.port, ssl=_tls(server), server_hostname=server.name or server.address
        )
    else:
        connecting = asyncio.open_connection(server.address, server.port)
    reader, writer = await connecting
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        while True:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            if answers(query, wire):
                return wire
    finally:
        writer.transport.abort()
