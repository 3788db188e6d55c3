# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages to one server and back, many at a time: over UDP with TCP where an answer does not fit, TCP or TLS.

An answer counts only if it comes from the server's address and port, has the identifier and the question of a message
that waits for one, and, where a key is used, a valid signature. Everything else is ignored, as if it had not come:
an attacker who can send packets but not read ours gains nothing by guessing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ....module_utils._dns.transport import ON_THE_WAY, Stream, UdpSocket
from ....module_utils._dns.wire import Malformed, encode_query, encode_question
from ..._deps import dns
from .response import VerifiedResponse, verified_response
from .tsig import Signer, signer
from .update import UPDATE_OCTETS, Update

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.tsig import Key

# Octets of a UDP request that every server takes (RFC 1035, section 4.2.1); nsupdate changes to TCP there as well.
_UDP_REQUEST = 512
# Sockets to one server. A kernel spreads what comes from several over the threads of the server.
_UDP_SOCKETS = 4
_STREAMS = 2
# Seconds until a UDP message is sent again; doubled each time.
_FIRST_REPEAT = 0.8
_TICK = 0.05


class ExchangeError(Exception):
    """No usable answer."""


class NoAnswer(ExchangeError):
    """Nothing that counts as an answer came in time."""


class Unreachable(ExchangeError):
    """The server cannot be reached: connection refused, no route, a TLS handshake that failed."""


class Truncated(ExchangeError):
    """Even over a connection the server sent only a part of the answer."""


class Lost(ExchangeError):
    """An update was sent and not answered, for this `reason`: it may have been made or not."""

    def __init__(self, reason: ExchangeError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class KeyRefused(ExchangeError):
    """The server did not take the signature; `reason`: BADKEY, BADSIG, BADTIME or BADTRUNC (RFC 8945, section 5.2)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Server(NamedTuple):
    """An address and port to send to; `name` is what the administrator calls it."""

    address: str
    port: int
    name: str

    def __str__(self) -> str:
        where = f"{self.address} port {self.port}"
        return where if self.name == self.address else f"{self.name} ({where})"


@dataclass(eq=False)
class _Request:
    """A message that waits for its answer."""

    wire: bytes
    mac: bytes
    question: bytes  # the section; in an update, that of the zone
    reply: asyncio.Future[VerifiedResponse]
    is_update: bool
    deadline: float
    repeat_at: float = 0.0
    repeat_after: float = _FIRST_REPEAT
    repeated: bool = False
    sent_at: float = 0.0
    ignored: str = ""  # why a message that looked like the answer did not count


class _Channel(ABC):
    """A socket or stream with the requests that wait on it, by identifier."""

    def __init__(self, signer: Signer | None) -> None:
        self._signer = signer
        self.waiting: dict[int, _Request] = {}
        self.heard_at = float("-inf")

    def accept(self, wire: bytes) -> None:
        """Hand a message that came in to the request that it answers, if it does."""
        request = self.waiting.get(int.from_bytes(wire[:2], "big"))
        if request is None or request.reply.done():
            return
        try:
            reply = verified_response(wire, request.question, self._signer, request.mac)
        except Malformed as error:
            request.ignored = str(error)
        except dns.tsig.PeerError as error:
            request.reply.set_exception(KeyRefused(_peer_errors().get(type(error), str(error))))
        else:
            self.heard_at = asyncio.get_running_loop().time()
            request.reply.set_result(replace(reply, repeated=True) if request.repeated else reply)

    @abstractmethod
    def send(self, request: _Request) -> None:
        """Raises ConnectionClosed."""

    @abstractmethod
    def close(self) -> None: ...

    def fail_all(self, error: ExchangeError) -> None:
        for request in self.waiting.values():
            if not request.reply.done():
                request.reply.set_exception(error)


def _peer_errors() -> dict[type[dns.tsig.PeerError], str]:
    return {
        dns.tsig.PeerBadKey: "BADKEY",
        dns.tsig.PeerBadSignature: "BADSIG",
        dns.tsig.PeerBadTime: "BADTIME",
        dns.tsig.PeerBadTruncation: "BADTRUNC",
    }


class _Datagrams(_Channel):
    def __init__(self, signer: Signer | None, server: Server) -> None:
        """Raises OSError."""
        super().__init__(signer)
        self._socket = UdpSocket(server.address, server.port, self.accept, self._fail)

    def _fail(self, error: OSError) -> None:
        self.fail_all(Unreachable(_reason(error)))

    def send(self, request: _Request) -> None:
        try:
            self._socket.send(request.wire)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        self._socket.close()


class _Stream(_Channel):
    """A TCP or TLS connection on which many messages wait at once (RFC 7766, section 6.2.1.1)."""

    def __init__(self, signer: Signer | None) -> None:
        super().__init__(signer)
        self.stream = Stream(self.accept, self._lost)

    @property
    def open(self) -> bool:
        return self.stream.open

    def _lost(self, error: Exception | None) -> None:
        self.fail_all(ConnectionClosed(_reason(error) if error else "the server closed the connection"))

    def send(self, request: _Request) -> None:
        if not self.open:
            # It ended while another one was opened, and reports nothing to what waits on it from now on.
            raise ConnectionClosed("the server closed the connection")
        self.stream.send(request.wire)

    def close(self) -> None:
        self.stream.close()


class ConnectionClosed(ExchangeError):
    """The connection ended before the answer came."""


@dataclass
class Exchange:
    """The conversation with one server.

    timeout: seconds for one answer, all repetitions included. A server that has answered nothing while a question
    waited that long is given up for the rest of the run: a thousand zones do not wait for it one after the other.
    """

    server: Server
    key: Key | None = field(repr=False)
    timeout: float
    protocol: str = "udp"
    tls: ssl.SSLContext | None = None
    _datagrams: list[_Datagrams] = field(default_factory=list)
    _streams: list[_Stream] = field(default_factory=list)
    _turn: int = 0
    _given_up: ExchangeError | None = None
    _no_streams: ExchangeError | None = None  # over UDP, the connections that long answers need
    _ticker: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._signer = signer(self.key)
        self._room = asyncio.Semaphore(ON_THE_WAY)
        self._opening = asyncio.Lock()

    async def query(self, name: Name, rdtype: RdataType) -> VerifiedResponse:
        """The answer to one question, recursion not desired. Raises ExchangeError."""
        question = encode_question(name.to_wire() or b"", rdtype)
        wire = encode_query(question)
        async with self._room:
            # Over UDP a server may answer ANY with a part of what the name has (RFC 8482, section 4.4).
            if self.protocol == "udp" and rdtype != dns.rdatatype.ANY:
                reply = await self._ask(self._next_datagrams(), question, wire)
                if not reply.truncated:
                    return reply
            try:
                reply = await self._ask(await self._next_stream(), question, wire)
            except ConnectionClosed:
                # Servers close idle connections as they like (RFC 7766, section 6.2.3): a question is asked again.
                reply = await self._ask(await self._next_stream(), question, wire)
        if reply.truncated:
            raise Truncated
        return reply

    async def update(self, update: Update) -> VerifiedResponse:
        """The answer to an update (RFC 2136), which is never sent over a second connection. Raises ExchangeError: Lost
        if it was sent.
        """
        wire = update.to_wire()
        if len(wire) > UPDATE_OCTETS:
            raise dns.exception.TooBig
        async with self._room:
            fits = len(wire) + (self._signer.octets if self._signer is not None else 0) <= _UDP_REQUEST
            channel = self._next_datagrams() if self.protocol == "udp" and fits else await self._next_stream()
            return await self._ask(channel, update.zone_section, wire)

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        for channel in (*self._datagrams, *self._streams):
            channel.close()

    def forgive(self) -> None:
        """Ask a server again that was given up."""
        self._given_up = self._no_streams = None

    async def _ask(
        self,
        channel: _Datagrams | _Stream,
        question: bytes,
        wire: bytes,
    ) -> VerifiedResponse:
        if self._given_up is not None:
            raise self._given_up
        loop = asyncio.get_running_loop()
        identifier = _identifier()
        while identifier in channel.waiting:
            identifier = _identifier()
        now = loop.time()
        is_update = wire[2] >> 3 == dns.opcode.UPDATE
        wire = identifier.to_bytes(2, "big") + wire[2:]
        wire, mac = self._signer.sign(wire) if self._signer is not None else (wire, b"")
        request = _Request(
            wire, mac, question, loop.create_future(), is_update, now + self.timeout, now + _FIRST_REPEAT, sent_at=now
        )
        channel.waiting[identifier] = request
        try:
            channel.send(request)
            if self._ticker is None:
                self._ticker = loop.call_later(_TICK, self._tick)
            return await request.reply
        except KeyRefused:
            raise
        except ExchangeError as error:
            # "Connection refused" may have been about another datagram, and this one have arrived.
            raise Lost(error) if is_update else error from None
        finally:
            del channel.waiting[identifier]

    def _tick(self) -> None:
        """Repeat what was not answered over UDP, and give up what is overdue."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        channels = (*self._datagrams, *self._streams)
        # All connections may be closed at the moment, and new ones on the way.
        heard_at = max((channel.heard_at for channel in channels), default=float("-inf"))
        for channel in channels:
            for request in channel.waiting.values():
                if request.reply.done():
                    continue
                if now >= request.deadline:
                    error = NoAnswer(request.ignored)
                    request.reply.set_exception(error)
                    if heard_at < request.sent_at and not request.is_update:
                        self._give_up(error)
                elif isinstance(channel, _Datagrams) and now >= request.repeat_at:
                    channel.send(request)
                    request.repeated = True
                    request.repeat_after *= 2
                    request.repeat_at = now + request.repeat_after
        self._ticker = loop.call_later(_TICK, self._tick) if any(channel.waiting for channel in channels) else None

    def _give_up(self, error: ExchangeError) -> None:
        self._given_up = error
        for channel in (*self._datagrams, *self._streams):
            channel.fail_all(error)

    def _next_datagrams(self) -> _Datagrams:
        while len(self._datagrams) < _UDP_SOCKETS:
            self._datagrams.append(self._open_datagrams())
        self._turn += 1
        return self._datagrams[self._turn % _UDP_SOCKETS]

    def _open_datagrams(self) -> _Datagrams:
        try:
            return _Datagrams(self._signer, self.server)
        except OSError as error:
            raise Unreachable(_reason(error)) from None

    async def _next_stream(self) -> _Stream:
        async with self._opening:
            if failure := self._given_up or self._no_streams:
                raise failure
            self._streams = [stream for stream in self._streams if stream.open]
            if len(self._streams) < _STREAMS:
                try:
                    self._streams.append(await self._open_stream())
                except Unreachable as error:
                    if self.protocol == "udp":
                        self._no_streams = Unreachable(f"over TCP, which what is too long for UDP needs: {error}")
                        raise self._no_streams from None
                    self._give_up(error)
                    raise
        self._turn += 1
        return self._streams[self._turn % len(self._streams)]

    async def _open_stream(self) -> _Stream:
        loop = asyncio.get_running_loop()
        opened = _Stream(self._signer)
        try:
            await asyncio.wait_for(
                loop.create_connection(
                    lambda: opened.stream,
                    self.server.address,
                    self.server.port,
                    ssl=self.tls,
                    server_hostname=self.server.name if self.tls is not None else None,
                ),
                self.timeout,
            )
        except asyncio.TimeoutError:
            raise Unreachable("no connection within the time limit") from None
        except OSError as error:
            raise Unreachable(_reason(error)) from None
        return opened


def _identifier() -> int:
    """One that cannot be guessed (RFC 5452, section 9.2)."""
    return int.from_bytes(os.urandom(2), "big")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name has no address"
    if isinstance(error, OSError) and error.errno:
        # asyncio has words of its own in strerror, with the address in them.
        text = os.strerror(error.errno)
        return text[0].lower() + text[1:]
    return str(error)
