# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict with something of everything, for the browser to show: an observation that the rules judge."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import complete
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import summary
from ansible_collections.inbound.mail.plugins.module_utils._path_check.proof import proven
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import judge
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.page import page

DOMAIN, VANTAGE = "example.org", "203.0.113.25"
RELAYS = {"relay": "203.0.113.17", "relay2": "203.0.113.18"}
SERVER = {"192.168.0.10": "timeout", "2001:db8:10::10": "open"}
TOKEN = "path-check-0123456789abcdef"
ACCEPTED = [{"id": "serial-mismatch", "reason": "The secondary fetches the zone once a day.", "until": "2030-12-31"}]


def _answer(name: str, rdtype: str, *values: str) -> dict[str, Any]:
    status = {"status": "answered", "rcode": "NOERROR", "authoritative": True}
    return {"zone": DOMAIN, "name": name, "type": rdtype, **status, "values": [*values], "ttl": 300, "alias": None}


def _expectations() -> dict[str, Any]:
    public = {"view": "public", "zone": DOMAIN, "asked_of": ""}
    outside = {"source": "outside", "port": 25, "why": "its mail comes through the relays", "asked_of": ""}
    mx = [f"10 {name}.{DOMAIN}." for name in RELAYS]
    return {
        **complete(None),
        "records": [
            {**public, "name": DOMAIN, "type": "MX", "values": mx},
            *({**public, "name": f"{name}.{DOMAIN}", "type": "A", "values": [ip]} for name, ip in RELAYS.items()),
        ],
        "egress": [
            {"source": "relay", "open": True, "why": "it sends our mail to the outside"},
            {"source": "insider", "open": False, "why": "only mail hosts send to the outside on port 25"},
        ],
        "delivery": [
            {
                "domain": DOMAIN, "recipient": f"postmaster@{DOMAIN}", "servers": ["mail"],
                "path": [["relay", "relay2"], ["mail"]],
            }
        ],
        "ports": [
            *({**outside, "host": name, "address": ip, "open": True} for name, ip in RELAYS.items()),
            *({**outside, "host": "mail", "address": ip, "open": False} for ip in SERVER),
        ],
        "smtp": [
            {
                "host": name, "fqdn": f"{name}.{DOMAIN}", "addresses": [ip], "port": 25, "domains": [DOMAIN],
                "refuses_unknown": False,
            }
            for name, ip in RELAYS.items()
        ],
    }  # fmt: skip


def _dialogue(name: str, banner: str) -> seen.Dialogue:
    def step(what: str, code: int, text: str, domain: str = "") -> seen.SmtpStep:
        return {"what": what, "domain": domain, "command": "", "code": code, "text": text}

    steps = [
        step("banner", 220, banner),
        step("ehlo", 250, f"{name}.{DOMAIN} / STARTTLS / AUTH PLAIN LOGIN"),
        step("postmaster", 450, "4.2.0 Greylisted, come back later", DOMAIN),
    ]
    return {
        "host": name, "address": RELAYS[name], "port": 25, "status": "open", "steps": steps, "ended": "",
        "greeted_after": 0.1, "tls": {"version": "TLSv1.3", "error": "", "certificate": None},
    }  # fmt: skip


def sample(banner: str = "relay.example.org ESMTP Postfix (Debian)") -> str:
    """The page. banner: what the relay greets with, as it is once made harmless or not."""
    expect = _expectations()
    record = seen.empty("sender")
    answers = [_answer(one["name"], one["type"], *one["values"]) for one in expect["records"]]
    record["seconds"] = 5.1
    record["resolvers"] = ["203.0.113.53"]
    servers: list[Any] = [
        {
            "name": f"ns{number}.example.com", "address": f"203.0.113.{52 + number}", "status": "answered",
            "rcode": "NOERROR", "authoritative": True, "serial": 2026112300 + number, "tcp": "answered", "alias": "",
            "answers": answers,
        }
        for number in (1, 2)
    ]  # fmt: skip
    record["zones"] = [{"name": DOMAIN, "delegated": True, "parent": None, "bogus": "", "servers": servers}]
    record["connections"] = [
        {"source": "sender", "address": address, "port": 25, "status": status, "local_address": "", "seen_as": ""}
        for address, status in SERVER.items()
    ]
    refused: Any = {**_dialogue("relay2", ""), "status": "refused", "steps": [], "tls": None, "greeted_after": None}
    record["dialogues"] = [_dialogue("relay", banner), refused]
    record["connections"] += [
        {"source": source, "address": VANTAGE, "port": 25, "status": status, "local_address": VANTAGE, "seen_as": ""}
        for source, status in (("sender", "open"), ("relay", "open"), ("insider", "open"))
    ]
    sent, hop = 1795600000.0, {"helo": "", "date": "", "at": None}
    attempt: Any = {"exchange": "", "address": "", "local_address": VANTAGE, "code": 250, "text": ""}
    record["at"] = sent
    record["sent"] = [
        {
            "domain": DOMAIN, "recipient": f"postmaster@{DOMAIN}", "token": TOKEN, "accepted": True, "at": sent,
            "attempts": [attempt],
        }
    ]  # fmt: skip
    hops: list[Any] = [
        {**hop, "address": VANTAGE, "by": f"relay.{DOMAIN}", "at": sent + 1},
        {**hop, "address": "192.168.0.17", "by": f"mail.{DOMAIN}"},
    ]
    record["traces"] = [{"host": "mail", "token": TOKEN, "kind": "mailbox", "file": "/var/mail/root", "hops": hops}]
    record["mail_hosts"] = [{"host": "mail", "names": [f"mail.{DOMAIN}"], "unread": []}]
    case = Case(expect, record, public_networks=["203.0.113.0/24"], egress_targets=[VANTAGE])
    findings = judge(case, ACCEPTED, date(2026, 11, 23))
    result = {
        "findings": findings,
        "summary": summary(findings),
        "proven": proven(case),
        "stats": {"seconds": 5.1},
        "observation": record,
    }
    return page(result, expect)


def write(path: Path, **options: str) -> Path:
    path.write_text(sample(**options), encoding="utf-8")
    return path
