# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected, as types, and two ways to get it: completed from a plan, or made of a domain and its exchangers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from ansible_collections.inbound.mail.plugins.module_utils._addresses import read_ip
from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT

# Names go into SMTP commands: nothing that could end a line.
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_RECIPIENT = re.compile(r"[!-;=?-~]{1,64}@([^@]+)")

PUBLIC = "public"
"""The view that the internet sees."""
OUTSIDE = "outside"
"""The source of connections from a vantage."""


class ExpectedRecord(TypedDict):
    """An RRset. values: as in a zone file, empty if there must be none. endpoint, zone: None if they are not ours.

    asked_of: the owner of the request that makes it so, empty if this collection does.
    """

    endpoint: str | None
    view: str
    zone: str | None
    name: str
    type: str  # MX, A or AAAA
    values: list[str]
    ttl: int | None  # seconds
    asked_of: str


class ExpectedSerial(TypedDict):
    """The serial number of a zone as it was written: servers have it or a later one."""

    zone: str
    serial: int


class ExpectedPort(TypedDict):
    """A TCP port that `source` reaches, or must not reach. why: the reason, for the report."""

    source: str
    host: str
    address: str
    port: int
    open: bool
    why: str
    asked_of: str


class ExpectedEgress(TypedDict):
    """Whether a host reaches port 25 on the internet."""

    source: str
    open: bool
    why: str


class ExpectedExchanger(TypedDict):
    """A mail exchanger of ours. message_size: in bytes, None if nothing is declared."""

    host: str
    fqdn: str
    addresses: list[str]
    port: int
    domains: list[str]
    refuses_unknown: bool
    message_size: int | None


class FormerExchanger(TypedDict):
    """Where mail for the domains came in before, and must not be accepted any more."""

    host: str
    addresses: list[str]
    port: int
    domains: list[str]


class BackupExchanger(TypedDict):
    """Another operator's exchanger that accepts the mail of the domain while ours are down."""

    fqdn: str
    preference: int
    domain: str


class ExpectedDelivery(TypedDict):
    """A recipient. servers: one of these hosts has the message in the end; path: hosts stage by stage, servers last."""

    domain: str
    recipient: str
    servers: list[str]
    path: list[list[str]]


class Expectations(TypedDict):
    """`expect` of a plan."""

    records: list[ExpectedRecord]
    serials: list[ExpectedSerial]
    ports: list[ExpectedPort]
    egress: list[ExpectedEgress]
    smtp: list[ExpectedExchanger]
    former: list[FormerExchanger]
    backups: list[BackupExchanger]
    delivery: list[ExpectedDelivery]


class ExchangerOption(TypedDict):
    """A mail exchanger as the option `exchangers` has it. addresses: empty if any are accepted."""

    host: str
    preference: int
    addresses: list[str]


def complete(expectations: Mapping[str, Any] | None) -> Expectations:
    """With an empty list for each kind that is left out."""
    given = expectations or {}
    return {
        "records": list(given.get("records") or []),
        "serials": list(given.get("serials") or []),
        "ports": list(given.get("ports") or []),
        "egress": list(given.get("egress") or []),
        "smtp": list(given.get("smtp") or []),
        "former": list(given.get("former") or []),
        "backups": list(given.get("backups") or []),
        "delivery": list(given.get("delivery") or []),
    }


def of_exchangers(domain: str, exchangers: list[ExchangerOption]) -> Expectations:
    """The expectations of a domain with these exchangers. Raises ValueError for what is no name or address."""
    found = complete(None)
    values = sorted(f"{one['preference']} {bare(one['host'])}." for one in exchangers)
    found["records"].append(_record(bare(domain), "MX", values))
    for one in exchangers:
        host, addresses = bare(one["host"]), [str(read_ip(address)) for address in one["addresses"] or []]
        by_type = {"A": [a for a in addresses if ":" not in a], "AAAA": [a for a in addresses if ":" in a]}
        found["records"] += [_record(host, rdtype, values) for rdtype, values in by_type.items() if addresses]
        if addresses:
            found["smtp"].append(
                {
                    "host": host,
                    "fqdn": host,
                    "addresses": addresses,
                    "port": SMTP_PORT,
                    "domains": [bare(domain)],
                    "refuses_unknown": True,
                    "message_size": None,
                }
            )
    return found


def _record(name: str, rdtype: str, values: list[str]) -> ExpectedRecord:
    return {
        "endpoint": None,
        "view": PUBLIC,
        "zone": None,
        "name": name,
        "type": rdtype,
        "values": values,
        "ttl": None,
        "asked_of": "",
    }


def bare(name: str) -> str:
    """Lower case, without the final dot, internationalised labels as A-labels (RFC 5890). Raises ValueError."""
    text = name.strip().rstrip(".").lower()
    text = text if text.isascii() else text.encode("idna").decode("ascii")
    if not _NAME.fullmatch(text):
        raise ValueError(name)
    return text


def mailbox(recipient: str) -> str:
    """An address as it stands in an SMTP command. Raises ValueError."""
    match = _RECIPIENT.fullmatch(recipient)
    if match is None:
        raise ValueError(recipient)
    bare(match[1])
    return recipient
