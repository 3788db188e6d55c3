# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message with a token, submitted as any mail host on the internet would do it (RFC 5321, section 5.1)."""

from __future__ import annotations

import asyncio
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.route import has_route
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_session import (
    Conversation,
    ConversationEnded,
    failure_status,
    own_literal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN_FIELD = "X-Inbound-Mail-Token"

# Seconds until a server that deferred the message is tried again.
_PAUSE = 5.0


def message(recipient: str, token: str, helo: str) -> bytes:
    """Lines end with CR LF, none starts with a dot."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = f"path check <postmaster@{helo or 'localhost'}>"
    letter["To"] = recipient
    letter["Subject"] = f"Delivery check {token}"
    letter["Date"] = format_datetime(localtime())
    letter["Message-ID"] = f"<{token}@{helo or 'path-check.invalid'}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter[TOKEN_FIELD] = token
    letter.set_content("Sent by inbound.mail.path_check to see which path mail takes. It can be deleted.\n")
    return letter.as_bytes()


def has_token(header: bytes, token: str) -> bool:
    """Whether it is the header of the message with that token."""
    field = f"\n{TOKEN_FIELD}: {token}".lower().encode()
    return field in b"\n" + header.lower().replace(b"\r\n", b"\n")


class Delivery:
    """One message to one recipient. The envelope's sender is the null one: no bounce is sent."""

    def __init__(self, domain: str, recipient: str, token: str, helo: str) -> None:
        self._helo = helo
        self.sent: seen.Sent = {
            "domain": domain,
            "recipient": recipient,
            "token": token,
            "accepted": False,
            "at": time.time(),
            "attempts": [],
        }

    async def send(self, exchangers: Sequence[tuple[str, str]], timeouts: tuple[float, float], patience: float) -> None:
        """exchangers: (name, address), best first. patience: seconds in which a deferred message is tried again."""
        give_up = time.monotonic() + patience
        while True:
            later = False
            for exchange, address in exchangers:
                attempt = await self._attempt(exchange, address, timeouts)
                self.sent["attempts"].append(attempt)
                if 200 <= attempt["code"] < 300:
                    self.sent["accepted"] = True
                    return
                if attempt["code"] >= 500:
                    return
                later = later or attempt["code"] >= 400
            if not later or time.monotonic() + _PAUSE > give_up:
                return
            await asyncio.sleep(_PAUSE)

    async def _attempt(self, exchange: str, address: str, timeouts: tuple[float, float]) -> seen.Attempt:
        """code 0: there was no reply, and the next exchanger is tried."""
        attempt: seen.Attempt = {"exchange": exchange, "address": address, "local_address": None, "code": 0, "text": ""}
        if not has_route(address):
            attempt["text"] = seen.NO_ROUTE
            return attempt
        try:
            async with await Conversation.open(address, 25, *timeouts) as conversation:
                attempt["local_address"] = conversation.local_address
                attempt["code"], attempt["text"] = await self._hand_in(conversation)
        except ConversationEnded as ended:
            attempt["text"] = str(ended)
        except (OSError, asyncio.TimeoutError) as error:
            attempt["text"] = failure_status(error, address)
        return attempt

    async def _hand_in(self, conversation: Conversation) -> tuple[int, str]:
        helo = self._helo or own_literal(conversation.local_address)
        reply = await conversation.reply()
        for line in (f"EHLO {helo}", "MAIL FROM:<>", f"RCPT TO:<{self.sent['recipient']}>", "DATA"):
            if not reply.accepted:
                return reply.code, reply.text
            reply = await conversation.command(line)
        if reply.code == 354:
            self.sent["at"] = time.time()
            text = message(self.sent["recipient"], self.sent["token"], self._helo)
            reply = await conversation.data(text)
        return reply.code, reply.text
