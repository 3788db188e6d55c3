# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that answer HTTP as they should not, on a loopback address, and certificates for them."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)

Behaviour = Callable[[socket.socket, threading.Event], None]


class Server:
    """Answers each connection with `behave`, which gets what is asked as soon as the header is there.

    requests: the headers that came; `behave` ends when its event is set.
    """

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.requests: list[str] = []
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *words: object) -> None:
        thread = threading.Thread(target=work, args=words, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._start(self._answer, self._listener.accept()[0])

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(10)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request and (part := connection.recv(65536)):
                request += part
            self.requests.append(request.decode("latin-1"))
            self._behave(connection, self._ended)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def says(answer: bytes) -> Behaviour:
    """It answers this and closes the connection."""
    return lambda connection, _ended: connection.sendall(answer)


def json_answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def drips(start: bytes, drop: bytes) -> Behaviour:
    """After `start` it sends `drop` again and again, ten times a second, for as long as it is listened to."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(start)
        while not ended.wait(0.1):
            connection.sendall(drop)

    return behave


def pours(start: bytes, piece: bytes) -> Behaviour:
    """After `start` it sends `piece` again and again, as fast as it can."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(start)
        while not ended.is_set():
            connection.sendall(piece)

    return behave


class Authority:
    """An authority that signs certificates; path: the file with its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        self.path = folder / "authority.pem"
        own = self._signed(self._name, self._key, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.path.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def context(self, name: str, expired: bool = False, self_signed: bool = False) -> ssl.SSLContext:
        """A server's, with a certificate for the name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternative: x509.GeneralName
        try:
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        signer = key if self_signed else self._key
        certificate = self._signed(subject, key, signer, x509.SubjectAlternativeName([alternative]), expired)
        path = self._folder / f"{name}-{expired}-{self_signed}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        signer: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        end = now - timedelta(days=1) if expired else now + timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name if signer is self._key else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(end)
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if signer is key and isinstance(extension, x509.BasicConstraints):
            builder = builder.add_extension(_USAGE, critical=True)
        return builder.sign(signer, hashes.SHA256())
