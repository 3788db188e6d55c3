# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages to a server and back, for targets and controller: over UDP, TCP (RFC 7766) and TLS (RFC 7858).

An answer counts only if it comes from the server's address and port and has the identifier and the question of a
message that waits for one. Everything else is ignored, as if it had not come.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Callable, NamedTuple, Union, cast
from urllib.parse import urlsplit

from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import MAX_MESSAGE, is_response_to

if TYPE_CHECKING:
    from collections.abc import Container

PORTS = {"udp": 53, "tcp": 53, "tls": 853}
# Messages that are read before other work has its turn.
_AT_ONCE = 64
# Messages on the way at once to one server: 2 x 96 fit in its default receive buffer (212,992 octets, at 768 each).
ON_THE_WAY = 96

Ended = Callable[[Union[bytes, Exception]], None]


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


def unused_identifier(waiting: Container[int]) -> int:
    """An identifier that cannot be guessed (RFC 5452, section 9.2), and none of those under which messages wait."""
    identifier = secrets.randbits(16)
    while identifier in waiting:
        identifier = secrets.randbits(16)
    return identifier


class UdpSocket:
    """A connected UDP socket: the kernel drops what comes from another address or port.

    Without a transport of asyncio, which looks for other work after each datagram. received: is called with each
    datagram; failed: with an error that the kernel reports, which may be about any datagram that was sent.
    """

    def __init__(
        self, address: str, port: int, received: Callable[[bytes], None], failed: Callable[[OSError], None]
    ) -> None:
        """Raises OSError."""
        self._received, self._failed = received, failed
        self._loop = asyncio.get_running_loop()
        self._socket = _connected(address, port)
        self._loop.add_reader(self._socket, self._receive)

    def send(self, wire: bytes) -> None:
        """Raises OSError; where there is no room for a datagram it is lost, as datagrams are."""
        with contextlib.suppress(BlockingIOError):
            self._socket.send(wire)

    def _receive(self) -> None:
        for _number in range(_AT_ONCE):
            try:
                wire = self._socket.recv(MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError as error:
                self._failed(error)
                return
            self._received(wire)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _connected(address: str, port: int) -> socket.socket:
    """Raises OSError."""
    (family, kind, _protocol, _name, place_of_server), *_others = socket.getaddrinfo(
        address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )
    connected = socket.socket(family, kind)
    connected.setblocking(False)
    try:
        connected.connect(place_of_server)
    except OSError:
        connected.close()
        raise
    return connected


class Stream(asyncio.Protocol):
    """A TCP or TLS connection with a message behind each length (RFC 7766, section 8).

    received: is called with each message; lost: with the error that ended the connection, None if the server closed it.
    """

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[Exception | None], None]) -> None:
        self._received, self._lost = received, lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2 and len(self._buffer) >= (end := 2 + int.from_bytes(self._buffer[:2], "big")):
            wire = bytes(self._buffer[2:end])
            del self._buffer[:end]
            self._received(wire)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._lost(exc)

    def send(self, wire: bytes) -> None:
        if self._transport is not None:
            self._transport.write(len(wire).to_bytes(2, "big") + wire)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Datagrams:
    """Queries over one UDP socket, with one timer for all.

    ended: is called with the response, or with the OSError or asyncio.TimeoutError that came in its place.
    """

    def __init__(self, address: str, port: int, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        # By identifier, in the order in which they were sent and time out.
        self._waiting: dict[int, tuple[float, bytes, Ended]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._socket = UdpSocket(address, port, self._receive, self._fail)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= ON_THE_WAY

    def ask(self, query: bytes, ended: Ended) -> None:
        identifier = int.from_bytes(query[:2], "big")
        if identifier in self._waiting:
            identifier = unused_identifier(self._waiting)
            query = identifier.to_bytes(2, "big") + query[2:]
        try:
            self._socket.send(query)
        except OSError as error:
            self._loop.call_soon(ended, error)
            return
        self._waiting[identifier] = self._loop.time() + self._timeout, query, ended
        self._await_next()

    def _await_next(self) -> None:
        if self._timer is None and self._waiting:
            expires, _query, _ended = next(iter(self._waiting.values()))
            self._timer = self._loop.call_at(expires, self._give_up)

    def _give_up(self) -> None:
        self._timer = None
        now = self._loop.time()
        late = []
        for identifier, (expires, _query, ended) in self._waiting.items():
            if expires > now:
                break
            late.append((identifier, ended))
        for identifier, _ended in late:
            del self._waiting[identifier]
        for _identifier, ended in late:
            ended(asyncio.TimeoutError())
        self._await_next()

    def _receive(self, wire: bytes) -> None:
        identifier = int.from_bytes(wire[:2], "big")
        asked = self._waiting.get(identifier)
        if asked is not None and is_response_to(asked[1], wire):
            del self._waiting[identifier]
            asked[2](wire)

    def _fail(self, error: OSError) -> None:
        waiting, self._waiting = self._waiting, {}
        for _expires, _query, ended in waiting.values():
            ended(error)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()


async def ask_in_stream(server: Place, query: bytes, timeout: float) -> bytes:
    """The answer over TCP (RFC 7766) or TLS (RFC 7858).

    Raises OSError, EOFError, or asyncio.TimeoutError after so many seconds for all of it.
    """
    return await asyncio.wait_for(_in_stream(server, query), timeout)


def _tls(server: Place) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not server.name:
        # An unauthenticated server is better than cleartext (RFC 7858, section 4.1).
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _in_stream(server: Place, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    response: asyncio.Future[bytes] = loop.create_future()

    def received(wire: bytes) -> None:
        if is_response_to(query, wire) and not response.done():
            response.set_result(wire)

    def lost(error: Exception | None) -> None:
        if not response.done():
            response.set_exception(error or EOFError("the server closed the connection"))

    context = _tls(server) if server.scheme == "tls" else None
    _transport, stream = await loop.create_connection(
        lambda: Stream(received, lost),
        server.address,
        server.port,
        ssl=context,
        server_hostname=(server.name or server.address) if context is not None else None,
    )
    try:
        stream.send(query)
        return await response
    finally:
        stream.abort()
