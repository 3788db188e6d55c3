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
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....module_utils._dns.transport import ON_THE_WAY, unused_identifier
from ....module_utils._dns.wire import encode_query, encode_question
from ..._deps import dns
from .channels import FIRST_REPEAT, DatagramChannel, PendingRequest, StreamChannel, reason_of
from .errors import ConnectionClosed, KeyRefused, Lost, NoAnswer, RequestFailed, Truncated, Unreachable
from .server import Server
from .tsig import signer
from .update import UPDATE_OCTETS, Update

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.tsig import Key

    from .response import VerifiedResponse

# Octets of a UDP request that every server takes (RFC 1035, section 4.2.1); nsupdate changes to TCP there as well.
_UDP_REQUEST = 512
# Sockets to one server. A kernel spreads what comes from several over the threads of the server.
_UDP_SOCKETS = 4
_STREAMS = 2
_TICK = 0.05


@dataclass
class ServerConnection:
    """All messages to one server and their answers, over as many sockets and streams as it takes.

    timeout: seconds for one answer, all repetitions included. A server that has answered nothing while a question
    waited that long is given up for the rest of the run: a thousand zones do not wait for it one after the other.
    """

    server: Server
    key: Key | None = field(repr=False)
    timeout: float
    protocol: str = "udp"
    tls: ssl.SSLContext | None = None
    _datagrams: list[DatagramChannel] = field(default_factory=list)
    _streams: list[StreamChannel] = field(default_factory=list)
    _turn: int = 0
    _given_up: RequestFailed | None = None
    _no_streams: RequestFailed | None = None  # over UDP, the connections that long answers need
    _ticker: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._signer = signer(self.key)
        self._room = asyncio.Semaphore(ON_THE_WAY)
        self._opening = asyncio.Lock()

    async def query(self, name: Name, rdtype: RdataType) -> VerifiedResponse:
        """The answer to one question, recursion not desired. Raises RequestFailed."""
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
        """The answer to an update (RFC 2136), which is never sent over a second connection. Raises RequestFailed: Lost
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
        channel: DatagramChannel | StreamChannel,
        question: bytes,
        wire: bytes,
    ) -> VerifiedResponse:
        if self._given_up is not None:
            raise self._given_up
        loop = asyncio.get_running_loop()
        identifier = unused_identifier(channel.waiting)
        now = loop.time()
        is_update = wire[2] >> 3 == dns.opcode.UPDATE
        wire = identifier.to_bytes(2, "big") + wire[2:]
        wire, mac = self._signer.sign(wire) if self._signer is not None else (wire, b"")
        request = PendingRequest(
            wire, mac, question, loop.create_future(), is_update, now + self.timeout, now + FIRST_REPEAT, sent_at=now
        )
        channel.waiting[identifier] = request
        try:
            channel.send(request)
            if self._ticker is None:
                self._ticker = loop.call_later(_TICK, self._tick)
            return await request.reply
        except KeyRefused:
            raise
        except RequestFailed as error:
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
                elif isinstance(channel, DatagramChannel) and now >= request.repeat_at:
                    channel.send(request)
                    request.repeated = True
                    request.repeat_after *= 2
                    request.repeat_at = now + request.repeat_after
        self._ticker = loop.call_later(_TICK, self._tick) if any(channel.waiting for channel in channels) else None

    def _give_up(self, error: RequestFailed) -> None:
        self._given_up = error
        for channel in (*self._datagrams, *self._streams):
            channel.fail_all(error)

    def _next_datagrams(self) -> DatagramChannel:
        while len(self._datagrams) < _UDP_SOCKETS:
            self._datagrams.append(self._open_datagrams())
        self._turn += 1
        return self._datagrams[self._turn % _UDP_SOCKETS]

    def _open_datagrams(self) -> DatagramChannel:
        try:
            return DatagramChannel(self._signer, self.server)
        except OSError as error:
            raise Unreachable(reason_of(error)) from None

    async def _next_stream(self) -> StreamChannel:
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

    async def _open_stream(self) -> StreamChannel:
        loop = asyncio.get_running_loop()
        opened = StreamChannel(self._signer)
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
            raise Unreachable(reason_of(error)) from None
        return opened
