# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server would take an update is found out without a change: `write: false`."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from controller import Controller, access, mx, record
from knot import Knot
from name_server import Key, NameServer
from named import Named
from powerdns import PowerDns
from runner import Runner

Make = Callable[..., NameServer]
ZONE = "@ MX 10 old.example.net.\nmail A 203.0.113.9"
RECORDS = [mx("10 mail.example.org"), record("mail.example.org", "A", "203.0.113.17")]
ONLY_LOOK = {"write": False, "timeout": 2}
BOTH = ["bookworm", "trixie"]


def keys() -> list[Key]:
    return [Key("inbound-mail"), Key("reader")]


def bind_with_update_policy(make: Make, release: str) -> NameServer:
    server = make(Named, release, keys=keys())
    server.zone("example.org", ZONE)
    return server


def bind_with_allow_update(make: Make, release: str) -> NameServer:
    server = make(Named, release, keys=keys())
    server.zone("example.org", ZONE, 'allow-update { key "inbound-mail"; };')
    return server


def knot(make: Make, release: str) -> NameServer:
    server = make(Knot, release, keys=keys())
    server.acl = "action: transfer\n  - id: writer\n    key: inbound-mail\n    action: [transfer, update]"
    server.zone("example.org", ZONE)
    server.zones["example.org"] = server.zones["example.org"].replace("acl: ours", "acl: [ours, writer]")
    return server


def power_dns(make: Make, release: str) -> NameServer:
    server = make(PowerDns, release)
    server.zone("example.org", ZONE)
    server.keys.append(Key("reader"))
    server.pdnsutil("import-tsig-key", "reader", server.keys[1].algorithm, server.keys[1].secret)
    return server


def contents(server: NameServer) -> list[list[str]]:
    questions = (("example.org", "SOA"), ("example.org", "MX"), ("mail.example.org", "A"), ("mail.example.org", "AAAA"))
    return [server.dig(*question) for question in questions]


@pytest.fixture
def runner(new_runner: Callable[[], Runner]) -> Runner:
    return new_runner()


@pytest.mark.parametrize("release", BOTH)
@pytest.mark.parametrize("kind", [bind_with_update_policy, bind_with_allow_update, knot, power_dns])
def test_who_may_not_write_is_told_so(
    make: Make, kind: Callable[[Make, str], NameServer], release: str, runner: Runner
) -> None:
    server = kind(make, release)
    server.start()
    before = contents(server)
    writer = access(server)
    reader = {**writer, "key_name": "reader", "key_secret": server.keys[1].secret}
    for nobody in (reader, {"server": server.address}):
        refused = runner.run({**nobody, **ONLY_LOOK}, RECORDS)
        assert refused["failed"], refused
        # Knot of Debian 13 does not sign its refusal.
        assert re.search("may not change MX example.org and 1 more RRsets|the key may not do this", refused["msg"])
        assert "no address" not in refused["msg"], "it comes with the MX"
        assert {change["status"] for change in refused["changes"]} == {"not_applied"}
        # It reads all the same, and there is nothing to refuse where nothing is to be changed.
        assert not runner.run({**nobody, **ONLY_LOOK}, [mx("10 old.example.net", ttl=300)]).get("failed")
        assert not runner.run(nobody, RECORDS, check_mode=True).get("failed")
        assert not runner.run({**nobody, **ONLY_LOOK}, RECORDS, check_mode=True).get("failed")
    allowed = runner.run({**writer, **ONLY_LOOK}, RECORDS)
    assert not allowed.get("failed"), allowed["msg"]
    assert not allowed["changed"]
    assert {change["status"] for change in allowed["changes"]} == {"predicted"}
    assert contents(server) == before
    assert runner.run(writer, RECORDS)["changed"]
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]


@pytest.mark.parametrize("release", BOTH)
@pytest.mark.parametrize("kind", [Named, Knot])
def test_one_record_that_may_not_be_written(make: Make, kind: type[NameServer], release: str, runner: Runner) -> None:
    """Each change is looked at, also those that only a second message has room for."""
    server = make(kind, release)
    if kind is Knot:
        server.acl = "action: [update, transfer]\n    update-type: [MX, A, TXT]"
        server.zone("example.org", ZONE)
    else:
        server.zone("example.org", ZONE, 'update-policy { grant "inbound-mail" zonesub MX A TXT; };')
    server.start()
    before = contents(server)
    many = [record(f"t{number}.example.org", "TXT", "x" * 250) for number in range(300)]
    last = record("zzz.example.org", "AAAA", "2001:db8::17")
    task = {**access(server), **ONLY_LOOK}
    allowed = runner.run(task, [*RECORDS, *many])
    assert not allowed.get("failed"), allowed["msg"]
    refused = runner.run(task, [*RECORDS, *many, last])
    assert refused["failed"]
    assert refused["stats"]["messages"] == 0
    assert {change["status"] for change in refused["changes"]} == {"not_applied"}
    assert contents(server) == before


@pytest.mark.parametrize("release", ["trixie"], indirect=True)
def test_a_server_without_a_look_at_prerequisites_gets_no_change(
    server: Named, runner: Runner, trouble: Callable[..., str]
) -> None:
    front = trouble(server, "heedless", given=f"{server.key.name} {server.key.secret}")
    before = contents(server)
    task = {**access(server), "server": front}
    looked = runner.run({**task, **ONLY_LOOK}, RECORDS)
    assert not looked.get("failed"), looked["msg"]
    assert contents(server) == before
    assert runner.run(task, RECORDS)["changed"], "it would have made them"


def test_a_policy_that_denies_in_silence_is_met_only_by_writing(make: Make, runner: Runner) -> None:
    server = make(PowerDns, "trixie", settings="lua-dnsupdate-policy-script=/srv/policy.lua")
    (server.folder / "policy.lua").write_text("function updatepolicy(input) return false end\n")
    server.zone("example.org", ZONE)
    server.start()
    assert not runner.run({**access(server), **ONLY_LOOK}, RECORDS).get("failed")
    assert "said yes (NOERROR) to the update" in runner.run(access(server), RECORDS)["msg"]


@pytest.mark.parametrize("release", ["trixie"], indirect=True)
def test_addresses_that_are_pruned_are_asked_about_too(new_server: Callable[[], Named], controller: Controller) -> None:
    """As site does it in the last stage of a cutover."""
    server = new_server()
    policy = 'update-policy { grant "inbound-mail" name example.org. MX; }; allow-transfer { any; };'
    server.zone("example.org", f"{ZONE}\n@ MX 20 old\nold A 203.0.113.10", policy)
    server.start()
    before = contents(server)
    for prune in (False, True):
        looked = controller.records(server, [mx("10 mail.example.net")], "--diff", write=False, prune=prune)
        assert looked.failed is prune, looked.output
        assert not looked.changed
        assert "diff" not in looked.result
    assert "the key inbound-mail may not change MX example.org and 1 more RRsets" in looked.msg
    assert contents(server) == before
