# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad network, and servers that die or lie: what the result says of each change is what dig shows afterwards."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dns.name
import pytest
from controller import Controller, access, mx, record
from named import Named
from runner import Runner
from zone_contents import Contents, canonical, contents, records

# What a network does to messages is the same for every server.
one_release = pytest.mark.parametrize("release", ["trixie"], indirect=True)
OPEN = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };'


def wanted(zone: str, many: bool) -> list[dict[str, Any]]:
    """As an update it fits in a datagram, or with `many` it does not."""
    entries = [
        mx(f"10 mail.{zone}", zone=zone, ttl=300),
        record(f"mail.{zone}", "A", "203.0.113.17", zone=zone, ttl=300),
        record(zone, "TXT", "v=spf1 mx -all", zone=zone, ttl=300),
    ]
    texts = [record(f"k{number}._domainkey.{zone}", "TXT", "x" * 200, zone=zone, ttl=300) for number in range(3)]
    return entries + (texts if many else [])


def rrsets(entries: list[dict[str, Any]]) -> Contents:
    found: Contents = {}
    for entry in entries:
        texts = [f'"{value}"' if entry["type"] == "TXT" else value for value in entry["values"]]
        key = (dns.name.from_text(entry["name"]), entry["type"])
        found[key] = (entry["ttl"], frozenset(canonical(entry["type"], text) for text in texts))
    return found


def statuses(result: dict[str, Any]) -> dict[tuple[dns.name.Name, str], str]:
    return {(dns.name.from_text(change["name"]), change["type"]): change["status"] for change in result["changes"]}


def test_a_server_that_is_killed_among_a_thousand_zones(
    new_server: Callable[[], Named], controller: Controller, new_runner: Callable[[], Runner]
) -> None:
    """With both releases: what was acknowledged has to be in the server's journal."""
    server = new_server()
    zones = {f"d{number:03}.example": wanted(f"d{number:03}.example", many=number % 2 == 0) for number in range(1000)}
    for zone in zones:
        server.zone(zone, policy=OPEN)
    server.start()
    # A named that dies while it makes a journal cannot read its own zone again: so every zone has one already.
    runner = new_runner()
    runner.run(access(server), [record(f"seed.{zone}", "TXT", "seed", zone=zone) for zone in zones])
    seeded = server.log.count("updating zone")
    before = [records(zone) for zone in contents(server, *zones)]
    entries = [entry for of_the_zone in zones.values() for entry in of_the_zone]

    with ThreadPoolExecutor() as pool:
        running = pool.submit(controller.records, server, entries, timeout=3)
        while server.log.count("updating zone") < seeded + 1500:  # a line for each record
            assert not running.done(), running.result().output[:5000]
            time.sleep(0.005)
        server.stop(signal.SIGKILL)
        # Were it back at once, repeated questions might not even notice.
        outcome = running.result()
    server.start()

    assert outcome.failed
    assert outcome.changed
    said = statuses(outcome.result)
    failed = {error["zone"] for error in outcome.errors}
    after = [records(zone) for zone in contents(server, *zones)]
    written = 0
    for (zone, of_the_zone), was, is_now in zip(zones.items(), before, after, strict=True):
        declared = rrsets(of_the_zone)
        assert is_now in (was, {**was, **declared}), "whole or not at all"
        seen = {said.get(key, "not_applied") for key in declared}
        if is_now == was:
            assert seen <= {"not_applied", "unknown"}, zone
            assert zone in failed
        else:
            written += 1
            assert seen <= {"applied", "unknown"}, zone
        assert (seen == {"applied"}) == (zone not in failed)
    assert 100 < written < 1000

    again = runner.run(access(server), entries)
    assert not again.get("failed"), again["msg"]
    assert {change["zone"] for change in again["changes"]} == {
        zone for zone, was, is_now in zip(zones, before, after, strict=True) if was == is_now
    }
    assert [records(zone) for zone in contents(server, *zones)] == [
        {**was, **rrsets(of_the_zone)} for was, of_the_zone in zip(before, zones.values(), strict=True)
    ]
    assert runner.run(access(server), entries)["changes"] == []


@one_release
def test_a_bad_network(
    new_server: Callable[[], Named], new_runner: Callable[[], Runner], trouble: Callable[..., str]
) -> None:
    """Messages and answers that are lost, late, sent twice or truncated, connections that are cut: all is done, and
    each change is said to be made once."""
    server, runner = new_server(), new_runner()
    zones = {f"d{number}.example": wanted(f"d{number}.example", many=number % 2 == 0) for number in range(40)}
    for zone in zones:
        server.zone(zone, policy=OPEN)
    server.start()
    before = [records(zone) for zone in contents(server, *zones)]
    entries = [entry for of_the_zone in zones.values() for entry in of_the_zone]
    for protocol in ("udp", "tcp"):
        front = trouble(server, "weather", given=f"{server.key.name} {server.key.secret}")
        options = {**access(server), "server": front, "protocol": protocol, "concurrency": 40}
        done = runner.run(options, entries)
        assert not done.get("failed"), done["msg"]
        assert statuses(done) == dict.fromkeys(rrsets(entries), "applied")
        after = contents(server, *zones)
        for (zone, of_the_zone), was, is_now in zip(zones.items(), before, after, strict=True):
            assert records(is_now) == {**was, **rrsets(of_the_zone)}, zone
        assert runner.run(options, entries)["changes"] == []
        assert contents(server, *zones) == after, "not even the serials"
        absent = [{**entry, "values": [], "state": "absent", "ttl": None} for entry in entries]
        assert runner.run(access(server), absent)["changed"]


@one_release
def test_connections_that_end_again_and_again(
    new_server: Callable[[], Named], new_runner: Callable[[], Runner], trouble: Callable[..., str]
) -> None:
    """No update gets through, and nothing waits for ever on a connection that is no more."""
    server = new_server()
    zones = {f"d{number}.example": wanted(f"d{number}.example", many=True) for number in range(50)}
    for zone in zones:
        server.zone(zone, policy=OPEN)
    server.start()
    before = contents(server, *zones)
    entries = [entry for of_the_zone in zones.values() for entry in of_the_zone]
    done = new_runner().run({**access(server), "server": trouble(server, "cut"), "timeout": 3}, entries)
    assert {error["zone"] for error in done["errors"]} == set(zones)
    assert "ended the connection before it answered" in done["msg"]
    assert not done["changed"]
    assert {change["status"] for change in done["changes"]} <= {"unknown", "not_applied"}
    assert contents(server, *zones) == before


@one_release
def test_an_answer_lost_once(server: Named, new_runner: Callable[[], Runner], trouble: Callable[..., str]) -> None:
    """The repetition meets what the update itself has written, and is refused: it was made all the same."""
    done = new_runner().run({**access(server), "server": trouble(server, "deny", 1)}, [mx("10 mail.example.net")])
    assert not done.get("failed"), done["msg"]
    assert [change["status"] for change in done["changes"]] == ["applied"]
    assert "warnings" not in done
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]


@one_release
def test_yes_to_a_part(server: Named, new_runner: Callable[[], Runner], trouble: Callable[..., str]) -> None:
    """As PowerDNS does where a policy denies one record of an update."""
    front = trouble(server, "part", given=f"{server.key.name} {server.key.secret}")
    entries = [mx("10 mail.example.net"), record("example.org", "TXT", "v=spf1 mx -all")]
    options = {**access(server), "server": front}
    done = new_runner().run(options, entries)
    assert done["failed"]
    assert done["changed"], done["msg"]
    assert "said yes (NOERROR) to the update, but does not answer it: TXT example.org." in done["msg"]
    assert {change["type"]: change["status"] for change in done["changes"]} == {"MX": "applied", "TXT": "not_applied"}
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
    assert server.dig("example.org", "TXT") == ['"google-site-verification=abc"']


@one_release
def test_answers_that_stay_truncated(
    server: Named, new_runner: Callable[[], Runner], trouble: Callable[..., str]
) -> None:
    """A part of an RRset is never taken for all of it."""
    runner, key = new_runner(), f"{server.key.name} {server.key.secret}"
    for kind, text in (
        ("truncate", "sends only a part of a long answer, over TCP too"),
        ("datagrams", "over TCP, which what is too long for UDP needs: connection refused"),
    ):
        done = runner.run({**access(server), "server": trouble(server, kind, given=key)}, [mx("10 mail.example.net")])
        assert done["failed"]
        assert text in done["msg"]
        assert done["changes"] == []
    assert server.dig("example.org", "MX") == ["10 old.example.org."]


@one_release
def test_forged_answers_without_a_key(
    new_server: Callable[[], Named], new_runner: Callable[[], Runner], trouble: Callable[..., str]
) -> None:
    """Another identifier, question or sender: somebody who cannot read the questions cannot answer them."""
    server = new_server()
    server.zone("example.org", "@ MX 10 old\nold A 203.0.113.9", "allow-update { any; };")
    server.start()
    done = new_runner().run({"server": trouble(server, "mislead")}, [mx("10 mail.example.net")])
    assert not done.get("failed"), done["msg"]
    assert done["changes"][0]["before"]["values"] == ["10 old.example.org."]
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
