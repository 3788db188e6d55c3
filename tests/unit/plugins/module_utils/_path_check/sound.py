# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain behind a relay, its plan and what is seen of it: all is sound, and a fault is put in where one is wanted."""

from __future__ import annotations

from typing import Any

RELAY, SERVER, VANTAGE = "203.0.113.17", "192.168.0.10", "203.0.113.25"
ZONE = "example.org"
TOKEN = "path-check-0123456789abcdef"

BACKUP, BACKUP_ADDRESS = "mail.example.com", "203.0.113.99"
FORMER = "203.0.113.9"


def record(view: str, name: str, rdtype: str, *values: str) -> dict[str, Any]:
    return {"view": view, "zone": ZONE, "name": name, "type": rdtype, "values": list(values), "asked_of": ""}


def port(host: str, address: str, is_open: bool) -> dict[str, Any]:
    place = {"source": "outside", "host": host, "address": address, "port": 25}
    return {**place, "open": is_open, "why": "declared so", "asked_of": ""}


EXPECT: dict[str, list[dict[str, Any]]] = {
    "records": [
        record("public", ZONE, "MX", "10 mail.example.org.", f"20 {BACKUP}."),
        record("public", "mail.example.org", "A", RELAY),
        record("internal", "mail.example.org", "A", "192.168.0.17"),
        record("internal", "mailbox.example.org", "A", SERVER),
    ],
    "serials": [{"zone": ZONE, "serial": 5}],
    "ports": [
        port("relay", RELAY, True),
        port("mail", SERVER, False),
    ],
    "egress": [
        {"source": "relay", "open": True, "why": "it sends"},
        {"source": "insider", "open": False, "why": "only relays send"},
    ],
    "smtp": [
        {"host": "relay", "fqdn": "mail.example.org", "addresses": [RELAY], "port": 25, "domains": [ZONE],
         "refuses_unknown": True, "message_size": 52428800}
    ],
    "former": [{"host": "old", "addresses": [FORMER], "port": 25, "domains": [ZONE]}],
    "backups": [{"fqdn": BACKUP, "preference": 20, "domain": ZONE}],
    "delivery": [
        {
            "domain": "example.org",
            "recipient": "postmaster@example.org",
            "servers": ["mail"],
            "path": [["relay"], ["mail"]],
        }
    ],
}  # fmt: skip


def answer(name: str, rdtype: str, *values: str) -> dict[str, Any]:
    return {
        "zone": "example.org",
        "name": name,
        "type": rdtype,
        "status": "answered",
        "rcode": "NOERROR",
        "authoritative": True,
        "values": list(values),
        "ttl": 300,
        "alias": None,
    }


def resolved(name: str, rdtype: str, *values: str) -> dict[str, Any]:
    return {**answer(name, rdtype, *values), "authoritative": False, "resolver": "203.0.113.53"}


def inside(name: str, rdtype: str, *values: str) -> dict[str, Any]:
    return {**resolved(name, rdtype, *values), "resolver": "192.168.0.53", "source": "insider"}


def server(number: int) -> dict[str, Any]:
    return {
        "name": f"ns{number}.example.net",
        "address": f"203.0.113.{52 + number}",
        "status": "answered",
        "rcode": "NOERROR",
        "authoritative": True,
        "serial": 7,
        "tcp": "answered",
        "alias": "",
        "answers": [
            answer("example.org", "MX", "10 mail.example.org.", f"20 {BACKUP}."),
            answer("example.org", "NS", "ns1.example.net", "ns2.example.net"),
            answer("mail.example.org", "A", RELAY),
            answer("mail.example.org", "AAAA"),
        ],
    }


def connection(source: str, address: str, status: str) -> dict[str, Any]:
    return {"source": source, "address": address, "port": 25, "status": status, "local_address": None, "seen_as": ""}


def step(what: str, domain: str, command: str, code: int, text: str) -> dict[str, Any]:
    return {"what": what, "domain": domain, "command": command, "code": code, "text": text}


def hop(address: str, by: str) -> dict[str, Any]:
    return {"helo": "host", "address": address, "by": by, "date": "", "at": None}


OBSERVATION: dict[str, Any] = {
    "format_version": 1,
    "vantage": "sender",
    "at": 1795000000.0,
    "seconds": 0.5,
    "complete": True,
    "left_out": [],
    "damaged": [],
    "resolvers": ["203.0.113.53"],
    "zones": [
        {
            "name": "example.org",
            "delegated": True,
            "parent": {"names": ["ns1.example.net", "ns2.example.net"], "glue": {}},
            "bogus": "",
            "servers": [server(1), server(2)],
        }
    ],
    "resolved": [
        resolved("17.113.0.203.in-addr.arpa", "PTR", "mail.example.org"),
        resolved("example.org", "MX", "10 mail.example.org.", f"20 {BACKUP}."),
        resolved("mail.example.org", "A", RELAY),
        resolved("mail.example.com", "A", BACKUP_ADDRESS),
        resolved("mail.example.com", "AAAA"),
        resolved("mailbox.example.org", "A"),
    ],
    "inside": [
        inside("example.org", "MX", "10 mail.example.org.", f"20 {BACKUP}."),
        inside("mail.example.org", "A", "192.168.0.17"),
        inside("mailbox.example.org", "A", SERVER),
    ],
    "connections": [
        {**connection("sender", VANTAGE, "open"), "local_address": VANTAGE},
        connection("sender", SERVER, "timeout"),
        connection("relay", VANTAGE, "open"),
        connection("insider", VANTAGE, "timeout"),
    ],
    "dialogues": [
        {
            "host": "relay",
            "address": RELAY,
            "port": 25,
            "status": "open",
            "ended": "",
            "greeted_after": 0.1,
            "tls": {
                "version": "TLSv1.3",
                "error": "",
                "certificate": {"names": ["mail.example.org"], "not_after": 1796000000.0},
            },
            "steps": [
                step("banner", "", "", 220, "mail.example.org ESMTP"),
                step("ehlo", "", "EHLO sender.example.com", 250, "mail.example.org / SIZE 52428800 / STARTTLS"),
                step("null-sender", "", "MAIL FROM:<>", 250, "Ok"),
                step("postmaster-from-null-sender", "example.org", "RCPT TO:<postmaster@example.org>", 250, "Ok"),
                step("unknown-recipient", "example.org", "RCPT TO:<x@example.org>", 550, "5.1.1 unknown"),
                step("stranger", "example.org", "RCPT TO:<victim@example.net>", 554, "5.7.1 Relay access denied"),
            ],
        },
        {
            "host": BACKUP,
            "address": BACKUP_ADDRESS,
            "port": 25,
            "status": "open",
            "ended": "",
            "greeted_after": 0.1,
            "tls": None,
            "steps": [
                step("banner", "", "", 220, "mail.example.com ESMTP"),
                step("postmaster-from-null-sender", "example.org", "RCPT TO:<postmaster@example.org>", 250, "Ok"),
                step("unknown-recipient", "example.org", "RCPT TO:<x@example.org>", 550, "5.1.1 unknown"),
                step("stranger", "example.org", "RCPT TO:<victim@example.net>", 554, "5.7.1 Relay access denied"),
            ],
        },
        {
            "host": "old",
            "address": FORMER,
            "port": 25,
            "status": "open",
            "ended": "",
            "greeted_after": 0.1,
            "tls": None,
            "steps": [
                step("banner", "", "", 220, "localhost ESMTP"),
                step("postmaster", "example.org", "RCPT TO:<postmaster@example.org>", 554, "5.7.1 Relay access denied"),
            ],
        },
    ],
    "sent": [
        {
            "domain": "example.org",
            "recipient": "postmaster@example.org",
            "token": TOKEN,
            "accepted": True,
            "at": 1.0,
            "attempts": [
                {"exchange": "mail.example.org", "address": RELAY, "local_address": VANTAGE, "code": 250, "text": "Ok"}
            ],
        }
    ],
    "traces": [
        {
            "host": "mail",
            "token": TOKEN,
            "file": "/var/mail/root",
            "hops": [hop(VANTAGE, "mail.example.org"), hop(RELAY, "mailbox.example.org")],
        }
    ],
    "mail_hosts": [{"host": "mail", "names": ["mailbox.example.org"]}, {"host": "relay", "names": ["mail"]}],
}
