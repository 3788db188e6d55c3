# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS service that nobody writes to from here: what to enter there, and whether the world already answers so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from controller import Controller, Outcome, mx, record
from named import Named

RECORDS = [mx("10 mail.example.org"), record("mail.example.org", "A", "203.0.113.17", ttl=300)]
GONE = record("old.example.org", "A", state="absent")


@pytest.fixture
def servers(new_server: Callable[[], Named]) -> list[Named]:
    """Two name servers of the zone, the first of which also knows where they are."""
    first, second = new_server(), new_server()
    for server in (first, second):
        server.zone("example.org", f"@ NS ns2\nns2 A {second.address}\n@ MX 10 old\nold A 203.0.113.9")
        server.start()
    return [first, second]


@pytest.fixture
def manual(servers: list[Named], controller: Controller) -> Callable[..., Outcome]:
    """The task, on a controller whose resolver is the first of the servers."""
    resolver = servers[0].folder / "resolv.conf"
    resolver.write_text(f"nameserver {servers[0].address}\n")

    def run(*records: dict[str, Any], etc: dict[str, Path] | None = None) -> Outcome:
        arguments = {"provider": "manual", "records": [*records], "timeout": 2}
        return controller.run("dns_records", arguments, etc={"resolv.conf": resolver} if etc is None else etc)

    return run


def test_it_says_what_to_enter(manual: Callable[..., Outcome]) -> None:
    said = manual(*RECORDS, GONE)
    assert not said.changed
    assert said.manual["zone_files"] == {
        "example.org": "example.org. 3600 IN MX 10 mail.example.org.\nmail.example.org. 300 IN A 203.0.113.17\n"
    }
    common = {"zone": "example.org", "state": "present"}
    assert said.manual["table"] == [
        {**common, "name": "example.org", "type": "MX", "value": "10 mail.example.org.", "ttl": 3600},
        {**common, "name": "mail.example.org", "type": "A", "value": "203.0.113.17", "ttl": 300},
        {**common, "name": "old.example.org", "type": "A", "value": "", "ttl": None, "state": "absent"},
    ]


def test_how_the_service_is_written_to_can_be_said_once(controller: Controller) -> None:
    """For all modules of the group; else rfc2136, the default, would find nobody to write to."""
    told = {"group/inbound.mail.dns": {"provider": "manual", "timeout": 1}}
    domain = {"domain": "example.org", "exchangers": [{"host": "mail.example.org"}]}
    tasks = [{"inbound.mail.mx": domain}, {"inbound.mail.dns_records": {"records": RECORDS}}]
    results = controller.results([{**task, "module_defaults": told} for task in tasks])
    assert [list(one["manual"]["zone_files"]) for one in results] == [["example.org"], ["example.org"]]


def test_it_says_whether_it_was_done(manual: Callable[..., Outcome], servers: list[Named]) -> None:
    before = manual(*RECORDS)
    assert before.manual["done"] is False
    assert {(row["name"], row["server"]) for row in before.manual["waiting"]} == {
        (name, server)
        for name in ("example.org", "mail.example.org")
        for server in ("ns1.example.org", "ns2.example.org")
    }
    assert before.manual["waiting"][0]["answer"] == {"ttl": 300, "values": ["10 old.example.org."]}
    lines = ["update add mail.example.org 300 A 203.0.113.17", "update delete example.org MX"]
    lines.append("update add example.org 3600 MX 10 mail.example.org")
    servers[0].nsupdate("example.org", *lines)
    half = manual(*RECORDS)
    assert {row["server"] for row in half.manual["waiting"]} == {"ns2.example.org"}
    servers[1].nsupdate("example.org", *lines)
    done = manual(*RECORDS)
    assert (done.manual["done"], done.manual["waiting"], done.manual["unknown"]) == (True, [], [])


def test_what_cannot_be_asked_is_unknown(manual: Callable[..., Outcome], servers: list[Named], tmp_path: Path) -> None:
    servers[1].stop()
    said = manual(record("ns1.example.org", "A", servers[0].address, ttl=300))
    assert said.manual["done"] is None
    assert [row["zone"] for row in said.manual["unknown"]] == ["example.org"]
    assert servers[1].address in said.manual["unknown"][0]["message"]
    nobody = tmp_path / "resolv.conf"
    nobody.write_text(f"nameserver {servers[1].address}\n")
    said = manual(*RECORDS, etc={"resolv.conf": nobody})
    assert said.manual["done"] is None
    assert not said.failed
    assert "knows no name servers of the zone" in said.manual["unknown"][0]["message"]
