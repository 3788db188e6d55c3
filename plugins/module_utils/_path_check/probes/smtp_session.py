# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of SMTP on one TCP connection (RFC 5321), bounded in time and size whatever the server does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.route import has_route
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.certificate import read_certificate
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import HOST_NAME
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from types import TracebackType

# RFC 5321, section 4.5.3.1.5, allows 512 octets a line, and any number of lines.
_LONGEST_LINE = 2**16
_MOST_LINES = 10_000

_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]")

_NOT_FROM_HERE = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ConversationEnded(Exception):
    """The server closed the connection, or what it sends is not SMTP."""


@dataclass(frozen=True)
class SmtpReply:
    """code: three digits; text: its lines, harmless, joined by ' / '."""

    code: int
    text: str
    lines: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 400


class Conversation:
    """An SMTP connection: `async with await Conversation.open(...)`. timeout: seconds for each reply."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        self._reader = reader
        self._writer = writer
        # The one without TLS: Python closes the connection when it is forgotten.
        self._plain_writer = writer
        self._timeout = timeout

    @classmethod
    async def open(cls, address: str, port: int, connect_timeout: float, timeout: float) -> Conversation:
        """Raises OSError and asyncio.TimeoutError."""
        connecting = asyncio.open_connection(address, port, limit=_LONGEST_LINE)
        reader, writer = await asyncio.wait_for(connecting, connect_timeout)
        return cls(reader, writer, timeout)

    async def __aenter__(self) -> Conversation:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plain_writer.transport.abort()

    @property
    def local_address(self) -> str:
        return str(self._writer.get_extra_info("sockname")[0])

    async def command(self, line: str) -> SmtpReply:
        self._writer.write(f"{line}\r\n".encode("ascii", "replace"))
        return await self.reply()

    async def data(self, message: bytes) -> SmtpReply:
        """The message after DATA was accepted. message: lines that end with CR LF; no line is a lone dot."""
        self._writer.write(message + b".\r\n")
        return await self.reply()

    async def start_tls(self, name: str, lenient: bool = False) -> seen.Tls:
        """The handshake after STARTTLS was accepted (RFC 3207), with any certificate; the conversation goes on in TLS.

        lenient: also with what the library refuses by default.
        name: whose certificate to ask for (SNI), as senders who look at it have to, since a server may have several
        (RFC 7672, section 8.1; RFC 8461, section 7.1).
        """
        transport = self._writer.transport
        protocol = transport.get_protocol()
        asked_for = name if HOST_NAME.fullmatch(name) else None
        loop = asyncio.get_running_loop()
        try:
            handshake = loop.start_tls(transport, protocol, _unverified(lenient), server_hostname=asked_for)
            encrypted = await asyncio.wait_for(handshake, self._timeout)
        except asyncio.TimeoutError:
            return _without_tls(f"no handshake within {self._timeout:g} s")
        except (OSError, EOFError) as error:  # ssl.SSLError too
            return _without_tls(harmless(_reason(error)))
        if encrypted is None:
            return _without_tls("the server closed the connection")
        # What arrives is decrypted and goes on to the same reader.
        self._writer = asyncio.StreamWriter(encrypted, protocol, self._reader, loop)
        session = encrypted.get_extra_info("ssl_object")
        certificate = read_certificate(session.getpeercert(binary_form=True))
        return {"version": session.version(), "error": "", "certificate": certificate}

    def quit(self) -> None:
        """Say so and close, without waiting for an answer."""
        self._writer.write(b"QUIT\r\n")
        self._writer.close()

    async def reply(self) -> SmtpReply:
        """The next reply. Raises ConversationEnded."""
        try:
            return await asyncio.wait_for(self._read(), self._timeout)
        except asyncio.TimeoutError:
            raise ConversationEnded(f"no reply within {self._timeout:g} s") from None
        except (OSError, EOFError):
            raise ConversationEnded("the server closed the connection") from None
        except ValueError as error:
            raise ConversationEnded(str(error)) from None

    async def _read(self) -> SmtpReply:
        lines: list[str] = []
        while len(lines) < _MOST_LINES:
            raw = await self._reader.readline()
            if not raw.endswith(b"\n"):
                raise EOFError if len(raw) < _LONGEST_LINE else ValueError("a reply line without end")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not line[:3].isdecimal() or not line[:3].isascii() or line[3:4] not in ("", " ", "-"):
                raise ValueError(f"not an SMTP reply: {harmless(line, 120)}")
            lines.append(harmless(line[4:]))
            if line[3:4] != "-":
                return SmtpReply(int(line[:3]), harmless(" / ".join(lines)), tuple(lines))
        raise ValueError(f"a reply of more than {_MOST_LINES} lines")


def _without_tls(error: str) -> seen.Tls:
    return {"version": "", "error": error, "certificate": None}


def _unverified(lenient: bool) -> ssl.SSLContext:
    """Senders encrypt to an unauthenticated server rather than send in cleartext (RFC 7435)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if lenient:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no TLS").replace("_", " ").lower()
    return "the server closed the connection"


def failure_status(error: BaseException, address: str) -> str:
    """How a connection ended that did not come about, in the words of the observation."""
    if isinstance(error, OSError) and error.errno in _NOT_FROM_HERE and not has_route(address):
        return seen.NO_ROUTE
    if isinstance(error, OSError) and error.errno in (
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.EACCES,
        errno.EPERM,
    ):
        return seen.REFUSED
    if isinstance(error, OSError) and error.errno == errno.ENETUNREACH:
        return seen.REFUSED
    return seen.TIMEOUT


def own_literal(address: str) -> str:
    """An address as an EHLO argument (RFC 5321, section 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


async def _seen_as(conversation: Conversation) -> str:
    """The client's address in the answer to EHLO, where the server is one that says it."""
    try:
        if (await conversation.reply()).code != 220:
            return ""
        hello = await conversation.command(f"EHLO {own_literal(conversation.local_address)}")
    except ConversationEnded:
        return ""
    for found in _LITERAL.findall(hello.lines[0]):
        with contextlib.suppress(ValueError):
            return str(ip_address(found))
    return ""


async def try_connection(source: str, address: str, port: int, timeout: float, ask: bool = False) -> seen.Connection:
    """Open a TCP connection and close it again. ask: by EHLO from which address it comes."""
    result: seen.Connection = {
        "source": source,
        "address": address,
        "port": port,
        "status": seen.NO_ROUTE,
        "local_address": None,
        "seen_as": "",
    }
    if not has_route(address):
        return result
    try:
        async with await Conversation.open(address, port, timeout, timeout) as conversation:
            result["status"] = seen.OPEN
            result["local_address"] = conversation.local_address
            if ask:
                result["seen_as"] = await _seen_as(conversation)
    except (OSError, asyncio.TimeoutError) as error:
        result["status"] = failure_status(error, address)
    return result
