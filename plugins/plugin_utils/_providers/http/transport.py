# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request over HTTP and its answer, bounded in time and size whatever the server does.

The standard library's time limit is one for each packet: a body that drips a byte a second never ends for it.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.request import (
    BaseHandler,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import Request

# A large body is sent in pieces, each with what is left of the time.
_PIECE = 16 * 1024
_CHUNK = 64 * 1024


class TooLarge(Exception):
    """The answer is larger than the limit."""


def read_body(response: HTTPResponse) -> bytes:
    """The whole body. Raises TooLarge, OSError, http.client.HTTPException."""
    parts = []
    while part := response.read(_CHUNK):
        parts.append(part)
    # The library ends quietly where a server ends before the length that it announced.
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def opener(ca_path: str | None, largest: int, encrypted: bool, use_proxies: bool) -> OpenerDirector:
    """Verifies certificates and follows no redirect. The time limit of a request is one for the whole of it.

    largest: bytes of an answer, with its headers.
    """
    handlers: list[BaseHandler] = [_Http(largest), _NoRedirects(), *([] if use_proxies else [ProxyHandler({})])]
    if encrypted:
        # Of ansible-core's own open_url every request reads all certificates of the system anew, for some 30 ms.
        handlers.append(_Https(largest, ssl.create_default_context(cafile=ca_path)))
    return build_opener(*handlers)


class _NoRedirects(HTTPRedirectHandler):
    """Credentials go nowhere else."""

    def redirect_request(self, *_words: object) -> None:
        return None


class _Limits:
    """seconds: from now on; largest: bytes that may be received."""

    def __init__(self, seconds: float, largest: int) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._room = largest

    def left(self) -> float:
        """Seconds. Raises TimeoutError."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self._seconds:g} s")
        return left

    def received(self, size: int) -> None:
        """Raises TooLarge."""
        self._room -= size
        if self._room < 0:
            raise TooLarge


class _Stream(io.RawIOBase):
    """What a connection receives within the limits."""

    def __init__(self, connection: socket.socket, limits: _Limits) -> None:
        self._connection = connection
        self._limits = limits
        # The connection stays open as long as the answer is read, though the library closes it before.
        self._kept = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._limits.left())
        try:
            size = self._connection.recv_into(buffer)
        except TimeoutError:
            self._limits.left()
            raise
        self._limits.received(size)
        return size

    def close(self) -> None:
        self._kept.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, connection: socket.socket, *words: Any, limits: _Limits, **more: Any) -> None:
        super().__init__(connection, *words, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Stream(connection, limits))


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, timeout: float, largest: int, **words: Any) -> None:
        super().__init__(host, timeout=timeout, **words)
        self._limits = _Limits(timeout, largest)
        self._create_connection = self._connected
        self.response_class = partial(_Response, limits=self._limits)  # type: ignore[assignment]

    def _connected(self, place: tuple[str, int], *_words: object) -> socket.socket:
        """To the first address that answers; all of them have the one time limit."""
        problem: OSError | None = None
        for family, kind, protocol, _name, address in socket.getaddrinfo(*place, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._limits.left())
                connection.connect(address)
                # What is left is for the handshake of TLS.
                connection.settimeout(self._limits.left())
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise problem or OSError("its name has no address")

    def send(self, data: Any) -> None:
        for start in range(0, len(data), _PIECE):
            if self.sock is not None:
                self.sock.settimeout(self._limits.left())
            super().send(data[start : start + _PIECE])


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Http(HTTPHandler):
    def __init__(self, largest: int) -> None:
        super().__init__()
        self._largest = largest

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Connection, req, largest=self._largest)  # type: ignore[arg-type]


class _Https(HTTPSHandler):
    def __init__(self, largest: int, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._largest, self._verified = largest, context

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_SecureConnection, req, largest=self._largest, context=self._verified)  # type: ignore[arg-type]
