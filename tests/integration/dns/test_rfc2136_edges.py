# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a zone ends, and where a message ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from controller import access, mx, record
from named import Named
from runner import Runner

# What is tested is what we ask for and send: one release is enough.
pytestmark = pytest.mark.parametrize("release", ["trixie"], indirect=True)
OPEN = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };'


@pytest.fixture
def runner(new_runner: Callable[[], Runner]) -> Runner:
    return new_runner()


def test_an_exchange_in_a_part_that_others_serve(new_server: Callable[[], Named], runner: Runner) -> None:
    """Its addresses are theirs: they are neither in the way nor pruned."""
    server = new_server()
    apex = "@ MX 10 mail.far\n@ MX 20 mail.near\n@ MX 30 mail\nmail A 203.0.113.9"
    server.zone("example.org", f"{apex}\nfar NS ns.example.net.\nnear NS ns1", OPEN)
    server.zone("near.example.org", "mail A 203.0.113.10", OPEN)
    server.start()
    done = runner.run({**access(server), "prune": True}, [mx("10 mail.example.net")])
    assert not done.get("failed"), done["msg"]
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
    assert server.dig("mail.near.example.org", "A") == ["203.0.113.10"]
    assert server.dig("mail.example.org", "A") == []
    assert "leftover" not in done


def test_name_servers_of_a_part_are_changed(server: Named, runner: Runner) -> None:
    server.nsupdate("example.org", "update add sub.example.org. 300 NS ns.example.net.")
    delegation = record("sub.example.org", "NS", "ns.example.com", "ns.example.net", ttl=600)
    assert runner.run(access(server), [delegation, mx("10 mail.example.net")])["changed"]
    assert runner.run(access(server), [delegation])["changes"] == []
    below = [record("new.example.org", "NS", "ns.example.net"), record("mail.new.example.org", "A", "203.0.113.17")]
    for entries in (below, [record("example.org", "NS", state="absent")]):
        for check_mode in (True, False):
            refused = runner.run(access(server), [*entries, mx("10 other.example.net")], check_mode)
            assert refused["failed"]
            assert not refused["changed"]
    assert server.dig("example.org", "MX") == ["10 mail.example.net."], "nothing was written in this zone"


def test_below_a_dname(server: Named, runner: Runner) -> None:
    redirection = record("moved.example.org", "DNAME", "example.net")
    assert runner.run(access(server), [redirection])["changed"]
    assert runner.run(access(server), [redirection])["changes"] == []
    changed = runner.run(access(server), [record("moved.example.org", "DNAME", "example.com")])
    assert not changed.get("failed"), changed["msg"]
    assert server.dig("moved.example.org", "DNAME") == ["example.com."]
    refused = runner.run(access(server), [record("mail.moved.example.org", "A", "203.0.113.17")])
    assert "a DNAME sends all that is below moved.example.org elsewhere" in refused["msg"]


def test_a_record_that_only_a_wildcard_answers_for(server: Named, runner: Runner) -> None:
    """Its own TLSA, in a later task, would end what the wildcard does for it."""
    server.nsupdate("example.org", "update add *.example.org. 300 A 203.0.113.17")
    address = record("mail.example.org", "A", "203.0.113.17", ttl=300)
    assert runner.run(access(server), [address])["changed"]
    assert runner.run(access(server), [address])["changes"] == []
    tlsa = record("_25._tcp.mail.example.org", "TLSA", "3 1 1 " + "ab" * 32)
    assert runner.run(access(server), [tlsa])["changed"]
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]


def test_an_exchange_comes_after_its_address_where_one_message_is_too_small(server: Named, runner: Runner) -> None:
    """BIND refuses it the other way round, and nobody can deliver in between."""
    texts = [record(f"host{number}.example.org", "TXT", "x" * 200) for number in range(600)]
    entries = [mx("10 zz.example.org"), *texts, record("zz.example.org", "A", "203.0.113.17")]
    done = runner.run(access(server), entries)
    assert not done.get("failed"), done["msg"]
    assert done["stats"]["messages"] > 1
    assert server.dig("example.org", "MX") == ["10 zz.example.org."]
    gone = [{**entry, "values": [], "state": "absent"} for entry in entries[1:]]
    done = runner.run(access(server), [mx("10 mail.example.net"), *gone])
    assert not done.get("failed"), done["msg"]
    assert server.dig("zz.example.org", "A") == []


def test_an_rrset_that_is_too_big_to_change(server: Named, runner: Runner) -> None:
    """Only its own zone fails."""

    def big(letter: str) -> dict[str, object]:
        # BIND takes 100 records of one type at a name.
        values = [f"{number:03}" + letter * 440 for number in range(90)]
        return record("big.example.org", "TXT", *values, exclusive=True)

    assert runner.run(access(server), [big("a")])["changed"]
    done = runner.run(access(server), [big("b")])
    assert "TXT big.example.org has too much data" in done["msg"]
    assert [change["status"] for change in done["changes"]] == ["not_applied"]
    assert runner.run(access(server), [big("a")])["changes"] == []
