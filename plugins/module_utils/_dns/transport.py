# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages to a server and back: many at once over UDP, one over TCP or TLS.

An answer counts only if it comes from the server's address and port and has the identifier and the question of a
message that waits for one. Everything else is ignored, as if it had not come.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from ipaddress import ip_address
from typing import Callable, NamedTuple, Union
from urllib.parse import urlsplit

from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import MAX_MESSAGE, is_response_to

PORTS = {"udp": 53, "tcp": 53, "tls": 853}
# Messages that are read before other work has its turn.
_AT_ONCE = 64
# Messages on the way at once to one server: as many fit in anybody's receive buffer.
_ON_THE_WAY = 96

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


class Datagrams:
    """A connected UDP socket: the kernel drops what comes from another address or port.

    Without a transport of asyncio, which looks for other work after each datagram, and with one timer for all.
    ended: is called with the answer, or with the OSError or asyncio.TimeoutError that came in its place.
    """

    def __init__(self, address: str, port: int, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        # By identifier, in the order in which they were sent and time out.
        self._waiting: dict[int, tuple[float, bytes, Ended]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((address, port))
        self._loop.add_reader(self._socket, self._receive)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= _ON_THE_WAY

    def ask(self, query: bytes, ended: Ended) -> None:
        identifier = int.from_bytes(query[:2], "big")
        while identifier in self._waiting:
            identifier = (identifier + 1) % 65536
        query = identifier.to_bytes(2, "big") + query[2:]
        try:
            self._socket.send(query)
        except BlockingIOError:
            pass  # where there is no room for it, it is lost, as datagrams are
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

    def _receive(self) -> None:
        for _number in range(_AT_ONCE):
            try:
                wire = self._socket.recv(MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError as error:  # nobody listens there
                waiting, self._waiting = self._waiting, {}
                for _expires, _query, ended in waiting.values():
                    ended(error)
                return
            identifier = int.from_bytes(wire[:2], "big")
            asked = self._waiting.get(identifier)
            if asked is not None and is_response_to(asked[1], wire):
                del self._waiting[identifier]
                asked[2](wire)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()


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
            if is_response_to(query, wire):
                return wire
    finally:
        writer.transport.abort()
