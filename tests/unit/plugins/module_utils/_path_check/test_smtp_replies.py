# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies as mail servers and services word them."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_replies as replies

REPLIES = [
    (250, "2.1.5 Ok", replies.TAKEN),
    # Postfix
    (454, "4.7.1 <victim@example.net>: Relay access denied", replies.RELAYING),
    (554, "5.7.1 <victim@example.net>: Relay access denied", replies.RELAYING),
    (
        550,
        "5.1.1 <x@a.test>: Recipient address rejected: User unknown in relay recipient table",
        replies.RECIPIENT,
    ),
    (450, "4.1.1 <x@example.org>: Recipient address rejected: unverified address", replies.LATER),
    (450, "4.2.0 <x@relay.test>: Recipient address rejected: Greylisted, see http://5.1.2.test/relay", replies.LATER),
    (450, "4.3.2 Service currently unavailable", replies.LATER),
    (451, "4.3.0 <x@example.org>: Temporary lookup failure", replies.SERVER),
    (451, "4.3.5 Server configuration error", replies.SERVER),
    (452, "4.3.1 Insufficient system storage", replies.SERVER),
    (452, "4.5.3 Error: too many recipients", replies.LATER),
    (554, "5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", replies.CLIENT),
    (550, "5.7.27 <a@example.com>: Sender address rejected: Domain example.com does not accept mail", replies.CLIENT),
    (450, "4.1.8 <a@example.com>: Sender address rejected: Domain not found", replies.LATER),
    (550, "5.1.8 <a@example.com>: Sender address rejected: Domain not found", replies.CLIENT),
    (530, "5.7.0 Must issue a STARTTLS command first", replies.TLS),
    (450, "4.7.1 <x@example.org>: Recipient address rejected: Session encryption is required", replies.TLS),
    # Exim
    (550, "relay not permitted", replies.RELAYING),
    (550, "Unrouteable address", replies.RECIPIENT),
    (550, "Administrative prohibition", replies.OTHER),
    (550, "Sender verify failed", replies.CLIENT),
    # Sendmail, qmail, Exchange, OpenSMTPD and services
    (550, "5.7.1 <victim@example.net>... Relaying denied", replies.RELAYING),
    (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", replies.RELAYING),
    (553, "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", replies.CLIENT),
    (550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", replies.RELAYING),
    (550, "5.7.606 Access denied, banned sending IP [192.0.2.1].", replies.CLIENT),
    (550, "Invalid recipient: <postmaster@example.org>", replies.RECIPIENT),
    (550, "5.4.1 Recipient address rejected: Access denied. [relay.test]", replies.RECIPIENT),
    (421, "4.7.0 relay.test closing connection", replies.LATER),
    (521, "5.3.2 Host does not accept mail", replies.NO_MAIL),
    (556, "5.1.10 Recipient address has null MX", replies.NO_MAIL),
    (530, "5.7.0 Authentication required", replies.LOGIN),
    (550, "5.7.1 Authentication required", replies.LOGIN),
    (552, "5.2.2 Mailbox full", replies.RECIPIENT),
    # In other languages only the codes say it.
    (550, "5.7.1 Von Ihnen nehmen wir nichts", replies.POLICY),
    (550, "5.1.1 Diese Adresse gibt es nicht", replies.RECIPIENT),
    (550, "Nein", replies.OTHER),
    # Words that others hold, and codes in what is echoed.
    (550, "5.1.1 <u@bachelor.test>: User unknown", replies.RECIPIENT),
    (450, "4.7.1 relay says: greylisting in action", replies.LATER),
    (450, "<5.1.2@example.org>: later", replies.LATER),
    (550, "No, 5.1.2.3 is logged", replies.OTHER),
]


@pytest.mark.parametrize(("code", "text", "means"), REPLIES, ids=[f"{code} {text}" for code, text, _means in REPLIES])
def test_reply(code: int, text: str, means: str) -> None:
    assert replies.meaning(code, text) == means


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (550, "5.1.1 no", (1, 1)),
        (550, "4.1.1 of another class", (0, 0)),
        (550, "no (#5.1.1)", (1, 1)),
        (550, "host 5.1.1", (0, 0)),
        (550, "5.1.1.9 is an address", (0, 0)),
        (550, "", (0, 0)),
    ],
)
def test_enhanced_status_code(code: int, text: str, status: tuple[int, int]) -> None:
    assert replies.enhanced_status(code, text) == status
