# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listener on TCP port 25 that behaves as it is told, mostly badly: python listener.py ADDRESS BEHAVIOUR.

With ``mail:TEXT`` it says that to each sender, with ``null:TEXT`` to the null sender, with ``rcpt:TEXT`` to each
recipient and with ``postmaster:TEXT`` to that one of its own domain.

Prints `ready` when it listens, and then every line that a client sends.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dh, ec, rsa

OWN = "example.org"
RECIPIENT = re.compile(r"RCPT TO:<(.*)>", re.IGNORECASE)
GREETING = "220 mail.example.org ESMTP"
DENIED = "550 5.7.1 Relay access denied"


CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def make_certificate(behaviour: str) -> None:
    """One that nobody vouches for, as most mail servers have."""
    others = {
        "other-certificate": ["mail.example.net"],
        "wildcard": ["*.example.org"],
        "certificate-of-many": [*(f"host{number}.example.net" for number in range(150)), "mail.example.org"],
        "certificate-by-name": ["www.example.org"],
    }
    load_certificate(
        CONTEXT, behaviour, others.get(behaviour, ["mail.example.org", "mail2.example.org", "example.org"])
    )
    if behaviour == "old-tls":
        CONTEXT.set_ciphers("ALL:@SECLEVEL=0")
        CONTEXT.minimum_version = CONTEXT.maximum_version = ssl.TLSVersion.TLSv1
    if behaviour == "short-dhe":
        CONTEXT.set_ciphers("DHE:@SECLEVEL=0")
        CONTEXT.maximum_version = ssl.TLSVersion.TLSv1_2
        with tempfile.NamedTemporaryFile() as file:
            numbers = dh.generate_parameters(2, 1024)
            file.write(numbers.parameter_bytes(serialization.Encoding.PEM, serialization.ParameterFormat.PKCS3))
            file.flush()
            CONTEXT.load_dh_params(file.name)
    if behaviour == "certificate-by-name":
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_certificate(own, behaviour, ["mail.example.org"])

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
            if name == "mail.example.org":
                connection.context = own

        CONTEXT.sni_callback = choose


def load_certificate(context: ssl.SSLContext, behaviour: str, names: list[str]) -> None:
    now, day = datetime.now(timezone.utc), timedelta(days=1)
    # No cipher of DHE is for keys of elliptic curves.
    short = behaviour == "short-dhe"
    key = rsa.generate_private_key(65537, 2048) if short else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 2 * day)
        .not_valid_after(now - day if behaviour == "expired-certificate" else now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    der = certificate.public_bytes(serialization.Encoding.DER)
    if behaviour == "unreadable-certificate":  # of a version of X.509 that there is not
        der = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1)
    with tempfile.NamedTemporaryFile() as file:
        file.write(private + ssl.DER_cert_to_PEM_cert(der).encode())
        file.flush()
        context.load_cert_chain(file.name)


# When the first recipient was named, in seconds: from then on greylisting lasts for three of them.
ASKED: list[float] = []


def recipient_reply(behaviour: str, sender: str, recipient: str) -> str:
    local, _at, domain = recipient.rpartition("@")
    own = domain == OWN and not recipient.startswith("@")
    wrapped = "%" in local or "@" in local or "!" in local
    if not ASKED:
        ASKED.append(time.monotonic())
    kind, _colon, text = behaviour.partition(":")
    if kind == "rcpt" or (kind == "postmaster" and own and local == "postmaster"):
        return text
    greylists_at_first = behaviour.endswith("-at-first") and time.monotonic() < ASKED[0] + 3
    if behaviour == "greylists" or greylists_at_first:
        return "450 4.2.0 Greylisted, come back later"
    behaviour = behaviour.replace("-greylisting-at-first", "")
    if behaviour == "open" or (behaviour == "takes-source-routes" and recipient.startswith("@")):
        return "250 ok"
    if behaviour == "trusts-own-senders" and sender.endswith(f"@{OWN}"):
        return "250 ok"
    if behaviour == "open-but-to-null-mx":
        return "550 5.7.27 sender domain has a null MX" if "example.com" in sender else "250 ok"
    if behaviour == "open-but-to-null-mx-recipients" and not own:
        return "556 5.1.10 recipient domain has a null MX" if "example.net" in recipient else "250 ok"
    if behaviour == "unqualified-is-local":
        return "250 ok" if own or "@" not in recipient else DENIED
    if behaviour == "takes-percents-alone" and "%" in recipient and "@" not in recipient:
        return "250 ok"
    if behaviour == "knows-no-domain":
        return DENIED
    if behaviour == "defers-relaying":  # Postfix's defer_unauth_destination
        return "454 4.7.1 Relay access denied"
    if behaviour == "blocks-the-client":
        return "554 5.7.1 Service unavailable; Client host blocked using zen.example"
    if behaviour == "no-bounces" and not sender:
        return "550 5.7.1 no bounces here, please"
    if not own:
        return DENIED
    if behaviour == "takes-any-user":
        return "250 ok"
    if behaviour == "unwraps" and wrapped:
        return "250 ok"
    if local == "postmaster" and behaviour != "no-postmaster":
        return "250 ok"
    return "550 5.1.1 User unknown"


def converse(connection: socket.socket, behaviour: str) -> None:
    plain = stream = connection.makefile("rwb", buffering=0)

    def say(*lines: str) -> None:
        if behaviour == "tarpit":
            time.sleep(0.1)
        stream.write("".join(f"{line}\r\n" for line in lines).encode())

    if behaviour == "silent":
        stream.read(1)
        return
    if behaviour == "drips":
        for octet in b"220-" * 1000:
            stream.write(bytes([octet]))
            time.sleep(0.05)
    if behaviour == "endless-line":
        while True:
            stream.write(b"2" * 4096)
    if behaviour == "endless-reply":
        while True:
            say("220-and another line")
    if behaviour == "not-smtp":
        say("SSH-2.0-OpenSSH_9.2")
        return
    if behaviour == "refuses":
        say("554 5.7.1 not today")
        return
    if behaviour == "thinks-it-over":
        time.sleep(10.2)
    if behaviour == "busy":
        say("421 4.3.2 too many connections")
        return
    say("220 \x1b[2J\x1b]0;owned\x07mail.example.org\x9b31m ESMTP" if behaviour == "escapes" else GREETING)
    sender = ""
    while line := stream.readline().decode("latin-1").strip():
        print(line, flush=True)
        word = line.upper()
        kind, _colon, text = behaviour.partition(":")
        encrypted = stream is not plain
        if word.startswith("EHLO") and behaviour == "knows-helo-alone":
            say("500 5.5.1 Command unrecognized")
        elif word.startswith("EHLO") and behaviour == "says-much":
            lines = (f"250-X{number}" for number in range(3000))
            say("250-mail.example.org", f"250-{'x' * 3000}", *lines, "250 STARTTLS")
        elif word.startswith("EHLO"):
            if behaviour == "closes-after-ehlo":
                return
            name = {"short-name": "mail", "unknown-name": "nowhere.example.org"}.get(behaviour, "mail.example.org")
            offers = {"logs-in-in-clear": ["250-STARTTLS", "250-AUTH PLAIN LOGIN"], "in-clear": []}
            if behaviour == "names-the-client":  # as Exim does
                name += f" Hello client [{connection.getpeername()[0]}]"
            say(f"250-{name}", "250-SIZE 1000000", *offers.get(behaviour, ["250-STARTTLS"]), "250 8BITMIME")
        elif word == "STARTTLS":
            if behaviour == "no-tls-today":
                say("454 4.7.0 TLS not available due to temporary reason")
                continue
            say("220 ready")
            if behaviour == "broken-tls":
                say("554 what was that?")
                return
            if behaviour == "silent-tls":
                stream.read(-1)
                return
            stream = CONTEXT.wrap_socket(connection, server_side=True).makefile("rwb", buffering=0)
        elif word.startswith("MAIL"):
            sender = line.partition("<")[2].rstrip(">")
            if kind == "mail" or (kind == "null" and not sender):
                say(text)
            elif behaviour.startswith("demands-tls") and not behaviour.endswith("at-rcpt") and not encrypted:
                say("530 5.7.0 Must issue a STARTTLS command first")
            else:
                say("550 no null sender" if behaviour == "no-null-sender" and not sender else "250 ok")
        elif match := RECIPIENT.match(line):
            if behaviour == "tires" and not match[1].startswith("postmaster"):
                say("421 4.7.0 too many errors")
                return
            if behaviour == "demands-tls-at-rcpt" and not encrypted:
                say("450 4.7.1 Session encryption is required")
                continue
            say(recipient_reply(behaviour.replace("demands-tls-and-is-", ""), sender, match[1]))
        elif word == "DATA":
            say("354 go on")
            while stream.readline() not in (b".\r\n", b""):
                pass
            say("250 queued")
        elif word == "QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")


def serve(connection: socket.socket, behaviour: str) -> None:
    with connection, contextlib.suppress(OSError):  # the client has had enough
        converse(connection, behaviour)


def main(address: str, behaviour: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    make_certificate(behaviour)
    with socket.create_server((address, 25), family=family) as server:
        print("ready", flush=True)
        while True:
            connection, _client = server.accept()
            threading.Thread(target=serve, args=(connection, behaviour), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
