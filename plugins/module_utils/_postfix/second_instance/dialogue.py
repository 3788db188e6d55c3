# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an SMTP server takes mail, asked up to RCPT: no message is handed in."""

from __future__ import annotations

import smtplib
import socket
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 20


class Reply(NamedTuple):
    """Code and text of a reply (RFC 5321, section 4.2); code 0: there was no dialogue, for the reason in the text."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """For good. A reply of 4xx says nothing of what happens later."""
        return self.code >= 500


def greeting(server: str) -> Reply:
    """The greeting on port 25 of that address."""
    try:
        with smtplib.SMTP(timeout=_SECONDS) as smtp:
            code, text = smtp.connect(server, 25)
    except (OSError, smtplib.SMTPException) as error:
        return _no_reply(error)
    return Reply(code, _words(text))


def replies(server: str, client: str, helo: str, recipients: Sequence[str]) -> list[Reply]:
    """The reply to each RCPT, the only one of its message, with a client at that address and the null reverse-path."""
    found: list[Reply] = []
    try:
        with smtplib.SMTP(local_hostname=helo, timeout=_SECONDS, source_address=(client, 0)) as smtp:
            smtp.command_encoding = "utf-8"  # Local parts may have any letters (RFC 6531).
            code, text = smtp.connect(server, 25)
            if code == 220:
                code, text = smtp.ehlo()
            options = ("SMTPUTF8",) if smtp.has_extn("smtputf8") else ()
            while len(found) < len(recipients) and code < 300:
                code, text = smtp.mail("<>", options)
                if code < 300:
                    smtp.putcmd(f"RCPT TO:<{recipients[len(found)]}>")
                    code_of_one, text_of_one = smtp.getreply()
                    found.append(Reply(code_of_one, _words(text_of_one)))
                    code, text = smtp.rset()
    except (OSError, smtplib.SMTPException) as error:
        return found + [_no_reply(error)] * (len(recipients) - len(found))
    # What refuses a client, its greeting or the sender refuses each recipient.
    return found + [Reply(code, _words(text))] * (len(recipients) - len(found))


def _words(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())


def _no_reply(error: Exception) -> Reply:
    if isinstance(error, socket.timeout):
        return Reply(0, f"no reply within {_SECONDS} seconds")
    return Reply(0, getattr(error, "strerror", None) or str(error))
