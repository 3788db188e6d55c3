# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as plain data that survives JSON: probes write it, rules read it, nothing else passes between them.

Names are lower case without the final dot, MX values as in a zone file (``10 mail.example.org.``), seconds are numbers.
Whatever a server said is kept harmless and bounded.
"""

from __future__ import annotations

import time
from typing import Any, TypedDict, cast

from ansible_collections.inbound.mail.plugins.module_utils._dns.answers import (
    ANSWERED,
    MALFORMED,
    NO_ROUTE,
    NOT_CONTACTED,
    REFUSED,
    TIMEOUT,
    Answer,
    NameServer,
    Parent,
    Resolved,
    Zone,
)

# What a query ends in and what it finds is part of an observation: rules read these terms from here.
__all__ = ["ANSWERED", "MALFORMED", "NOT_CONTACTED", "NO_ROUTE", "REFUSED", "TIMEOUT", "Parent"]

FORMAT_VERSION = 2
"""1: every server had its answers for itself."""
READ_VERSIONS = (1, 2)

# How a connection ended, beside what queries end in.
OPEN = "open"


class Connection(TypedDict):
    """A TCP connection that was tried. source: who tried; local_address: where it left from.

    seen_as: where it came from, by the server's own answer to EHLO; empty: it does not say. Exim, Sendmail and Exchange
    do, Postfix does not.
    """

    source: str
    address: str
    port: int
    status: str  # OPEN, REFUSED, TIMEOUT or NO_ROUTE
    local_address: str | None
    seen_as: str


class _SmtpStep(TypedDict):
    what: str
    domain: str
    command: str
    code: int  # 0: no reply
    text: str


class SmtpStep(_SmtpStep, total=False):
    """One SMTP command and its reply. what: what the step is there for, see smtp_steps.py. text: for people.

    lines: the lines of an answer to EHLO, each harmless; releases before 0.9.0 did not write them.
    """

    lines: list[str]


class Certificate(TypedDict):
    """What a server's certificate says. names: of its DNS alternatives; not_after: seconds since the epoch."""

    names: list[str]
    not_after: float


class _Tls(TypedDict):
    version: str
    error: str
    certificate: Certificate | None  # None: nothing here can read it


class Tls(_Tls, total=False):
    """A handshake after STARTTLS. version: as 'TLSv1.3', empty if it failed; error: why it did.

    weak: why one with the library's defaults failed, where one without its lower limits came about.
    """

    weak: str


class Dialogue(TypedDict):
    """One SMTP connection. ended: why it ended early, empty if it did not. greeted_after: seconds, None without one."""

    host: str
    address: str
    port: int
    status: str
    steps: list[SmtpStep]
    ended: str
    greeted_after: float | None
    tls: Tls | None  # None: not tried


class Attempt(TypedDict):
    """One try to hand a message in."""

    exchange: str
    address: str
    local_address: str | None
    code: int
    text: str


class Sent(TypedDict):
    """A message with a token. at: seconds since the epoch on the vantage's clock."""

    domain: str
    recipient: str
    token: str
    accepted: bool
    at: float
    attempts: list[Attempt]


class _Hop(TypedDict):
    helo: str
    address: str  # the client that this hop saw
    by: str
    date: str


class Hop(_Hop, total=False):
    """One Received field (RFC 5321, section 4.4); what it does not say is empty. date: as that host wrote it.

    at: seconds since the epoch by that host's clock, None without a date; releases before 0.9.0 did not write it.
    """

    at: float | None


class Trace(TypedDict):
    """A message found on a server. file: or `imap://...`, or what the log says. hops: the first first; a log has no."""

    host: str
    token: str
    kind: str  # mailbox, imap or log
    file: str
    hops: list[Hop]


class MailHost(TypedDict):
    """A mail host that was looked at for messages, and the names that it gives itself in Received fields.

    unread: why some of its mailboxes could not be looked into.
    """

    host: str
    names: list[str]
    unread: list[str]


class Inside(Resolved):
    """What a resolver answers to a host inside. source: the host."""

    source: str


class MtaStsPolicy(TypedDict):
    """What a domain asks of senders by MTA-STS (RFC 8461). mode: enforce, testing or none; empty: there is no policy.

    error: why there is none, although a record says so.
    """

    domain: str
    mode: str
    error: str


class Pinned(TypedDict):
    """The TLSA records of an exchanger (RFC 7672), which bind senders if a resolver validated them."""

    host: str
    usages: list[int]
    authentic: bool


class LeftOut(TypedDict):
    """What a stranger publishes and was not looked at. kind: of what; subject: whose; number: how many more there are
    than the limit."""

    kind: str
    subject: str
    number: int
    limit: int


class DamagedObservation(TypedDict):
    """A host whose observation could not be taken as it was, and is empty here."""

    host: str
    why: str


class Observation(TypedDict):
    format_version: int
    vantage: str
    at: float  # seconds since the epoch, when it began
    seconds: float  # that the vantage took
    complete: bool  # False: the time was up before everything was asked
    left_out: list[LeftOut]
    damaged: list[DamagedObservation]
    resolvers: list[str]
    zones: list[Zone]
    resolved: list[Resolved]
    inside: list[Inside]
    connections: list[Connection]
    dialogues: list[Dialogue]
    policies: list[MtaStsPolicy]
    pinned: list[Pinned]
    sent: list[Sent]
    traces: list[Trace]
    mail_hosts: list[MailHost]


def answers_of(zone: Zone, server: NameServer) -> list[Answer]:
    same = server.get("same_as")
    return server["answers"] if same is None else zone["servers"][same]["answers"]


def fold(zone: Zone) -> None:
    """Keep once what several servers of the zone answer alike, as sound ones do."""
    kept: list[int] = []
    for number, server in enumerate(zone["servers"]):
        alike = (one for one in kept if zone["servers"][one]["answers"] == server["answers"])
        server["same_as"] = next(alike, None) if server["answers"] else None
        if server["same_as"] is None:
            kept.append(number)
        else:
            server["answers"] = []


def empty(vantage: str) -> Observation:
    return {
        "format_version": FORMAT_VERSION,
        "vantage": vantage,
        "at": time.time(),
        "seconds": 0.0,
        "complete": True,
        "left_out": [],
        "damaged": [],
        "resolvers": [],
        "zones": [],
        "resolved": [],
        "inside": [],
        "connections": [],
        "dialogues": [],
        "policies": [],
        "pinned": [],
        "sent": [],
        "traces": [],
        "mail_hosts": [],
    }


LISTS = (
    *("resolvers", "zones", "resolved", "inside", "connections", "dialogues", "policies", "pinned", "sent", "traces"),
    *("mail_hosts", "left_out", "damaged"),
)


def merged(observations: list[Observation]) -> Observation:
    """Several hosts' observations, one at least, as one; the first is the vantage's."""
    result: Any = empty(observations[0]["vantage"])
    result["at"] = observations[0].get("at", result["at"])
    result["seconds"] = observations[0].get("seconds", 0.0)
    for one in observations:
        result["complete"] = result["complete"] and one.get("complete", True)
        for key in LISTS:
            result[key].extend(one.get(key, []))
    return cast("Observation", result)
