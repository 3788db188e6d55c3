# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a mail scanner listens, and asking whether it does.

Source: the address forms of postconf(5), smtpd_milters, and the milter protocol as Sendmail's libmilter speaks it.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
import re
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RSPAMD = "rspamd"
MILTER = "milter"
SMTP = "smtp"
TYPES = (RSPAMD, MILTER, SMTP)

TEMPFAIL = "tempfail"
ACCEPT = "accept"
UNAVAILABLE = (TEMPFAIL, ACCEPT)
"""What becomes of mail while the scanner is away: the sender is told to come again, or it goes unscanned."""

_TCP = re.compile(r"(?:inet6?:)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_.-]+)):(?P<port>[0-9]{1,5})")
_UNIX = re.compile(r"(?:unix|local):(?P<path>/[^\s,{}$]+)")

# Seconds for each answer of a scanner.
_PATIENCE = 5
# SMFIC_OPTNEG with the version, actions and protocol steps that Postfix offers; SMFIC_QUIT.
_OFFER = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")


class AddressError(ValueError):
    """The text is no address of a scanner of that type; ``remedy`` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Address:
    """A TCP port of a host (address or name), or the path of a socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        """As in smtpd_milters."""
        if self.path:
            return f"unix:{self.path}"
        return f"inet:[{self.host}]:{self.port}" if ":" in self.host else f"inet:{self.host}:{self.port}"


RSPAMD_PROXY = Address("127.0.0.1", 11332)
"""Where rspamd's proxy worker speaks the milter protocol unless told otherwise."""


def parse_address(text: str, kind: str) -> Address:
    """kind: MILTER or SMTP. Raises AddressError."""
    unix = _UNIX.fullmatch(text)
    if unix and kind == MILTER:
        return Address(path=unix["path"])
    tcp = _TCP.fullmatch(text)
    if kind == MILTER:
        remedy = "Write inet:192.0.2.5:11332, inet:[2001:db8::5]:11332 or unix:/path/of/the/socket"
    else:
        remedy = "Write the IP address and port of the filter, as 192.0.2.5:10025 or [2001:db8::5]:10025"
    if not tcp or not 1 <= int(tcp["port"]) <= 65535:
        raise AddressError(f"{text!r} is no address of {_described(kind)}", remedy)
    host = tcp["ipv6"] or tcp["host"]
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        if tcp["ipv6"] or re.fullmatch(r"[0-9.]+", host):
            raise AddressError(f"{host!r} is no IP address", remedy) from None
        if kind == SMTP:
            # Mail that comes back from it is known by this address.
            raise AddressError(f"{host!r} is a name", remedy) from None
    return Address(host, int(tcp["port"]))


@dataclass(frozen=True)
class Asker:
    """A program that will talk to the scanner. root: the directory that it takes for /; user: as whom it runs."""

    root: str
    user: str


def unreachable(address: Address, kind: str, asker: Asker | None = None) -> str:
    """Why no scanner of that kind answers there, or nothing.

    asker: for whom a socket's path and permissions have to hold; None for this process. Only root can ask as somebody
    else, so anybody else finds nothing against a socket.
    """
    if not address.path or not asker:
        return _unreachable(address, kind)
    return _answer_as(asker, lambda: _unreachable(address, kind)) if os.geteuid() == 0 else ""


def _answer_as(asker: Asker, question: Callable[[], str]) -> str:
    """The answer in a process of its own, which becomes what Postfix makes of its processes before they connect."""
    user = pwd.getpwnam(asker.user)
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        answer = f"it could not be asked as {asker.user} below {asker.root}"
        try:
            os.initgroups(user.pw_name, user.pw_gid)
            os.chroot(asker.root)
            os.chdir("/")
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            answer = question()
        finally:
            os.write(sender, answer.encode())
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, encoding="utf-8") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer


def _unreachable(address: Address, kind: str) -> str:
    try:
        with _connected(address) as connection:
            connection.settimeout(_PATIENCE)
            if kind == SMTP:
                return "" if connection.recv(512).startswith(b"220") else "what answers there is no SMTP server"
            connection.sendall(_OFFER)
            answer = connection.recv(512)
            connection.sendall(_QUIT)
            return "" if answer[4:5] == b"O" else "what answers there is no milter"
    except socket.timeout:
        return f"nobody answers there within {_PATIENCE} seconds"
    except OSError as error:
        return f"nobody answers there ({error.strerror or error})"


def _connected(address: Address) -> socket.socket:
    if not address.path:
        return socket.create_connection((address.host, address.port), _PATIENCE)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    try:
        connection.connect(address.path)
    except OSError:
        connection.close()
        raise
    return connection


def _described(kind: str) -> str:
    return "a milter" if kind == MILTER else "an SMTP filter"
