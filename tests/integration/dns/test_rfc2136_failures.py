# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with servers: each has its own plain message, and nothing is left half done."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from controller import Controller, access, mx, record
from name_server import Key
from named import Named

# What is tested is the client, or the network: one release is enough.
one_release = pytest.mark.parametrize("release", ["trixie"], indirect=True)
MX = [mx("10 mail.example.net")]
OLD = ["10 old.example.org."]


def test_a_zone_that_the_server_does_not_serve(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, [mx("10 mail.example.net", zone="example.com"), *MX])
    assert outcome.failed
    assert outcome.returncode == 2
    assert f"zone example.com: {server.address} port 53 refuses to answer (REFUSED)" in outcome.msg
    assert "does not have the zone" in outcome.msg
    # The other zone is done all the same.
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
    assert [(change["zone"], change["status"]) for change in outcome.changes] == [("example.org", "applied")]


def test_a_zone_that_is_part_of_another_one(server: Named, controller: Controller) -> None:
    for words in ((), ("--check",)):
        outcome = controller.records(server, [mx("10 mail.example.net", zone="sub.example.org")], *words)
        assert outcome.failed
        assert "There sub.example.org is in the zone example.org: name that zone" in outcome.msg


def test_a_delegated_part(server: Named, controller: Controller) -> None:
    server.nsupdate("example.org", "update add sub.example.org 300 NS ns.example.net.")
    outcome = controller.records(server, [record("mail.sub.example.org", "A", "203.0.113.17")])
    assert "is not authoritative (NOTAUTH) for mail.sub.example.org" in outcome.msg
    again = controller.records(server, [record("sub.example.org", "NS", "ns.example.net", ttl=300)])
    assert not again.failed, again.output
    assert not again.changed, "the delegation itself stands in this zone"


def test_a_secondary(new_server: Callable[[], Named], server: Named, controller: Controller) -> None:
    secondary = new_server()
    secondary.keys = server.keys
    server.stop()
    server.zone(
        "example.org", "@ MX 10 old", 'allow-transfer { any; }; update-policy { grant "inbound-mail" zonesub ANY; };'
    )
    server.start()
    secondary.statement(f'zone "example.org" {{ type secondary; primaries {{ {server.address}; }}; }};')
    secondary.start()
    secondary.await_log("Transfer completed")
    outcome = controller.records(secondary, MX)
    assert outcome.failed
    assert f"zone example.org: {secondary.address} port 53" in outcome.msg
    assert "REFUSED" in outcome.msg
    assert server.dig("example.org", "MX") == OLD


def test_a_key_that_the_server_does_not_know(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, MX, key_name="other")
    assert outcome.failed
    assert f"{server.address} port 53 does not know the key other (BADKEY)" in outcome.msg
    assert "key_name" in outcome.msg
    assert server.dig("example.org", "MX") == OLD


def test_a_key_of_another_algorithm(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, MX, key_algorithm="hmac-sha512")
    assert "(BADKEY)" in outcome.msg
    assert "key_algorithm" in outcome.msg


def test_a_secret_that_is_not_the_keys(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, MX, key_secret=Key("other").secret)
    assert outcome.failed
    assert "does not accept the signature made with the key inbound-mail (BADSIG)" in outcome.msg
    assert "check key_secret" in outcome.msg


def test_a_key_without_the_right_to_write(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.zone("example.org", "@ MX 10 old", 'update-policy { grant "inbound-mail" name mail.example.org. A; };')
    server.start()
    outcome = controller.records(server, [*MX, record("mail.example.org", "A", "203.0.113.17")])
    assert outcome.failed
    assert not outcome.changed
    assert (
        "refuses the update (REFUSED): the key inbound-mail may not change MX example.org and 1 more RRsets"
        in outcome.msg
    )
    assert {change["status"] for change in outcome.changes} == {"not_applied"}
    assert server.dig("example.org", "MX") == OLD
    assert server.dig("mail.example.org", "A") == [], "one zone, one update: all of it or nothing"


def test_an_exchange_without_an_address(server: Named, controller: Controller) -> None:
    """BIND refuses it, with the same answer as for a missing right."""
    outcome = controller.records(server, [mx("10 mail.example.org")])
    assert outcome.failed
    assert "is there one for mail.example.org?" in outcome.msg


def test_absent_at_a_server_that_refuses(new_server: Callable[[], Named], controller: Controller) -> None:
    """nsupdate says changed=false, failed=false, and the record stays."""
    server = new_server()
    server.zone("example.org", "@ MX 10 old", "allow-update { none; };")
    server.start()
    outcome = controller.records(server, [mx(state="absent")])
    assert outcome.failed
    assert "refuses the update (REFUSED)" in outcome.msg


def test_an_alias_at_the_name(server: Named, controller: Controller) -> None:
    """nsupdate says changed=true on every run, and nothing is written."""
    server.nsupdate("example.org", "update add shop.example.org 300 CNAME www.example.org.")
    for words in (("--check",), ()):
        outcome = controller.records(server, [*MX, record("shop.example.org", "MX", "10 mail.example.net")], *words)
        assert outcome.failed
        assert not outcome.changed
        assert "shop.example.org is an alias (CNAME www.example.org.) and cannot have MX records as well" in outcome.msg
    assert server.dig("example.org", "MX") == OLD, "nothing was written in this zone"


def test_an_alias_where_other_records_stand(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, [record("www.example.org", "CNAME", "mail.example.net")], "--check")
    assert outcome.failed
    assert "www.example.org is an alias (CNAME mail.example.net.) and cannot have A records as well" in outcome.msg


@one_release
def test_nothing_listens(server: Named, controller: Controller) -> None:
    for protocol in ("udp", "tcp"):
        outcome = controller.records(server, MX, port=54, protocol=protocol)
        assert outcome.failed
        assert f"{server.address} port 54 cannot be reached ({protocol.upper()}): connection refused" in outcome.msg


@one_release
def test_a_server_name_without_address(server: Named, controller: Controller) -> None:
    outcome = controller.run("dns_records", {**access(server), "server": "ns1.nowhere.invalid", "records": MX})
    assert "the server ns1.nowhere.invalid cannot be reached: its name has no address" in outcome.msg


@one_release
def test_values_that_are_none(server: Named, controller: Controller) -> None:
    """What a template with an empty variable in it gives, and a number without end."""
    outcome = controller.run("dns_records", {**access(server), "server": "ns1..example.org", "records": MX})
    assert "the server ns1..example.org cannot be reached: it is no name" in outcome.msg
    outcome = controller.run("dns_records", {**access(server), "port": float("inf"), "records": MX})
    assert outcome.msg.startswith("port: write a whole number")


@one_release
def test_a_server_that_never_answers(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    """A hundred zones do not wait one after the other: that would take 600 s, and the run is ended after 300."""
    silent = trouble(server, "silence")
    zones = [mx("10 mail.example.net", zone=f"d{number}.example") for number in range(100)]
    for protocol in ("udp", "tcp"):
        outcome = controller.records(server, zones, server=silent, protocol=protocol, timeout=6, concurrency=1)
        assert outcome.failed
        assert len(outcome.errors) == 100
        assert f"zone d0.example: {silent} port 53 did not answer within 6 s ({protocol.upper()})" in outcome.msg
        assert "no firewall drops DNS" in outcome.msg
        assert "0 of 100 zones done" in outcome.output, "and it says how far it is"


@one_release
def test_yes_without_effect(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    """As PowerDNS does where a policy denies."""
    front = trouble(server, "ignore", given=f"{server.key.name} {server.key.secret}")
    outcome = controller.records(server, MX, server=front)
    assert outcome.failed
    assert not outcome.changed
    assert "said yes (NOERROR) to the update, but does not answer it: MX example.org" in outcome.msg
    assert [change["status"] for change in outcome.changes] == ["not_applied"]


def race(server: Named, *lines: str) -> str:
    """A shell command that changes records as another administrator would."""
    server.write_key_file()
    script = "\n".join([f"server {server.address}", "zone example.org", *lines, "send", ""])
    nsupdate = shlex.join(server.inside("/usr/bin/nsupdate", "-k", "/srv/key"))
    return f'printf %s "{script}" | {nsupdate}'


def test_somebody_else_changes_the_zone_in_between(
    server: Named, controller: Controller, trouble: Callable[..., str]
) -> None:
    """What they wrote is not lost, and the zone is read and written once more."""
    front = trouble(server, "race", 1, given=race(server, "update add example.org 300 TXT in-between"))
    outcome = controller.records(server, [record("example.org", "TXT", "v=spf1 mx -all")], server=front)
    assert not outcome.failed, outcome.output
    assert outcome.changed
    assert outcome.stats["messages"] == 2
    assert server.dig("example.org", "TXT") == ['"google-site-verification=abc"', '"in-between"', '"v=spf1 mx -all"']
    assert '"in-between"' in outcome.changes[0]["before"]["values"]


def test_somebody_else_keeps_changing_the_zone(
    server: Named, controller: Controller, trouble: Callable[..., str]
) -> None:
    # Another preference each time: the process id of the shell.
    addition = "update add example.org 300 MX $(($$ % 60000)) other.example.net."
    front = trouble(server, "race", given=race(server, "update delete example.org MX", addition))
    outcome = controller.records(server, MX, server=front)
    assert outcome.failed
    assert "another client changed MX example.org" in outcome.msg
    assert "Run it again" in outcome.msg
    assert [change["status"] for change in outcome.changes] == ["not_applied"]
    assert "other.example.net." in server.dig("example.org", "MX")[0]


@one_release
def test_an_update_whose_answer_is_lost(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    """It was made, and the repetition meets its own prerequisites: no conflict."""
    for protocol in ("udp", "tcp"):
        front = trouble(server, "deny")
        values = [f"10 {protocol}.example.net"]
        outcome = controller.records(server, [mx(*values)], server=front, protocol=protocol, timeout=2)
        assert not outcome.failed, outcome.output
        assert [change["status"] for change in outcome.changes] == ["applied"]
        assert server.dig("example.org", "MX") == [f"10 {protocol}.example.net."]


@one_release
def test_forged_answers_are_ignored(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    """Wrong identifier, other question, no signature, another sender, cut off, names that point to themselves."""
    front = trouble(server, "forge")
    wanted = [*MX, record("mail.example.org", "A", "203.0.113.17")]
    outcome = controller.records(server, wanted, server=front)
    assert not outcome.failed, outcome.output
    assert outcome.changes[0]["before"]["values"] == ["10 old.example.org."]
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
    assert not controller.records(server, wanted, server=front).changed


@one_release
def test_nothing_but_unsigned_answers(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    unsigned = replace(server.key, name="")
    assert unsigned.secret == server.key.secret
    front = trouble(server, "unsigned")
    outcome = controller.records(server, MX, server=front, timeout=2)
    assert outcome.failed
    assert "did not answer within 2 s (UDP); an answer that came is not signed with the key" in outcome.msg


@one_release
def test_no_secret_in_any_output(server: Named, controller: Controller, trouble: Callable[..., str]) -> None:
    wrong = Key("other").secret
    front = trouble(server, "silence")
    cases = [
        {},
        {"key_secret": wrong},
        {"key_name": "other"},
        {"key_algorithm": server.key.secret},
        {"server": front, "timeout": 1},
        {"records": [mx("10 mail.example.net", zone="example.com")]},
        {"records": [mx("nonsense")]},
        {"records": [{"zone": 1}]},
        {"no_such_option": server.key.secret},
        {"key_secret": f"{server.key.secret}!"},
        {"key_secret": "c2hvcnQ="},
        {"key_secret": {"key": server.key.secret}},
        {"provider": "manual"},
    ]
    tasks = [
        {"inbound.mail.dns_records": {**access(server), "records": MX, **case}, "ignore_errors": True} for case in cases
    ]
    done = controller.play(tasks, "-vvv", "--diff")
    output = done.stdout + done.stderr
    assert output.count("localhost | ") == len(cases)
    for secret in (server.key.secret, wrong, "c2hvcnQ="):
        assert secret not in output


@one_release
def test_a_short_secret_is_refused(server: Named, controller: Controller) -> None:
    outcome = controller.records(server, MX, key_secret="c2hvcnQ=")
    assert "key_secret has 5 bytes, fewer than 16" in outcome.msg
    assert server.log.count("query") == 0


@one_release
def test_all_problems_at_once(server: Named, controller: Controller) -> None:
    outcome = controller.records(
        server,
        [
            mx("mail.example.net"),
            mx("10 192.0.2.1"),
            mx("10 @"),
            mx("0 .", "10 mail.example.net"),
            record("mail.example.net", "A", "203.0.113.17"),
            record("mail.example.org", "A", "203.0.113.300"),
            record("mail.example.org", "SOA", "a b 1 2 3 4 5"),
            record("mail.example.org", "BANANA", "1"),
            record("mail.example.org", "A"),
            {"zone": "example.org", "name": "x.example.org", "valeus": ["1"]},
        ],
    )
    assert outcome.failed
    for text in ("records[9]: ", "missing required arguments: type", "records[9]: valeus. Supported"):
        assert text in outcome.msg, "what is no record at all is said first"
    outcome = controller.records(
        server,
        [
            mx("mail.example.net"),
            mx("10 192.0.2.1"),
            mx("10 @"),
            mx("0 .", "10 mail.example.net"),
            record("mail.example.net", "A", "203.0.113.17"),
            record("mail.example.org", "A", "203.0.113.300"),
            record("mail.example.org", "SOA", "a b 1 2 3 4 5"),
            record("mail.example.org", "BANANA", "1"),
            record("mail.example.org", "A"),
            mx("10 mail"),
            mx("10 ."),
        ],
    )
    problems = outcome.problems
    assert len(problems) == 11
    for number, text in enumerate(
        [
            "is no value of a MX record",
            "is an address where a name belongs",
            "'@' stands for nothing here",
            "a null MX ('0 .', the domain takes no mail) stands alone",
            "the name is not in the zone example.org",
            "is no value of a A record",
            "SOA records are not set by hand",
            "'BANANA' is no record type",
            "no values",
            "'mail' is no full name",
            "has the preference 0",
        ]
    ):
        assert problems[number].startswith(f"records[{number}] (")
        assert text in problems[number]
