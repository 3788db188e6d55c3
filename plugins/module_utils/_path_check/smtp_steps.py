# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of an SMTP dialogue: what each is there for, and what its reply says by itself (RFC 5321).

Probes note them and rules judge them; nothing here has a network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import LATER, meaning

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen

# What a step is there for.
BANNER = "banner"
EHLO = "ehlo"
HELO = "helo"
"""After EHLO was refused (RFC 5321, section 3.2)."""
STARTTLS = "starttls"
SENDER_IN_CLEARTEXT = "sender-in-cleartext"
"""Refused for want of TLS: everything is asked after STARTTLS then."""
NULL_SENDER = "null-sender"
POSTMASTER_NULL = "postmaster-from-null-sender"
SENDER = "sender"
POSTMASTER = "postmaster"
UNKNOWN = "unknown-recipient"
UNKNOWN_UNQUALIFIED = "unknown-recipient-unqualified"
"""The control for strangers without a domain: whether it takes any such name for one of its own."""
STRANGER_SENDER = "stranger-sender"
STRANGERS_POSTMASTER = "postmaster-from-stranger"
"""The control for the strangers: what the server accepts from the same sender."""
STRANGER = "stranger"
STRANGER_AT_DOMAIN = "stranger-at-domain"
"""A stranger's address wrapped into one of the server's own domain: relaying only if that is unwrapped."""
OWN_MAIL = "own-sender"
OWN_SENDER = "stranger-from-own-sender"

HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+", re.IGNORECASE)


def is_greylisted(step: seen.SmtpStep) -> bool:
    """Whether the server says "later" to this recipient (RFC 6647). 421 ends the whole conversation."""
    return step["code"] != 421 and meaning(step["code"], step["text"]) == LATER


def first_word(step: seen.SmtpStep) -> str:
    """Of a greeting or an answer to EHLO: the server's name (RFC 5321, sections 4.2 and 4.1.1.1)."""
    return (step["text"].split() or [""])[0].lower().rstrip(".")


def greeting_name(dialogue: seen.Dialogue) -> str:
    """The name that a server gives itself in its answer to EHLO; empty without one."""
    for step in dialogue["steps"]:
        if step["what"] == EHLO and step["code"] == 250:
            return first_word(step)
    return ""


def offered(dialogue: seen.Dialogue) -> list[str] | None:
    """The extensions in a server's answer to EHLO (RFC 5321, section 4.1.1.1); None if it is not known whole."""
    for step in dialogue["steps"]:
        if step["what"] == EHLO and step["code"] == 250:
            lines = step.get("lines")
            if lines is not None:
                return lines[1:]
            # Releases before 0.9.0 wrote the lines as one text, and cut a long one off.
            return None if step["text"].endswith("...") else step["text"].split(" / ")[1:]
    return None
