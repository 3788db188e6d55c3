# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What name servers and resolvers answered, as plain data that survives JSON.

Names are lower case without the final dot, MX values as in a zone file (``10 mail.example.org.``), TTLs are seconds.
"""

from __future__ import annotations

from typing import TypedDict

# How a query or a connection ended.
ANSWERED = "answered"
REFUSED = "refused"
"""A TCP reset, or ICMP says that the port is unreachable or the connection prohibited."""
TIMEOUT = "timeout"
NO_ROUTE = "no-route"
"""This host cannot send to that address at all: nothing is known."""
MALFORMED = "malformed"
NOT_CONTACTED = "not-contacted"
"""Its address is none of the internet's, and it is not declared."""


class Answer(TypedDict):
    """One server's answer to one query."""

    name: str
    type: str
    status: str  # ANSWERED, TIMEOUT, REFUSED, NO_ROUTE or MALFORMED
    rcode: str  # NOERROR, NXDOMAIN, REFUSED...; empty without an answer
    authoritative: bool
    values: list[str]
    ttl: int | None  # where there are no values: how long resolvers keep that answer (RFC 2308, section 5)
    alias: str | None  # what the name is an alias of (CNAME), if it is


class Resolved(Answer):
    """A resolver's answer. PTR queries are among them, by the address's reverse name."""

    resolver: str


class NameServer(TypedDict):
    """One address of one name server of one zone."""

    name: str
    address: str  # empty: the name server's name has no address
    status: str  # of the query for the SOA record
    rcode: str
    authoritative: bool
    serial: int | None
    tcp: str  # how the same query ended over TCP; empty if it was not sent
    alias: str  # what the name server's name is an alias of (CNAME), empty if it is none
    answers: list[Answer]
    same_as: int | None  # the server of this zone that answers the same, by its place; then there are none here


class Parent(TypedDict):
    """What the parent zone says of a zone: its name servers, and their addresses where it gives some."""

    names: list[str]
    glue: dict[str, list[str]]


class Zone(TypedDict):
    """delegated: None if it could not be found out. parent: None if it did not answer, or has no NS records."""

    name: str
    delegated: bool | None
    parent: Parent | None
    bogus: str  # a resolver that refuses the zone unless it is told not to validate; empty: none
    servers: list[NameServer]
