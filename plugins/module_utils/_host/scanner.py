# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mail scanner answers, asked over its own protocol.

Source: the milter protocol as Sendmail's libmilter speaks it; RFC 5321 for SMTP filters.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._scanner import SMTP, ScannerAddress

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds for each answer of a scanner.
_PATIENCE = 5
# SMFIC_OPTNEG with the version, actions and protocol steps that Postfix offers; SMFIC_QUIT.
_OFFER = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")


@dataclass(frozen=True)
class MilterClient:
    """A program that will talk to the scanner. root: its root directory (chroot); user: the user that it runs as."""

    root: str
    user: str


def unreachable(address: ScannerAddress, kind: str, client: MilterClient | None = None) -> str:
    """Why no scanner of that kind answers there, or nothing.

    client: for whom a socket's path and permissions have to hold; None for this process. Only root can ask as another
    user; any other user finds nothing against a socket.
    """
    if not address.path or not client:
        return _unreachable(address, kind)
    return _answer_as(client, lambda: _unreachable(address, kind)) if os.geteuid() == 0 else ""


def _answer_as(client: MilterClient, question: Callable[[], str]) -> str:
    """The answer in a process of its own, which becomes what Postfix makes of its processes before they connect."""
    user = pwd.getpwnam(client.user)
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        answer = f"it could not be asked as {client.user} below {client.root}"
        try:
            os.initgroups(user.pw_name, user.pw_gid)
            os.chroot(client.root)
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


def _unreachable(address: ScannerAddress, kind: str) -> str:
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
        return f"nothing answers there within {_PATIENCE} seconds"
    except OSError as error:
        return f"nothing answers there ({error.strerror or error})"


def _connected(address: ScannerAddress) -> socket.socket:
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
