# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket or stream to a DNS server, and the messages that wait on it for their answers."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ....module_utils._dns.transport import Stream, UdpSocket
from ....module_utils._dns.wire import Malformed
from ..._deps import dns
from .errors import ConnectionClosed, KeyRefused, RequestFailed, Unreachable
from .response import VerifiedResponse, verified_response

if TYPE_CHECKING:
    from .server import Server
    from .tsig import Signer

# Seconds until a UDP message is sent again; doubled each time.
FIRST_REPEAT = 0.8


@dataclass(eq=False)
class PendingRequest:
    """A message that waits for its answer."""

    wire: bytes
    mac: bytes
    question: bytes  # the section; in an update, that of the zone
    reply: asyncio.Future[VerifiedResponse]
    is_update: bool
    deadline: float
    repeat_at: float = 0.0
    repeat_after: float = FIRST_REPEAT
    repeated: bool = False
    sent_at: float = 0.0
    ignored: str = ""  # why a message that looked like the answer did not count


class Channel(ABC):
    """A socket or stream with the requests that wait on it, by identifier."""

    def __init__(self, signer: Signer | None) -> None:
        self._signer = signer
        self.waiting: dict[int, PendingRequest] = {}
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
    def send(self, request: PendingRequest) -> None:
        """Raises ConnectionClosed."""

    @abstractmethod
    def close(self) -> None: ...

    def fail_all(self, error: RequestFailed) -> None:
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


class DatagramChannel(Channel):
    def __init__(self, signer: Signer | None, server: Server) -> None:
        """Raises OSError."""
        super().__init__(signer)
        self._socket = UdpSocket(server.address, server.port, self.accept, self._fail)

    def _fail(self, error: OSError) -> None:
        self.fail_all(Unreachable(reason_of(error)))

    def send(self, request: PendingRequest) -> None:
        try:
            self._socket.send(request.wire)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        self._socket.close()


class StreamChannel(Channel):
    """A TCP or TLS connection on which many messages wait at once (RFC 7766, section 6.2.1.1)."""

    def __init__(self, signer: Signer | None) -> None:
        super().__init__(signer)
        self.stream = Stream(self.accept, self._lost)

    @property
    def open(self) -> bool:
        return self.stream.open

    def _lost(self, error: Exception | None) -> None:
        self.fail_all(ConnectionClosed(reason_of(error) if error else "the server closed the connection"))

    def send(self, request: PendingRequest) -> None:
        if not self.open:
            # It ended while another one was opened, and reports nothing to what waits on it from now on.
            raise ConnectionClosed("the server closed the connection")
        self.stream.send(request.wire)

    def close(self) -> None:
        self.stream.close()


def reason_of(error: Exception) -> str:
    """In words that can stand behind a colon."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name has no address"
    if isinstance(error, OSError) and error.errno:
        # asyncio has words of its own in strerror, with the address in them.
        text = os.strerror(error.errno)
        return text[0].lower() + text[1:]
    return str(error)
