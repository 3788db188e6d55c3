# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds fresh messages in the mailboxes of this host by their token: mbox files and Maildirs."""

from __future__ import annotations

import glob
import os
import pwd
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.submit import has_token
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.trace_fields import hops
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Trace

TOKEN = re.compile(r"[A-Za-z0-9-]{16,64}")

SPOOLS = ("/var/mail", "/var/spool/mail")
_INBOXES = ("Maildir", "mail/inbox", "mbox", "Mailbox", ".maildir")
# A header is not larger (Postfix: header_size_limit 102400).
_HEADER = 128 * 1024
# A message that has just come is near the end of its mbox.
_TAIL = 32 * 1024 * 1024
# A folder of a Maildir tree below the place that is named: domain/user/Maildir/.Folder/new.
_DEPTH = 6


def find(host: str, tokens: Sequence[str], places: Sequence[str], since: float) -> list[Trace]:
    """Every copy of the messages with these tokens.

    places: further mailboxes, Maildirs, or folders or patterns of such. since: files that were not changed after this
    time are passed over.
    """
    if not tokens:
        return []
    return [trace for path in _fresh_files(places, since) for trace in _in_file(host, path, tokens)]


def _fresh_files(places: Sequence[str], since: float) -> list[str]:
    """Mailbox files changed since then, each once, whatever names lead to it."""
    found: dict[tuple[int, int], str] = {}
    for path in _candidates(places):
        with suppress(OSError):
            info = os.stat(path)
            if info.st_mtime >= since:
                found.setdefault((info.st_dev, info.st_ino), path)
    return sorted(found.values())


def _candidates(places: Sequence[str]) -> Iterator[str]:
    for spool in SPOOLS:
        yield from _files_below(spool, 2)
    for account in pwd.getpwall():
        for name in _INBOXES:
            yield from _files_below(os.path.join(account.pw_dir, name), _DEPTH)
    for pattern in places:
        for place in glob.glob(pattern):
            yield from _files_below(place, _DEPTH)


def _files_below(place: str, depth: int) -> Iterator[str]:
    """The file itself, or a folder's mbox files and the messages of its Maildirs."""
    if os.path.isfile(place):
        yield place
        return
    if depth == 0:
        return
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, depth - 1)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path


def _in_file(host: str, path: str, tokens: Sequence[str]) -> Iterator[Trace]:
    for header in _headers(path):
        for token in tokens:
            if has_token(header, token):
                yield {"host": host, "token": token, "kind": "mailbox", "file": harmless(path), "hops": hops(header)}


def _headers(path: str) -> Iterable[bytes]:
    """The headers of a message file's message, or of those near the end of an mbox file."""
    try:
        with open(path, "rb") as file:
            if file.read(5) != b"From ":
                file.seek(0)
                return [_header(file.read(_HEADER))]
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            text = b"\n" + file.read(_TAIL)
    except OSError:
        return []
    return [_header(message.partition(b"\n")[2]) for message in text.split(b"\nFrom ")[1:]]


def _header(message: bytes) -> bytes:
    return re.split(rb"\r?\n\r?\n", message[:_HEADER], maxsplit=1)[0]
