# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a domain's MTA-STS policy by HTTPS: python policy_server.py ADDRESS CERTIFICATE MODE.

Writes its certificate there, for whoever is to trust it. Prints `ready` when it listens.
"""

from __future__ import annotations

import socket
import ssl
import sys
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "mta-sts.example.org"


def make_certificate(file: Path) -> None:
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(form))


class Policy(BaseHTTPRequestHandler):
    mode = ""

    def do_GET(self) -> None:
        if self.mode == "moved":
            self.send_response(301)
            self.send_header("Location", f"https://{HOST}/.well-known/mta-sts.txt")
            self.end_headers()
            return
        right = self.path == "/.well-known/mta-sts.txt" and self.headers["Host"] == HOST
        self.send_response(200 if right else 404)
        self.end_headers()
        if self.mode == "endless":
            while True:
                self.wfile.write(b"x" * 65536)
        self.wfile.write(f"version: STSv1\r\nmode: {self.mode}\r\nmx: *.example.org\r\nmax_age: 86400\r\n".encode())

    def log_message(self, *_words: object) -> None:
        pass


def main(address: str, certificate: str, mode: str) -> None:
    make_certificate(Path(certificate))
    Policy.mode = mode
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = HTTPServer((address, 443), Policy, bind_and_activate=False)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.server_bind()
    server.server_activate()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
