# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict as JUnit XML and as a page: complete, well formed, and nothing in it that a server has written."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import complete
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULES
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.connections import found_at, tried_connections
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.junit import junit
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.page import page

HOSTILE = "<script>alert(1)</script>\x1b[2J\x00\u202e]]>&amp;'\"</text>"
EXPECTATIONS: dict[str, Any] = {
    "smtp": [
        {"host": "relay", "addresses": ["203.0.113.17", "2001:db8::17"], "port": 25},
        {"host": "other", "addresses": ["203.0.113.18"], "port": 25},
    ],
    "ports": [
        {"host": "mail", "address": "192.168.0.10", "port": 25, "open": False},
        {"host": "leaky", "address": "192.168.0.11", "port": 25, "open": False},
    ],
}


def finding(severity: str = "error", status: str = "finding", **more: Any) -> dict[str, Any]:
    return {
        "id": "mx-missing",
        "severity": severity,
        "status": status,
        "subject": "example.org",
        "places": ["example.org"],
        "message": "No MX record.",
        "remedy": "Write it.",
        "source": "RFC 5321",
        "expected": None,
        "observed": None,
        **more,
    }


def connection(address: str, status: str, local_address: str = "") -> dict[str, Any]:
    return {"source": "sender", "address": address, "port": 25, "status": status, "local_address": local_address}


def dialogue(host: str, address: str, status: str, text: str = "mail ESMTP") -> dict[str, Any]:
    steps = [{"what": "banner", "domain": "", "command": "", "code": 220, "text": text}] if status == "open" else []
    return {"host": host, "address": address, "port": 25, "status": status, "steps": steps, "ended": "", "tls": None}


def result(*findings: dict[str, Any], text: str = "mail ESMTP") -> dict[str, Any]:
    server = {"name": text, "address": "", "rcode": "", "status": text, "serial": 7, "authoritative": False}
    hop = {"helo": text, "address": "", "by": text, "date": text}
    counts = dict.fromkeys(("error", "warning", "notice", "unknown", "accepted"), 0)
    for one in findings:
        counts[one["severity"] if one["status"] == "finding" else one["status"]] += 1
    return {
        "findings": list(findings),
        "summary": counts,
        "proven": [f"port 25 open {text}"],
        "stats": {"seconds": 1.5},
        "observation": {
            "vantage": text,
            "at": 0.0,
            "seconds": 1.5,
            "zones": [{"name": text, "servers": [server]}],
            "connections": [
                connection("192.168.0.10", "timeout"),
                connection("192.168.0.11", "open"),
                {**connection("203.0.113.25", "open", "203.0.113.25"), "source": text},
            ],
            "dialogues": [
                dialogue("relay", "203.0.113.17", "open", text),
                dialogue("relay", "2001:db8::17", "no-route"),
                dialogue("other", "203.0.113.18", "refused"),
                dialogue(text, "203.0.113.19", "open", text),
            ],
            "sent": [{"recipient": text, "token": "t", "accepted": True, "at": 0.0}],
            "traces": [{"host": text, "file": text, "token": "t", "hops": [hop]}],
        },
    }  # fmt: skip


class Balanced(HTMLParser):
    """Fails at a tag that closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_junit_has_a_case_for_each_rule_and_finding() -> None:
    found = [
        finding(),
        finding(subject="example.net"),
        finding("warning", id="ehlo-name"),
        finding("error", "unknown", id="ns-lame"),
        finding("error", "accepted", id="open-relay", reason="a honeypot", until="2030-12-31"),
    ]
    suite = ElementTree.fromstring(junit(result(*found))).find("testsuite")
    assert suite is not None
    assert suite.attrib["tests"] == str(len(RULES) + 1)
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("2", "1")
    cases = {case.attrib["name"]: case for case in suite}
    assert [child.tag for child in cases["mx-missing example.net"]] == ["failure"]
    assert [child.tag for child in cases["ns-lame example.org"]] == ["skipped"]
    assert "a honeypot" in str(cases["open-relay example.org"].findtext("system-out"))
    assert "Write it." in str(cases["ehlo-name example.org"].findtext("system-out"))
    assert list(cases["mx-differs"]) == []


@pytest.mark.parametrize(("fail_on", "failures"), [("error", "1"), ("warning", "2"), ("never", "0")])
def test_junit_fails_as_the_task_does(fail_on: str, failures: str) -> None:
    found = [finding(), finding("warning", id="ehlo-name"), finding("notice", id="ttl-mismatch")]
    suite = ElementTree.fromstring(junit(result(*found), fail_on)).find("testsuite")
    assert suite is not None
    assert suite.attrib["failures"] == failures


def test_nothing_that_a_server_says_becomes_markup() -> None:
    hostile = finding(subject=HOSTILE, message=HOSTILE, remedy=HOSTILE)
    accepted = finding(status="accepted", reason=HOSTILE, until=None)
    found = result(hostile, accepted, text=HOSTILE)
    (case,) = [one for one in ElementTree.fromstring(junit(found)).iter("testcase") if one.find("failure") is not None]
    assert "<script>" in case.attrib["name"]  # as text
    document = page(found, {"smtp": [{"host": HOSTILE, "addresses": ["203.0.113.17"]}]}, title=HOSTILE)
    parser = Balanced()
    parser.feed(document)
    assert parser.open == []
    assert "script" not in parser.seen
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", document)


def test_page_is_complete_and_alone() -> None:
    document = page(result(finding(), finding("notice"), finding(status="unknown")), EXPECTATIONS)
    # Nothing comes from elsewhere, and nothing runs.
    assert not re.search(r"https?:|src=|href=(?!.#finding)|url\(|@import|<script", document)
    for word in ("No MX record.", "Write it.", "mx-missing", "RFC 5321", "error 1", "notice 1", "unknown 1", "all 3"):
        assert word in document
    for kind in ("error", "notice", "unknown"):
        assert f"#only-{kind}:checked ~ main article:not(.{kind})" in document
    ElementTree.fromstring(document[document.index("<svg") : document.index("</svg>") + 6])


def told(observation: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {
        way.address: (way.host, way.verdict, way.words)
        for way in tried_connections(observation, complete(EXPECTATIONS))
    }


def test_ways_are_told_apart_in_words() -> None:
    assert told({**result()["observation"], "zones": []}) == {
        "203.0.113.17": ("relay", "good", "open"),
        "2001:db8::17": ("relay", "unknown", "could not be tried"),
        "203.0.113.18": ("other", "bad", "closed (refused), and must be open"),
        "203.0.113.19": ("mail ESMTP", "good", "open"),
    }
    words = told({**result()["observation"], "vantage": "sender"})
    assert words["192.168.0.10"] == ("mail", "good", "closed (no answer)")
    assert words["192.168.0.11"] == ("leaky", "bad", "open, and must be closed")


def test_name_server_is_shown_once_as_its_worst_zone_has_it() -> None:
    good = {"name": "ns1", "address": "192.0.2.53", "status": "answered", "rcode": "NOERROR", "authoritative": True}
    refused = {**good, "rcode": "REFUSED", "authoritative": False}
    zones = [{"name": "a", "servers": [good]}, {"name": "b", "servers": [refused]}, {"name": "c", "servers": [good]}]
    assert told({**result()["observation"], "zones": zones})["192.0.2.53"] == ("ns1", "bad", "REFUSED")
    assert told({**result()["observation"], "zones": zones[:1]})["192.0.2.53"] == ("ns1", "good", "answers")


@pytest.mark.parametrize(
    ("place", "ends"),
    [
        ("203.0.113.17", ["203.0.113.17"]),
        ("2001:db8::17", ["2001:db8::17"]),
        ("relay", ["203.0.113.17", "2001:db8::17"]),
        ("mail.example.org", ["203.0.113.17", "2001:db8::17"]),
        ("insider", ["198.51.100.1"]),
        ("example.org", []),
        ("", []),
    ],
)
def test_findings_are_marked_where_they_were_found(place: str, ends: list[str]) -> None:
    expectations = {
        "smtp": [{**EXPECTATIONS["smtp"][0], "fqdn": "mail.example.org"}],
        "egress": [{"source": "insider", "open": False}],
    }
    observation = result()["observation"]
    observation["connections"].append({**connection("198.51.100.1", "open"), "source": "insider"})
    found = [finding(places=[place])]
    assert [
        way.address for way in tried_connections(observation, complete(expectations)) if found_at(way, found)
    ] == ends


def test_page_names_the_domains_and_the_way_of_messages() -> None:
    records = [{"name": "example.org", "type": "MX", "values": []}, {"name": "mail.example.org", "type": "A"}]
    assert "<h1>Mail for example.org</h1>" in page(result(), {"records": records})
    found = result()
    (hop,) = found["observation"]["traces"][0]["hops"]
    hop |= {"by": "mx", "address": "192.0.2.1", "at": 3.0}
    assert "mx saw 192.0.2.1 after 3 s" in page(found, {})
