# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two who write the same zone at the same moment: one of the two states is there afterwards, never a mixture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.name
from controller import Controller, Outcome, access
from name_server import Network
from named import Named
from runner import Runner
from zone_contents import Contents, canonical, contents, records

# With both releases: how an update and its prerequisites are handled is the server's part.
ROUNDS = 100
OPEN = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };'
TTL = 300
# What nobody declares.
OTHERS = ["www A 203.0.113.80", "@ TXT other", "old A 203.0.113.9"]
BEFORE = {
    ("@", "MX"): ["10 old.{zone}."],
    ("@", "TXT"): ["v=spf1 a -all"],
    ("mail", "A"): ["203.0.113.1"],
    ("mail", "AAAA"): [],
    ("autoconfig", "CNAME"): [],
    ("autoconfig", "A"): [],
}
State = dict[tuple[str, str], list[str]]


def first(number: int) -> State:
    return {
        ("@", "MX"): [f"10 first{number}.example.net.", "20 mail.{zone}."],
        ("@", "TXT"): [f"v=spf1 ip4:192.0.2.{number} -all"],
        ("mail", "A"): [f"192.0.2.{number}"],
        ("mail", "AAAA"): [f"2001:db8::{number}"],
        ("autoconfig", "CNAME"): ["first.example.net."],
        ("autoconfig", "A"): [],
    }


def second(number: int) -> State:
    return {
        ("@", "MX"): [f"10 second{number}.example.net."],
        ("@", "TXT"): [f"v=spf1 ip4:198.51.100.{number} -all"],
        ("mail", "A"): [f"198.51.100.{number}", f"203.0.113.{number}"],
        ("mail", "AAAA"): [],
        ("autoconfig", "CNAME"): [],
        ("autoconfig", "A"): [f"198.51.100.{number}"],
    }


@dataclass
class Round:
    """wanted: the state of each writer."""

    zone: str
    wanted: tuple[State, State]

    def entries(self, writer: int) -> list[dict[str, Any]]:
        return [
            {
                "zone": self.zone,
                "name": self.zone if name == "@" else f"{name}.{self.zone}",
                "type": rdtype,
                "values": [value.format(zone=self.zone) for value in values],
                "state": "present" if values else "absent",
                "ttl": TTL if values else None,
            }
            for (name, rdtype), values in self.wanted[writer].items()
        ]

    def contents(self, server: Named, writer: int) -> Contents:
        """The zone, if this writer's state is there."""
        return self._contents(server, {**BEFORE, **self.wanted[writer]})

    def _contents(self, server: Named, state: State) -> Contents:
        lines = ["@ NS ns1", f"ns1 A {server.address}", *OTHERS]
        rrsets: list[tuple[str, ...]] = [tuple(line.split(None, 2)) for line in lines]
        rrsets += [(*key, value) for key, values in state.items() for value in values]
        found: dict[tuple[dns.name.Name, str], set[bytes]] = {}
        origin = dns.name.from_text(self.zone)
        for name, rdtype, text in rrsets:
            value = f'"{text}"' if rdtype == "TXT" else text.format(zone=self.zone)
            value = f"{value}.{self.zone}." if value == "ns1" else value
            found.setdefault((dns.name.from_text(name, origin), rdtype), set()).add(canonical(rdtype, value))
        return {key: (TTL, frozenset(values)) for key, values in found.items()}


def rounds() -> list[Round]:
    """By turns: both change all there is; each only what the other leaves as it is; both the same name, each to another
    type; each something else, and one RRset both."""

    def only(state: State, *keys: tuple[str, str]) -> State:
        return {key: state[key] if key in keys else BEFORE[key] for key in BEFORE}

    made = []
    for number in range(ROUNDS):
        one, other = first(number), second(number)
        apex, mail, alias, address = ("@", "MX"), ("mail", "A"), ("autoconfig", "CNAME"), ("autoconfig", "A")
        wanted = [
            (one, other),
            (only(one, apex, ("@", "TXT")), only(other, mail, address)),
            ({key: one[key] for key in (apex, alias)}, {key: other[key] for key in (("@", "TXT"), address)}),
            (only(one, apex, mail), only(other, mail, ("@", "TXT"))),
        ][number // 2 % 4]
        made.append(Round(f"d{number}.example", wanted))
    return made


def begin_zones(server: Named, made: list[Round]) -> None:
    for one in made:
        lines = [
            f"{name} {rdtype} {value.format(zone=one.zone)}" if rdtype != "TXT" else f'{name} TXT "{value}"'
            for (name, rdtype), values in BEFORE.items()
            for value in values
        ]
        server.zone(one.zone, "\n".join([*OTHERS, *lines]), OPEN)
    server.start()


def told(result: dict[str, Any]) -> bool:
    """Whether it says what somebody else wrote."""
    texts = [result.get("msg", ""), *result.get("warnings", [])]
    words = ("another client changed", "another client changed them back", "is an alias")
    return any(word in text for text in texts for word in words)


def check(server: Named, one: Round, after: Contents, results: list[dict[str, Any]]) -> None:
    states = [one.contents(server, writer) for writer in (0, 1)]
    assert after in states, f"a mixture: {results}"
    winner = states.index(after)
    assert not results[winner].get("failed"), results[winner]
    loser = results[1 - winner]
    if loser.get("failed"):
        assert told(loser), loser
        return
    # It was there before: the other saw its state and changed it.
    for change in results[winner]["changes"]:
        key = (dns.name.from_text(change["name"]), change["type"])
        before = change["before"]
        seen = (before["ttl"], {canonical(key[1], text) for text in before["values"]}) if before else None
        assert seen == states[1 - winner].get(key), (change, loser)


def test_two_writers_at_once(
    new_server: Callable[[], Named], new_runner: Callable[[], Runner], trouble: Callable[..., str]
) -> None:
    """Every second round both have read before either writes; the others are a race."""
    server, made = new_server(), rounds()
    begin_zones(server, made)
    together = trouble(server, "together", 2)
    writers = [new_runner(), new_runner()]
    results = []
    for number, one in enumerate(made):
        options = {**access(server), "server": together if number % 2 else server.address}
        for number_of, writer in enumerate(writers):
            writer.begin(options, one.entries(number_of))
        results.append([writer.end() for writer in writers])
    afterwards = contents(server, *(one.zone for one in made))
    for one, after, both in zip(made, afterwards, results, strict=True):
        check(server, one, records(after), both)
    assert all(any(map(told, both)) for both in results[1::2]), "somebody was told, whenever they met"


def test_two_playbooks_at_once(
    new_server: Callable[[], Named], network: Network, trouble: Callable[..., str], tmp_path: Path
) -> None:
    server, made = new_server(), rounds()[:8:2]
    begin_zones(server, made)
    together = trouble(server, "together", 2)

    def play(writer: int) -> Outcome:
        folder = tmp_path / str(writer)
        folder.mkdir()
        entries = [entry for one in made for entry in one.entries(writer)]
        # However much later the other one starts: neither loses its patience.
        task = {**access(server), "server": together, "records": entries, "timeout": 120}
        return Controller(network, folder).run("dns_records", task)

    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(play, (0, 1)))
    for one, after in zip(made, contents(server, *(one.zone for one in made)), strict=True):
        check(server, one, records(after), [of_the_zone(outcome.result, one.zone) for outcome in outcomes])
        # A warning is in the output alone, with line breaks of its own.
        said = " ".join(" ".join(outcome.output.split()) for outcome in outcomes)
        assert f"zone {one.zone}: between reading and writing another client changed" in said


def of_the_zone(result: dict[str, Any], zone: str) -> dict[str, Any]:
    """What a result for several zones says about one."""
    messages = [error["message"] for error in result.get("errors", []) if error["zone"] == zone]
    return {
        "failed": bool(messages),
        "msg": " ".join(messages),
        "changes": [change for change in result["changes"] if change["zone"] == zone],
    }
