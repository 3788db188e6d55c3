# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail exchanger says: one SMTP connection that learns everything and delivers nothing (RFC 5321)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable

from ansible_collections.inbound.mail.plugins.module_utils._path_check import tcp_probe

# RFC 5321 4.5.3.1.5 allows 512 octets a reply line; servers send more. A server without end is cut off here.
MAX_REPLY_OCTETS = 64 * 1024

# RFC 2606: these belong to nobody, and nothing is sent to them: every transaction ends before DATA.
STRANGERS = ("example.com", "example.net", "example.org")


class SmtpError(Exception):
    """The dialogue cannot go on: the connection was closed, timed out, or what came is no SMTP."""


class Dialogue:
    """An SMTP connection with one time limit for all of it."""

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + timeout
        self._buffer = b""

    def reply(self) -> tuple[int, list[str]]:
        """The next reply: its code and its lines without the code. SmtpError if there is none."""
        lines: list[str] = []
        octets = 0
        while True:
            line = self._line()
            octets += len(line)
            if octets > MAX_REPLY_OCTETS:
                raise SmtpError(f"the reply is longer than {MAX_REPLY_OCTETS} octets")
            code, more, text = line[:3], line[3:4], line[4:]
            if not code.isdigit() or more not in ("", " ", "-"):
                raise SmtpError(f"not an SMTP reply: {line[:80]!r}")
            lines.append(text)
            if more != "-":
                return int(code), lines

    def command(self, line: str) -> tuple[int, list[str]]:
        """Send a line and return the reply to it."""
        try:
            self._connection.settimeout(self._left())
            self._connection.sendall(line.encode("utf-8") + b"\r\n")
        except OSError as error:
            raise SmtpError(_broken(error)) from error
        return self.reply()

    def quit(self) -> None:
        """End the connection politely if the server still listens, and in any case."""
        try:
            self.command("QUIT")
        except SmtpError:
            pass
        self._connection.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SmtpError("no reply within the time limit")
        return left

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_REPLY_OCTETS:
                raise SmtpError(f"a line is longer than {MAX_REPLY_OCTETS} octets")
            try:
                self._connection.settimeout(self._left())
                received = self._connection.recv(4096)
            except OSError as error:
                raise SmtpError(_broken(error)) from error
            if not received:
                raise SmtpError("the server closed the connection")
            self._buffer += received
        line, self._buffer = self._buffer.split(b"\n", 1)
        return printable(line.rstrip(b"\r").decode("utf-8", "replace"))


def _broken(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "no reply within the time limit"
    return f"the connection broke: {error.strerror or error}"


def printable(text: str) -> str:
    """The text with every control character shown as a question mark: a banner must not drive a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def relay_spellings(fqdn: str, stranger: str) -> list[str]:
    """Recipients that would make an open relay of the server, in the spellings that have fooled servers."""
    return [
        f"nobody@{stranger}",
        f"nobody%{stranger}@{fqdn}",
        f'"nobody@{stranger}"@{fqdn}',
        f"@{fqdn}:nobody@{stranger}",
        f"{stranger}!nobody@{fqdn}",
        f"nobody@{stranger}@{fqdn}",
    ]


def strangers(domains: Iterable[str]) -> tuple[str, str]:
    """Two reserved domains, for sender and recipient, that the server is not responsible for."""
    ours = {domain.lower() for domain in domains}
    free = [name for name in STRANGERS if name not in ours] + ["example.invalid", "example.test"]
    return free[0], free[1]


def probe(address: str, port: int, fqdn: str, domains: list[str], helo: str, timeout: float) -> dict:
    """Everything that one connection tells of a mail exchanger.

    Returns `state` (as tcp_probe has it), and if that is open: `greeting` and `ehlo` as [code, text], `postmaster`
    as {domain: [code, text]} for RCPT TO:<postmaster@domain> with the null sender, `relay` as {recipient: [code,
    text]}, `null_sender` as [code, text], and `error` where the dialogue ended before its time.
    """
    state, connection = tcp_probe.connect(address, port, timeout)
    observed: dict = {"state": state}
    if connection is None:
        return observed
    dialogue = Dialogue(connection, timeout)
    try:
        observed["greeting"] = _told(dialogue.reply())
        if observed["greeting"][0] != 220:
            return observed
        observed["ehlo"] = _told(dialogue.command(f"EHLO {helo}"))
        if observed["ehlo"][0] != 250:
            return observed
        observed["null_sender"] = _told(dialogue.command("MAIL FROM:<>"))
        if observed["null_sender"][0] == 250:
            observed["postmaster"] = {}
            for domain in domains:
                observed["postmaster"][domain] = _told(dialogue.command(f"RCPT TO:<postmaster@{domain}>"))
        sender, recipient = strangers(domains)
        dialogue.command("RSET")
        observed["relay"] = {}
        if dialogue.command(f"MAIL FROM:<nobody@{sender}>")[0] == 250:
            for spelling in relay_spellings(fqdn, recipient):
                observed["relay"][spelling] = _told(dialogue.command(f"RCPT TO:<{spelling}>"))
    except SmtpError as error:
        observed["error"] = str(error)
    finally:
        dialogue.quit()
    return observed


def _told(reply: tuple[int, list[str]]) -> list:
    code, lines = reply
    return [code, " ".join(lines)[:200]]


def send(address: str, port: int, helo: str, recipient: str, message: bytes, timeout: float) -> dict:
    """Deliver a message with the null sender, which nobody can bounce. `message` has CRLF line ends.

    Returns `state`, and if that is open: `source` (the address it left from) and `reply` as [code, text] to the final
    dot or to the command that failed, or `error`.
    """
    state, connection = tcp_probe.connect(address, port, timeout)
    observed: dict = {"state": state, "address": address}
    if connection is None:
        return observed
    observed["source"] = connection.getsockname()[0]
    dialogue = Dialogue(connection, timeout)
    body = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in message.split(b"\r\n"))
    steps = (f"EHLO {helo}", "MAIL FROM:<>", f"RCPT TO:<{recipient}>", "DATA", body.decode("ascii") + "\r\n.")
    try:
        reply = dialogue.reply()
        for step in steps:
            if reply[0] not in (220, 250, 354):
                break
            reply = dialogue.command(step)
        observed["reply"] = _told(reply)
    except SmtpError as error:
        observed["error"] = str(error)
    finally:
        dialogue.quit()
    return observed
