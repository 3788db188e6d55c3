# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.resolver import Route, resolve

GREETING = b"protocol\0trivial_rewrite_protocol\0\0"


def reply(transport: str, next_hop: str, flags: int) -> bytes:
    words = ("flags", "0", "transport", transport, "nexthop", next_hop, "recipient", "a@b", "flags", str(flags))
    return b"".join(word.encode() + b"\0" for word in words) + b"\0"


def serve(folder: Path, sent: bytes, size: int) -> str:
    """The path of a socket at which `sent` comes in pieces of that size."""
    path = str(folder / "rewrite")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def answer() -> None:
        with server, server.accept()[0] as connection:
            for start in range(0, len(sent), size):
                connection.sendall(sent[start : start + size])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass

    threading.Thread(target=answer, daemon=True).start()
    return path


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("greeting", [GREETING, b""])
def test_replies_in_any_pieces_with_and_without_a_greeting(tmp_path: Path, greeting: bytes, size: int) -> None:
    sent = greeting + reply("smtp", "example.net", 1 << 12) + reply("error", "", 0) + reply("", "", 1 << 3)
    found = resolve(serve(tmp_path, sent, size), [("", "a@example.net")] * 3)
    assert found == [
        Route("smtp", "example.net", True),
        Route("error", "", False),
        Route("", "", False, failed=True),
    ]


def test_resolver_that_ends(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ended the dialogue"):
        resolve(serve(tmp_path, GREETING, 100), [("", "a@example.net")] * 2)
