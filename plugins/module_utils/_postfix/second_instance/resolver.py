# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Postfix would send a message, as its resolver says: trivial-rewrite(8), which the queue manager asks too."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# src/global/resolve_clnt.h of Postfix
_FAILED = 1 << 3
_CLASS_DEFAULT = 1 << 12

_SECONDS = 10
_LARGEST_REPLY = 1 << 16


@dataclass(frozen=True)
class Route:
    """transport: a service of master.cf; next_hop: as that service takes it; failed: a table could not be asked."""

    transport: str
    next_hop: str
    is_outside: bool
    """Whether the recipient's domain is in none of the address classes that the host takes mail for."""
    failed: bool = False


def resolve(path: str, questions: Iterable[tuple[str, str]]) -> list[Route]:
    """The routes for (sender, recipient), an empty sender being the null reverse-path.

    path: the socket private/rewrite in the queue directory. Raises OSError, ValueError.

    The dialogue is attr_print0(3) of Postfix: names and values that end with NUL, and one more NUL after the last one.
    Since Postfix 3.6 the server says first which protocol it speaks; the client may write before it has read that.
    """
    found = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(path)
        received = b""
        for sender, recipient in questions:
            words = ("request", "resolve", "sender", sender, "address", recipient)
            connection.sendall(b"".join(word.encode() + b"\0" for word in words) + b"\0")
            attributes, received = _reply(connection, received)
            if "protocol" in attributes:
                attributes, received = _reply(connection, received)
            found.append(_route(attributes))
    return found


def _reply(connection: socket.socket, received: bytes) -> tuple[dict[str, str], bytes]:
    """The attributes of one reply (of two with the same name the last one), and what has come after it."""
    while True:
        # A value can be empty, so only a NUL in the place of a name ends the reply.
        fields = received.split(b"\0")
        for number in range(0, len(fields) - 1, 2):
            if fields[number] == b"":
                names = [name.decode("utf-8", "replace") for name in fields[0:number:2]]
                values = [value.decode("utf-8", "replace") for value in fields[1:number:2]]
                return dict(zip(names, values)), b"\0".join(fields[number + 1 :])
        part = connection.recv(4096)
        if not part or len(received) > _LARGEST_REPLY:
            raise ValueError("Postfix's resolver has ended the dialogue")
        received += part


def _route(attributes: dict[str, str]) -> Route:
    flags = int(attributes["flags"])
    return Route(
        attributes["transport"], attributes["nexthop"], bool(flags & _CLASS_DEFAULT), failed=bool(flags & _FAILED)
    )
