# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Postfix delivered, by its log: the last resort where the mailbox cannot be searched, as behind LMTP."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Trace

FILES = ("/var/log/mail.log", "/var/log/maillog")
# What has just come is near the end.
_TAIL = 8 * 1024 * 1024

_LINE = re.compile(r"\bpostfix[\w-]*/(?:[\w-]+/)?(\w+)\[\d+\]: (\w+): (.*)")
_MESSAGE_ID = re.compile(r"message-id=<([^@>]+)@")
_SENT = re.compile(r"to=<[^>]*>,.*?relay=([^,]+),.*status=sent \((.*)\)")
# The agents that put a message where it stays; smtp hands it to another host.
_AGENTS = ("local", "virtual", "lmtp", "pipe")
# Taken, and not kept: an alias that leads on, a filter that hands it back, or nowhere.
_NOT_KEPT = re.compile(r"forwarded as|queued as|/dev/null")


def find(host: str, tokens: Sequence[str], lines: Iterable[str]) -> list[Trace]:
    """Each delivery of the messages with these tokens, as logged. The log does not have the path there."""
    token_of: dict[str, str] = {}
    found: dict[tuple[str, str], Trace] = {}
    for match in map(_LINE.search, lines):
        if match is None:
            continue
        agent, queue, text = match.groups()
        if agent == "cleanup" and (identity := _MESSAGE_ID.match(text)) and identity[1] in tokens:
            token_of[queue] = identity[1]
        elif agent in _AGENTS and queue in token_of and (sent := _SENT.match(text)) and not _NOT_KEPT.search(sent[2]):
            place = harmless(f"log: {agent} {sent[1]}: {sent[2]}")
            found[queue, place] = {"host": host, "token": token_of[queue], "kind": "log", "file": place, "hops": []}
    return list(found.values())


def lines_of_files() -> list[str]:
    """Of the end of the files in which mail is logged, where it is not in the journal alone."""
    found: list[str] = []
    for path in FILES:
        with suppress(OSError), open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            found += file.read(_TAIL).decode("utf-8", "replace").splitlines()
    return found
