# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that the module's options take, and what is wrong with others.

The declaration is checked against the same values before it becomes options. So nothing here knows Postfix's
configuration or the host. Functions named ``..._problem`` return the message and the remedy, or None.
"""

from __future__ import annotations

import re

from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT, is_tcp_port
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.expire_queue import lifetime_seconds

Finding = tuple[str, str]
"""A message and a remedy."""

# TLS towards a next hop

OPPORTUNISTIC = "may"
ENCRYPTED = "encrypt"
VERIFIED = "secure"
TLS_LEVELS = (OPPORTUNISTIC, ENCRYPTED, VERIFIED)
"""Postfix's own words (postconf(5), smtp_tls_security_level)."""
DANE = "dane"
OUTGOING = (OPPORTUNISTIC, DANE)
"""Levels for mail to the outside as a whole."""
SUBMISSIONS = 465
"""Where TLS begins with the first byte (RFC 8314, section 3.3): Postfix does that for all next hops of a transport."""
SUBMISSIONS_PROBLEM = (
    f"on port {SUBMISSIONS} TLS begins without STARTTLS, and the transports of Postfix begin it with STARTTLS",
    "Write port 587 and tls: encrypt, which mostly leads to the same host",
)

# Recipients

NONE, STATIC, CALLOUT = "none", "static", "callout"
VALIDATIONS = (NONE, STATIC, CALLOUT)
"""No check, a list of recipients, and a question to the server."""

_A_LABEL = "xn--"
# RFC 5321, section 4.1.2, without quoted local parts: Postfix's tables know those in another spelling. A line of one
# that begins with # is a comment.
_LOCAL_PART = re.compile(r"(?!#)[^\s\x00-\x1f\x7f@\"<>(),:;\\\[\]]+")
_LOOKUP_TABLE = re.compile(r"(?:proxy:)?[a-z]+:/[^\s,]+")

# Edge

SMALLEST_MESSAGE_SIZE = 65536
"""Bytes; a server has to take at least 64K octets (RFC 5321, section 4.5.3.1.7)."""
LONGEST_LIFETIME = 100 * 86400
"""Seconds (postconf(5), maximal_queue_lifetime)."""
LIMITS = {
    "connections": "smtpd_client_connection_count_limit",
    "connections_per_minute": "smtpd_client_connection_rate_limit",
    "messages_per_minute": "smtpd_client_message_rate_limit",
    "recipients_per_minute": "smtpd_client_recipient_rate_limit",
}
"""What is limited -> the parameter."""
HEAVIEST = 1000
"""The largest weight of a DNS blocklist, positive or negative."""

# As postconf(5), postscreen_dnsbl_sites, has them: 127.0.0.[2..11], 127.0.0.2;4
_DNSBL_ANSWERS = re.compile(r"(?:(?:[0-9]{1,3}|\[[0-9;.]+\])\.){3}(?:[0-9]{1,3}|\[[0-9;.]+\])")
# Where clients other than a load balancer submit or relay mail.
_CLIENT_PORTS = (SMTP_PORT, SUBMISSIONS, 587)


def spellings(domain: str) -> tuple[str, ...]:
    """The domain in A-labels, and in the letters that they mean: both stand in addresses (RFC 6531, section 3.3), and
    to Postfix they are two domains (SMTPUTF8_README)."""
    letters = ".".join(map(_letters, domain.split(".")))
    return tuple(dict.fromkeys((domain, letters)))


def _letters(label: str) -> str:
    """Of an A-label; any other label, and one that means what could not stand in a table, as it is."""
    if not label.startswith(_A_LABEL):
        return label
    try:
        found = label[len(_A_LABEL) :].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    # What is ASCII would be another domain altogether.
    is_plain = found.isprintable() and not any(one.isspace() or one in "@.,#" for one in found)
    return found if is_plain and not found.isascii() else label


def local_part_at(domain: str, written: str) -> str | None:
    """The local part of an address, written with its domain or without; None if it is not an address there."""
    local_part, at, of_domain = written.strip().lower().rpartition("@")
    if not at:
        local_part, of_domain = of_domain, domain
    return local_part if _LOCAL_PART.fullmatch(local_part) and of_domain in spellings(domain) else None


def recipient_problem(written: str, domain: str) -> Finding | None:
    local_part = local_part_at(domain, written)
    if local_part is not None and "*" in local_part:
        remedy = "Name each address; for all of them leave validation out, or ask the server with validation: callout"
        return f"'{written}' is a pattern, and a table knows addresses alone", remedy
    if local_part is not None:
        return None
    remedy = f"Write an address such as info@{domain}, or info alone; one value for each address"
    return f"'{written}' is not an address of {domain}", remedy


def lookup_table_problem(written: str) -> Finding | None:
    if _LOOKUP_TABLE.fullmatch(written):
        return None
    remedy = "Write its type and its path on the relay: texthash:/etc/postfix/people, ldap:/etc/postfix/ad.cf"
    return f"'{written}' is not a lookup table of Postfix", remedy


def lifetime_problem(written: str) -> Finding | None:
    seconds = lifetime_seconds(written)
    if seconds is None:
        return f"'{written}' is not a time", "Write a number and its unit, as 5d, 12h or 30m"
    if seconds > LONGEST_LIFETIME:
        return f"{written} is longer than the 100 days that Postfix allows", "Write 100d at most"
    return None


def dnsbl_weight_problem(weight: object) -> Finding | None:
    if isinstance(weight, int) and not isinstance(weight, bool) and weight and abs(weight) <= HEAVIEST:
        return None
    remedy = "Write a whole number other than 0, such as 1; for a list of good clients a negative one"
    return f"'{weight}' is not a weight", remedy


def dnsbl_answers_problem(written: str) -> Finding | None:
    if _DNSBL_ANSWERS.fullmatch(written):
        return None
    remedy = "Write an address or a pattern, as 127.0.0.2 or 127.0.0.[2..11]"
    return f"'{written}' does not match answers of a DNS blocklist", remedy


def dnsbl_threshold_problem(threshold: int, weights: int) -> Finding | None:
    """weights: the sum of those that count against a client."""
    if 1 <= threshold <= weights:
        return None
    what = f"{threshold} is not between 1 and the sum of the lists' weights, {weights}"
    return what, "Write the sum of weights at which a client is rejected"


def proxy_port_problem(port: int) -> Finding | None:
    if is_tcp_port(port) and port not in _CLIENT_PORTS:
        return None
    what = f"{port} is not a port for connections of the load balancer alone"
    return what, "Write a port of its own, such as 10025; port 25 stays for all other clients"
