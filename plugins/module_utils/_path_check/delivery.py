# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message that proves the path: written with a unique token, found again where it was delivered."""

from __future__ import annotations

import email.parser
import email.policy
import email.utils
import glob
import os
import re
from collections.abc import Iterator

TOKEN_HEADER = "X-Inbound-Mail-Token"

# Of a mailbox in one file only the end is read: what was delivered since the message was sent.
MAX_MAILBOX_OCTETS = 64 * 1024 * 1024

_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F:.]+)\]")
_FROM = re.compile(r"^from\s+(\S+)(?:\s+\((.*?)\))?", re.IGNORECASE | re.DOTALL)
_BY = re.compile(r"\bby\s+(\S+)", re.IGNORECASE)


def compose(token: str, recipient: str, sender: str) -> bytes:
    """A message (RFC 5322), CRLF line ends, all ASCII."""
    lines = [
        f"From: {sender}",
        f"To: {recipient}",
        f"Subject: inbound.mail test message {token}",
        f"Date: {email.utils.formatdate()}",
        f"Message-ID: <{token}@{sender.rpartition('@')[2]}>",
        f"{TOKEN_HEADER}: {token}",
        # RFC 3834: no vacation notice shall answer it.
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This message was sent by inbound.mail to prove that mail arrives. It can be deleted.",
    ]
    return "\r\n".join(lines).encode("ascii")


def find(token: str, mailboxes: list[str], newer_than: float) -> list[dict]:
    """Every copy of the token's message in mbox files and Maildirs.

    mailboxes: shell patterns of mbox files, and of Maildirs (folders with `new` and `cur`).
    newer_than: seconds since the epoch; files not written to since are passed over.
    Returns a list of {"mailbox": path, "hops": [...]}; see `hops`.
    """
    copies = []
    for path in _files(mailboxes, newer_than):
        for message in _messages(path, token):
            parsed = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(message)
            if (parsed.get(TOKEN_HEADER) or "").strip() == token:
                copies.append({"mailbox": path, "hops": hops([str(line) for line in parsed.get_all("Received") or []])})
    return copies


def hops(received: list[str]) -> list[dict]:
    """The hosts that took the message, in the order of time, out of its Received fields (RFC 5321 4.4).

    Each is {"by": its name, "helo": what the client called itself, "client": the client's address or None}. A hop
    that a host made with itself (a content filter) is left out.
    """
    path = []
    for field in reversed(received):
        text = " ".join(field.split())
        sender = _FROM.search(text)
        by = _BY.search(text)
        if sender is None or by is None:
            continue
        address = _ADDRESS.search(sender.group(2) or "") or _ADDRESS.search(sender.group(1))
        client = address.group(1).lower() if address else None
        if client is not None and (client.startswith("127.") or client == "::1"):
            continue
        path.append({"by": by.group(1).lower().rstrip(";"), "helo": sender.group(1).lower(), "client": client})
    return path


def _files(mailboxes: list[str], newer_than: float) -> Iterator[str]:
    for pattern in mailboxes:
        for path in sorted(glob.glob(pattern)):
            if os.path.isdir(path):
                candidates = [
                    entry.path for part in ("new", "cur") if os.path.isdir(os.path.join(path, part))
                    for entry in os.scandir(os.path.join(path, part))
                ]  # fmt: skip
            else:
                candidates = [path]
            for candidate in candidates:
                try:
                    if os.path.isfile(candidate) and os.path.getmtime(candidate) >= newer_than:
                        yield candidate
                except OSError:
                    # Moved from new to cur, or removed, while we look: the next look finds it.
                    continue


def _messages(path: str, token: str) -> Iterator[bytes]:
    """The messages of the file that hold the token: a Maildir's file is one, an mbox may have many."""
    with open(path, "rb") as mailbox:
        mailbox.seek(0, os.SEEK_END)
        mailbox.seek(max(0, mailbox.tell() - MAX_MAILBOX_OCTETS))
        content = mailbox.read()
    if token.encode("ascii") not in content:
        return
    for message in re.split(rb"(?:\A|\n)From [^\n]*\n", content):
        if token.encode("ascii") in message:
            yield message
