# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds messages by their token in an IMAP account (RFC 3501), and leaves them unread."""

from __future__ import annotations

import contextlib
import imaplib
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.submit import TOKEN_FIELD, has_token
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.trace_fields import hops
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Trace

TLS, STARTTLS, CLEAR = "tls", "starttls", "none"
ENCRYPTIONS = (TLS, STARTTLS, CLEAR)
PORTS = {TLS: 993, STARTTLS: 143, CLEAR: 143}
# Octets of a header that are looked at, as in mailboxes.py.
_HEADER = 128 * 1024
# Copies of one message.
_MOST_COPIES = 20


class ImapError(Exception):
    """The account cannot be searched; says why."""


@dataclass(frozen=True)
class Account:
    """timeout: seconds for each answer."""

    server: str
    port: int
    encryption: str
    user: str
    password: str
    folders: Sequence[str]
    validate_certs: bool
    timeout: float

    def __str__(self) -> str:
        return f"imap://{self.user}@{self.server}:{self.port}"


def is_loopback(server: str) -> bool:
    try:
        return ip_address(server).is_loopback
    except ValueError:
        return server == "localhost"


def find(host: str, account: Account, tokens: Sequence[str]) -> list[Trace]:
    """Every copy of the messages with these tokens. Raises ImapError."""
    if not tokens:
        return []
    try:
        with _connected(account) as connection:
            return [
                trace for folder in account.folders for trace in _in_folder(host, account, connection, folder, tokens)
            ]
    except (imaplib.IMAP4.error, OSError, ValueError) as error:
        raise ImapError(f"{account}: {harmless(_reason(error))}") from error


@contextlib.contextmanager
def _connected(account: Account) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    if not account.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if account.encryption == TLS:
        connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            account.server, account.port, ssl_context=context, timeout=account.timeout
        )
    else:
        connection = imaplib.IMAP4(account.server, account.port, timeout=account.timeout)
    with connection:
        if account.encryption == STARTTLS:
            connection.starttls(context)
        # LOGIN takes ASCII alone.
        connection.authenticate("PLAIN", lambda _challenge: f"\0{account.user}\0{account.password}".encode())
        yield connection


def _in_folder(
    host: str, account: Account, connection: imaplib.IMAP4, folder: str, tokens: Sequence[str]
) -> Iterator[Trace]:
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    status, said = connection.select(f'"{quoted}"', readonly=True)
    if status != "OK":
        raise ImapError(f"{account}: {harmless(folder)}: {harmless(_text(said))}")
    for token in tokens:
        _status, numbers = connection.uid("SEARCH", "HEADER", TOKEN_FIELD, token)
        for number in (numbers[0] or b"").split()[:_MOST_COPIES]:
            _status, parts = connection.uid("FETCH", number.decode(), f"(BODY.PEEK[HEADER]<0.{_HEADER}>)")
            header = b"".join(part[1] for part in parts if isinstance(part, tuple))
            if has_token(header, token):
                place = harmless(f"{account}/{folder};UID={number.decode()}")
                yield {"host": host, "token": token, "kind": "imap", "file": place, "hops": hops(header)}


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return _text(error.args) or type(error).__name__


def _text(parts: Sequence[object]) -> str:
    return " ".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
