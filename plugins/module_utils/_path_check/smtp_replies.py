# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reply of an SMTP server is about.

It is read by the protocol: by its code (RFC 5321, section 4.2; RFC 3207; RFC 7504), and by its enhanced status code
(RFC 3463, RFC 7372 and the registry of the IANA). Words decide only where neither does. They count whole, and outside
of what a server echoes: addresses, host names, URLs.
"""

from __future__ import annotations

import re

TAKEN = "taken"
LATER = "later"
"""A temporary refusal, as by greylisting (RFC 6647)."""
RELAYING = "relaying"
"""The server is none for that domain, also where it says so for the time being (Postfix's 454)."""
RECIPIENT = "recipient"
CLIENT = "client"
"""The host that asks, or its sender: nothing about the recipient."""
POLICY = "policy"
"""Security or policy (RFC 3463, X.7.X): the client, its sender or the recipient."""
SERVER = "server"
"""The server's own trouble, such as a full disk (RFC 3463, X.3.X)."""
NO_MAIL = "no mail"
"""A host that takes none (RFC 7504)."""
TLS = "tls"
"""Nothing without STARTTLS (RFC 3207, section 4)."""
LOGIN = "login"
"""Nothing without AUTH (RFC 4954, section 6)."""
OTHER = "other"

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?=[\s:]|$)")
# As qmail writes it.
_ENHANCED_AT_END = re.compile(r"\(#([245])\.(\d{1,3})\.(\d{1,3})\)[.\s]*$")
_ECHOED = re.compile(
    r"""\w+://\S+ | <[^>]*> | "[^"]*"@\S+ | \S*@\S* | \[[^\]]*\] | [\w-]+(?:\.[\w-]+)+\.? | [0-9a-f]*:[0-9a-f:]{2,}""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_WORDS = re.compile(r"[^a-z]+")

_STARTTLS_WORDS = re.compile(
    r"\bstarttls\b|\b(?:must|require\w*|need\w*) (?:\w+ ){0,3}(?:tls|ssl|encrypt\w*)\b"
    r"|\b(?:tls|ssl|encrypt\w*) (?:\w+ ){0,2}(?:required|needed|mandatory)\b"
)
_LOGIN_WORDS = re.compile(
    r"\bauthenticat\w+ (?:is )?(?:required|needed)\b|\b(?:must|need to) (?:first )?(?:authenticate|log in)\b"
)
_REFUSED = r"(?:denied|not|refused|prohibited|rejected|disabled|forbidden)"
_RELAYING_WORDS = re.compile(
    rf"\brelay(?:ing|ed)? (?:\w+ ){{0,4}}{_REFUSED}\b"
    r"|\b(?:not|no|unable|cannot|refuse|denied|don t|won t) (?:\w+ ){0,4}relay(?:ing|ed)?\b"
    r"|\brcpthosts\b|\bnot (?:our|a local|hosted) |\b(?:no such|unknown) domain\b"
    r"|\bdomain (?:\w+ ){0,2}not (?:found|hosted|local|accepted|served)\b"
)
_CLIENT_WORDS = re.compile(
    r"\bclient host\b|\byour (?:host|ip|address|server|domain|network|mail)\b|\bblock(?:ed|list(?:ed)?)?\b"
    r"|\b(?:black|deny) ?list(?:ed)?\b|\bspam(?:haus)?\b|\bdnsbl\b|\brbl\b|\breputation\b"
    r"|\breverse (?:dns|hostname)\b|\bptr\b"
    r"|\b(?:helo|ehlo)\b|\bsender\b|\bbadmailfrom\b|\bspf\b|\bdkim\b|\bdmarc\b|\bbanned\b|\bpolic(?:y|ies)\b"
)
_RECIPIENT_WORDS = re.compile(
    r"\b(?:no such|unknown|invalid|unrout\w*) (?:\w+ )?(?:user|mailbox|recipient|address|account|here)\b"
    r"|\b(?:user|mailbox|recipient|address|account) (?:\w+ ){0,3}"
    r"(?:unknown|unavailable|invalid|not|disabled|full|rejected)\b"
)


def meaning(code: int, text: str) -> str:
    """What the reply is about, as far as it says that by itself."""
    if 200 <= code < 400:
        return TAKEN
    subject, detail = enhanced_status(code, text)
    said = words(text)
    if code in (521, 556) or (subject, detail) == (1, 10):
        return NO_MAIL
    if (subject, detail) == (7, 10) or _STARTTLS_WORDS.search(said):
        return TLS
    if code == 530 or (subject, detail) in ((7, 8), (7, 9), (7, 11)) or _LOGIN_WORDS.search(said):
        return LOGIN
    if (subject, detail) in ((1, 7), (1, 8)):
        return LATER if code < 500 else CLIENT
    if (subject, detail) == (1, 2) or _RELAYING_WORDS.search(said):
        return RELAYING
    if _is_of_server(code, subject, detail, said):
        return SERVER
    if code < 500:
        return LATER
    if subject == 7 and 20 <= detail <= 29:
        return CLIENT
    if subject in (1, 2):
        return RECIPIENT
    if _CLIENT_WORDS.search(said):
        return CLIENT
    if subject == 7:
        return POLICY
    return RECIPIENT if _RECIPIENT_WORDS.search(said) else OTHER


def enhanced_status(code: int, text: str) -> tuple[int, int]:
    """Subject and detail of the enhanced status code (RFC 2034, section 4); zeros without one."""
    match = _ENHANCED.match(text) or _ENHANCED_AT_END.search(text)
    if not match or int(match[1]) != code // 100:
        return 0, 0
    return int(match[2]), int(match[3])


def words(text: str) -> str:
    """The words of a reply, in small letters with single spaces, without what the server echoes and without numbers."""
    return f" {_NOT_WORDS.sub(' ', _ECHOED.sub(' ', text).lower()).strip()} "


def _is_of_server(code: int, subject: int, detail: int, said: str) -> bool:
    if subject == 3:
        # Some say X.3.2 to clients that they have not seen before (postscreen).
        return code >= 500 or detail != 2
    return not subject and code in (431, 452) and " too many " not in said
