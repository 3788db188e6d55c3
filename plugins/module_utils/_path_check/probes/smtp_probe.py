# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one exchanger, in one SMTP connection. It never sends DATA, and ends at the first failure.

The stranger's recipients stand in domains reserved for documentation (RFC 2606). They are few: servers count errors and
answer slower, or not at all, after ten.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from copy import copy
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.route import has_route
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_session import (
    Conversation,
    ConversationEnded,
    SmtpReply,
    failure_status,
    own_literal,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import (
    CLIENT,
    NO_MAIL,
    RELAYING,
    TLS,
    enhanced_status,
    meaning,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import (
    BANNER,
    EHLO,
    HELO,
    NULL_SENDER,
    OWN_MAIL,
    OWN_SENDER,
    POSTMASTER,
    POSTMASTER_NULL,
    SENDER,
    SENDER_IN_CLEARTEXT,
    STARTTLS,
    STRANGER,
    STRANGER_AT_DOMAIN,
    STRANGER_SENDER,
    STRANGERS_POSTMASTER,
    UNKNOWN,
    UNKNOWN_UNQUALIFIED,
    is_greylisted,
)
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is said of the server's own domains.
_OWN = (NULL_SENDER, POSTMASTER_NULL, SENDER, POSTMASTER)
# What is tried as a stranger.
_STRANGE = (
    STRANGER_SENDER,
    STRANGERS_POSTMASTER,
    UNKNOWN,
    UNKNOWN_UNQUALIFIED,
    OWN_MAIL,
    STRANGER,
    STRANGER_AT_DOMAIN,
    OWN_SENDER,
)

# How often a server that defers a recipient is tried again.
_RETURNS = 10
_STRANGE_DOMAINS = ("example.com", "example.net", "example.org", "example.edu")
# RFC 5321, section 4.5.3.1.8: a server takes 100 recipients at least.
_RECIPIENTS = 50


def strange_domains(domains: Sequence[str]) -> tuple[str, str]:
    """Two reserved domains, for sender and recipient, that none of the server's own is or stands in."""
    own = [one for domain in domains for one in _STRANGE_DOMAINS if f".{domain}".endswith(f".{one}")]
    left = [one for one in _STRANGE_DOMAINS if one not in own]
    left += ["stranger.invalid", "elsewhere.invalid"]
    return left[0], left[1]


def strangers(domain: str, elsewhere: str) -> list[tuple[str, str]]:
    """(what, recipient) in the spellings in which open relays were found; `domain` is the server's own."""
    return [
        (STRANGER, f"victim@{elsewhere}"),
        (STRANGER, f"@{domain}:victim@{elsewhere}"),
        (STRANGER, f"victim%{elsewhere}"),
        (STRANGER, f"{elsewhere}!victim"),
        (STRANGER_AT_DOMAIN, f"victim%{elsewhere}@{domain}"),
        (STRANGER_AT_DOMAIN, f'"victim@{elsewhere}"@{domain}'),
        (STRANGER_AT_DOMAIN, f"{elsewhere}!victim@{domain}"),
    ]


class _TlsDemanded(Exception):
    """The server says nothing of its domains in cleartext."""


class SmtpProbe:
    """The dialogue with one exchanger.

    name: by which senders know it; helo: this host's name or empty; token: an unknown recipient's local part.
    """

    def __init__(
        self, host: str, name: str, address: str, port: int, domains: Sequence[str], helo: str, token: str
    ) -> None:
        self._name = name
        self._domains = list(domains)
        self._helo = helo
        self._token = token
        self._is_encrypted = False
        self.dialogue: seen.Dialogue = {
            "host": host,
            "address": address,
            "port": port,
            "status": seen.NO_ROUTE,
            "steps": [],
            "ended": "",
            "greeted_after": None,
            "tls": None,
        }

    async def ask(self, connect_timeout: float, timeout: float, patience: float = 0.0) -> None:
        """timeout: seconds for each reply, the greeting too. patience: in which to come back to one that defers."""
        dialogue = self.dialogue
        address = dialogue["address"]
        if not has_route(address):
            return
        timeouts = connect_timeout, timeout
        try:
            async with await Conversation.open(address, dialogue["port"], *timeouts) as conversation:
                dialogue["status"] = seen.OPEN
                await self._converse(conversation)
        except ConversationEnded as ended:
            dialogue["ended"] = harmless(str(ended))
        except (OSError, asyncio.TimeoutError) as error:
            dialogue["status"] = failure_status(error, address)
        if dialogue["tls"] and dialogue["tls"]["error"]:
            await self._encrypt_leniently(dialogue["tls"]["error"], timeouts)
        for _attempt in range(_RETURNS if patience else 0):
            if not any(is_greylisted(step) for step in self._about_own()):
                return
            await asyncio.sleep(patience / _RETURNS)
            await self._come_back(timeouts)

    async def _encrypt_leniently(self, error: str, timeouts: tuple[float, float]) -> None:
        """Whether encryption comes about without the library's lower limits, in a second connection.

        A server that accepts nothing in cleartext is asked the rest there.
        """
        address, port = self.dialogue["address"], self.dialogue["port"]
        with contextlib.suppress(ConversationEnded, OSError, asyncio.TimeoutError):
            async with await Conversation.open(address, port, *timeouts) as conversation:
                greeting = await conversation.reply()
                helo = self._helo or own_literal(conversation.local_address)
                if greeting.code != 220 or not (await conversation.command(f"EHLO {helo}")).accepted:
                    return
                if (await conversation.command("STARTTLS")).code != 220:
                    return
                tls = await conversation.start_tls(self._name, lenient=True)
                if tls["error"]:
                    return
                self._is_encrypted = True
                self.dialogue["tls"] = {**tls, "weak": error}
                demanded = any(step["what"] == SENDER_IN_CLEARTEXT for step in self.dialogue["steps"])
                if demanded and (await conversation.command(f"EHLO {helo}")).accepted:
                    await self._ask(conversation)
                conversation.quit()

    def _about_own(self) -> list[seen.SmtpStep]:
        return [step for step in self.dialogue["steps"] if step["what"] in _OWN]

    async def _come_back(self, timeouts: tuple[float, float]) -> None:
        """Ask again for its own domains, and note that in place of what it said before; nothing, if it is not there.

        Once they are taken, strangers are tried again too: to them it may have said "later" in place of yes.
        """
        address, port = self.dialogue["address"], self.dialogue["port"]
        again = copy(self)
        again.dialogue = {**self.dialogue, "steps": []}
        with contextlib.suppress(ConversationEnded, OSError, asyncio.TimeoutError):
            async with await Conversation.open(address, port, *timeouts) as conversation:
                greeting = await conversation.reply()
                helo = self._helo or own_literal(conversation.local_address)
                if greeting.code != 220 or not (await conversation.command(f"EHLO {helo}")).accepted:
                    return
                if self._is_encrypted and any(step["what"] == SENDER_IN_CLEARTEXT for step in self.dialogue["steps"]):
                    if (await conversation.command("STARTTLS")).code != 220:
                        return
                    if (await conversation.start_tls(self._name))["error"]:
                        return
                    if not (await conversation.command(f"EHLO {helo}")).accepted:
                        return
                await again._ask_own(conversation)
                self._note_again(again, _OWN)
                if not any(is_greylisted(step) for step in again._about_own()):
                    await again._ask_strange(conversation)
                    self._note_again(again, (*_OWN, *_STRANGE))
                await conversation.command("QUIT")

    def _note_again(self, again: SmtpProbe, whats: Sequence[str]) -> None:
        self.dialogue["steps"] = [step for step in self.dialogue["steps"] if step["what"] not in whats]
        self.dialogue["steps"] += again.dialogue["steps"]

    async def _converse(self, conversation: Conversation) -> None:
        began = time.monotonic()
        banner = self._note(BANNER, "", "", await conversation.reply())
        self.dialogue["greeted_after"] = round(time.monotonic() - began, 3)
        if banner.code != 220:
            return
        helo = self._helo or own_literal(conversation.local_address)
        ehlo = await self._step(conversation, EHLO, "", f"EHLO {helo}")
        if not ehlo.accepted and not (
            ehlo.code >= 500 and (await self._step(conversation, HELO, "", f"HELO {helo}")).accepted
        ):
            return
        demands_tls = False
        try:
            await self._ask(conversation)
        except _TlsDemanded:
            demands_tls = True
        if ehlo.accepted and "STARTTLS" in (line.upper().strip() for line in ehlo.lines[1:]):
            if demands_tls:
                await conversation.command("RSET")
            reply = await self._step(conversation, STARTTLS, "", "STARTTLS")
            if reply.code == 220:
                tls = self.dialogue["tls"] = await conversation.start_tls(self._name)
                if tls["error"]:
                    return
                self._is_encrypted = True
                if demands_tls and (await conversation.command(f"EHLO {helo}")).accepted:
                    await self._ask(conversation)
                conversation.quit()
                return
        await conversation.command("QUIT")

    async def _ask(self, conversation: Conversation) -> None:
        await self._ask_own(conversation)
        if self._domains:
            await self._ask_strange(conversation)

    async def _ask_own(self, conversation: Conversation) -> None:
        """The postmaster of every domain; of one domain from the null sender."""
        domains = self._domains
        if domains:
            accepted = await self._step(conversation, NULL_SENDER, "", "MAIL FROM:<>")
            if accepted.accepted:
                recipient = f"RCPT TO:<postmaster@{domains[0]}>"
                accepted = await self._step(conversation, POSTMASTER_NULL, domains[0], recipient)
            if accepted.accepted:
                domains = domains[1:]
            await conversation.command("RSET")
        elsewhere, _another = strange_domains(self._domains)
        sender = f"postmaster@{self._helo or elsewhere}"
        for start in range(0, len(domains), _RECIPIENTS):
            if (await self._step(conversation, SENDER, "", f"MAIL FROM:<{sender}>")).accepted:
                for domain in domains[start : start + _RECIPIENTS]:
                    await self._step(conversation, POSTMASTER, domain, f"RCPT TO:<postmaster@{domain}>")
            await conversation.command("RSET")

    async def _ask_strange(self, conversation: Conversation) -> None:
        """Relaying, from one sender after the other until what the server says is about relaying."""
        domain = self._domains[0]
        sender_domain, elsewhere = strange_domains(self._domains)
        # The domains for documentation have a null MX and an SPF record; of the others neither can be the reason.
        senders = [f"stranger@{sender_domain}", *([f"stranger@{self._helo}"] if self._helo else []), ""]
        senders.append(f"stranger@{own_literal(conversation.local_address)}")
        taken = judged = False
        for sender in senders:
            is_last = sender == senders[-1]
            if (await self._step(conversation, STRANGER_SENDER, "", f"MAIL FROM:<{sender}>")).accepted:
                taken, judged = await self._ask_recipients(conversation, sender, elsewhere, is_last)
            await conversation.command("RSET")
            if taken or judged:
                break
        if not taken and (await self._step(conversation, OWN_MAIL, "", f"MAIL FROM:<postmaster@{domain}>")).accepted:
            await self._step(conversation, OWN_SENDER, domain, f"RCPT TO:<victim@{elsewhere}>")
            await conversation.command("RSET")

    async def _ask_recipients(
        self, conversation: Conversation, sender: str, elsewhere: str, is_last: bool
    ) -> tuple[bool, bool]:
        """Whether a stranger's recipient was taken, and whether the sender was no reason to refuse one."""
        domain = self._domains[0]
        judged = False
        if sender:
            control = f"RCPT TO:<postmaster@{domain}>"
            judged = (await self._step(conversation, STRANGERS_POSTMASTER, domain, control)).accepted
        # Whether it takes any recipient of its own domain: then taking a wrapped one does not mean relaying.
        recipients = [(UNKNOWN, f"{self._token}@{domain}"), *strangers(domain, elsewhere)]
        for number, (what, recipient) in enumerate(recipients):
            reply = await self._step(conversation, what, domain, f"RCPT TO:<{recipient}>")
            if what == STRANGER and reply.accepted:
                if "@" in recipient:
                    return True, True
                bare = await self._step(conversation, UNKNOWN_UNQUALIFIED, domain, f"RCPT TO:<{self._token}>")
                if not bare.accepted:
                    return True, True
            elif number == 1:
                about = meaning(reply.code, reply.text)
                if about == NO_MAIL or enhanced_status(reply.code, reply.text) == (1, 2):
                    # The domains for documentation accept no mail, which may be the reason too.
                    literal = own_literal(conversation.local_address)
                    if (await self._step(conversation, STRANGER, domain, f"RCPT TO:<victim@{literal}>")).accepted:
                        return True, True
                judged = (judged and about != CLIENT) or about == RELAYING
                if not judged and not is_last:
                    return False, False
        return False, judged

    async def _step(self, conversation: Conversation, what: str, domain: str, command: str) -> SmtpReply:
        reply = await conversation.command(command)
        if what in _OWN and not self._is_encrypted and meaning(reply.code, reply.text) == TLS:
            self.dialogue["steps"] = [step for step in self.dialogue["steps"] if step["what"] not in _OWN]
            self._note(SENDER_IN_CLEARTEXT, domain, command, reply)
            raise _TlsDemanded
        self._note(what, domain, command, reply)
        if reply.code == 421:
            raise ConversationEnded(f"the server closed the connection: 421 {reply.text}")
        return reply

    def _note(self, what: str, domain: str, command: str, reply: SmtpReply) -> SmtpReply:
        step: seen.SmtpStep = {
            "what": what,
            "domain": domain,
            "command": command,
            "code": reply.code,
            "text": reply.text,
        }
        if what == EHLO:
            step["lines"] = list(reply.lines)
        self.dialogue["steps"].append(step)
        return reply
