# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers of octoDNS: octodns-powerdns with PowerDNS, octodns-bind with BIND, looked at with dig and pdnsutil."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from controller import START, Controller, mx, record
from name_server import NameServer, Network, new_secret
from named import Named
from powerdns import PACKAGES, PowerDns

RELEASE = "trixie"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def new_powerdns(
    debian_root: Callable[..., Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], PowerDns]]:
    """Starts one of a release of Debian: 4.7 of bookworm, 4.9 of trixie."""
    # It knows zones that are added while it runs, and answers what is in its database.
    settings = "zone-cache-refresh-interval=0\ncache-ttl=0\nnegquery-cache-ttl=0\nquery-cache-ttl=0"
    started: list[PowerDns] = []

    def start(release: str) -> PowerDns:
        root = debian_root(release, *PACKAGES)
        started.append(PowerDns(root, tmp_path_factory.mktemp("pdns"), network, settings=settings))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.clear()


@pytest.fixture(scope="module")
def powerdns(new_powerdns: Callable[[str], PowerDns]) -> PowerDns:
    return new_powerdns(RELEASE)


@pytest.fixture(scope="module")
def older_powerdns(new_powerdns: Callable[[str], PowerDns]) -> PowerDns:
    return new_powerdns("bookworm")


@pytest.fixture(scope="module")
def bind(
    debian_root: Callable[..., Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Named]:
    server = Named(debian_root(RELEASE), tmp_path_factory.mktemp("named"), network)
    yield server
    server.clear()


@pytest.fixture
def zone() -> str:
    """A name that no other test has."""
    return f"d{next(numbers)}.example"


def add_zone(server: NameServer, zone: str, records: str = "", grants: str = "grant inbound-mail zonesub ANY;") -> None:
    if isinstance(server, PowerDns):
        server.zone(zone, records)
    elif isinstance(server, Named):
        server.zone(zone, records, f'update-policy {{ {grants} }}; allow-transfer {{ key "inbound-mail"; }};')
        server.stop()
        server.start()


def options(server: NameServer) -> dict[str, Any]:
    if isinstance(server, PowerDns):
        return {"class": "octodns_powerdns.PowerDnsProvider", "host": server.address, "api_key": server.api_key}
    return {
        "class": "octodns_bind.Rfc2136Provider",
        "host": server.address,
        "key_name": server.key.name,
        "key_secret": server.key.secret,
        "key_algorithm": server.key.algorithm,
    }


def run(
    controller: Controller, records: list[dict[str, Any]], *tasks: dict[str, Any], words: tuple[str, ...] = ()
) -> tuple[list[dict[str, Any]], str]:
    """What several tasks return, and all that is printed. A task: arguments, and check_mode of the task itself."""
    playbook = []
    for task in tasks:
        arguments = {"provider": "octodns", "records": records, **task}
        keywords = {"check_mode": arguments.pop("check_mode", False), "ignore_errors": True}
        playbook.append({"inbound.mail.dns_records": arguments, **keywords})
    done = controller.play(playbook, *words)
    output, results, end = done.stdout + done.stderr, [], 0
    while (start := done.stdout.find(" => {", end)) >= 0:
        result, end = START.raw_decode(done.stdout, start + 4)
        results.append(result)
    assert len(results) == len(tasks), output
    return results, output


DKIM_KEY = "v=DKIM1; k=rsa; p=" + "A1b2+/" * 70


def mail(zone: str) -> list[dict[str, Any]]:
    """A mail domain with everything."""
    return [
        mx(f"10 mx1.{zone}", "20 backup.example.net", zone=zone),
        record(f"mx1.{zone}", "A", "203.0.113.17", zone=zone, ttl=300),
        record(f"mx1.{zone}", "AAAA", "2001:db8:1::17", zone=zone, ttl=300),
        record(zone, "TXT", "v=spf1 mx -all", zone=zone),
        record(f"_dmarc.{zone}", "TXT", "v=DMARC1; p=reject; rua=mailto:dmarc@example.net", zone=zone),
        record(f"k._domainkey.{zone}", "TXT", DKIM_KEY, zone=zone),
        record(f"*.{zone}", "MX", "0 .", zone=zone),
        record(f"_25._tcp.mx1.{zone}", "TLSA", "3 1 1 " + "ab" * 32, zone=zone),
        record(f"_submission._tcp.{zone}", "SRV", f"0 1 587 mx1.{zone}", zone=zone),
        record(zone, "CAA", '0 issue "ca.example.net"', zone=zone),
        record(f"autoconfig.{zone}", "CNAME", f"mx1.{zone}", zone=zone),
        record(f"bücher.{zone}", "MX", f"10 mx1.{zone}", zone=zone),
    ]


@pytest.mark.parametrize("service", ["powerdns", "older_powerdns", "bind"])
def test_a_mail_domain(service: str, controller: Controller, zone: str, request: pytest.FixtureRequest) -> None:
    server: NameServer = request.getfixturevalue(service)
    foreign = (
        'www A 203.0.113.80\n@ TXT "google-site-verification=abc"\nquoted TXT "a \\"b\\" \\\\ c"\n@ 300 MX 10 OLD\n'
        "old A 203.0.113.9\nold AAAA 2001:db8::9\nmx A 203.0.113.81\nsub NS ns.example.net."
    )
    add_zone(server, zone, foreign)
    use = {"options": options(server)}
    results, output = run(
        controller,
        mail(zone),
        {**use, "check_mode": True},
        {**use, "prune": True},
        {**use, "prune": True},
    )
    checked, first, second = results
    assert checked["changed"] and checked["stats"]["messages"] == 0, output
    assert first["changed"] and not first["atomic"] and "msg" not in first, output
    assert {change["status"] for change in first["changes"]} == {"applied"}
    assert not second["changed"] and second["stats"]["messages"] == 0, output
    assert second["stats"]["queries"] == 1, "the zone is read once"
    for name, rdtype, values in (
        (zone, "MX", [f"10 mx1.{zone}.", "20 backup.example.net."]),
        (f"mx1.{zone}", "A", ["203.0.113.17"]),
        (f"mx1.{zone}", "AAAA", ["2001:db8:1::17"]),
        (zone, "TXT", ['"google-site-verification=abc"', '"v=spf1 mx -all"']),
        (f"_dmarc.{zone}", "TXT", ['"v=DMARC1; p=reject; rua=mailto:dmarc@example.net"']),
        (f"any.{zone}", "MX", ["0 ."]),
        (f"_submission._tcp.{zone}", "SRV", [f"0 1 587 mx1.{zone}."]),
        (zone, "CAA", ['0 issue "ca.example.net"']),
        (f"autoconfig.{zone}", "CNAME", [f"mx1.{zone}."]),
        (f"xn--bcher-kva.{zone}", "MX", [f"10 mx1.{zone}."]),
        (f"old.{zone}", "A", []),
        (f"old.{zone}", "AAAA", []),
        (f"www.{zone}", "A", ["203.0.113.80"]),
        (f"quoted.{zone}", "TXT", [r'"a \"b\" \\ c"']),
    ):
        assert server.dig(name, rdtype) == values, (name, rdtype)
    (key,) = server.dig(f"k._domainkey.{zone}", "TXT")
    assert key.replace('" "', "") == f'"{DKIM_KEY}"', "octoDNS cuts it where it likes"
    assert server.ttl(f"mx1.{zone}", "A") == 300

    changes = [
        mx("20 backup.example.net", zone=zone, state="absent"),
        record(f"mx1.{zone}", "AAAA", zone=zone, state="absent"),
        record(f"mx1.{zone}", "A", "203.0.113.17", zone=zone, ttl=60),
        record(f"autoconfig.{zone}", "CNAME", zone=zone, state="absent"),
        record(f"autoconfig.{zone}", "A", "203.0.113.18", zone=zone),
        record(f"www.{zone}", "A", zone=zone, state="absent"),
        record(f"www.{zone}", "CNAME", "www.example.net", zone=zone),
        record(f"_dmarc.{zone}", "TXT", "v=DMARC1; p=none", zone=zone),
    ]
    (third, fourth), output = run(controller, changes, use, use)
    assert third["changed"] and "msg" not in third, output
    assert not fourth["changed"] and "msg" not in fourth, output
    for name, rdtype, values in (
        (zone, "MX", [f"10 mx1.{zone}."]),
        (f"mx1.{zone}", "AAAA", []),
        (f"autoconfig.{zone}", "A", ["203.0.113.18"]),
        (f"www.{zone}", "CNAME", ["www.example.net."]),
        (f"_dmarc.{zone}", "TXT", ['"v=DMARC1; p=none"']),
        (f"mx.{zone}", "A", ["203.0.113.81"]),
    ):
        assert server.dig(name, rdtype) == values, (name, rdtype)
    assert server.ttl(f"mx1.{zone}", "A") == 60


def test_what_is_refused_before_anything_is_written(
    powerdns: PowerDns, bind: Named, controller: Controller, zone: str
) -> None:
    add_zone(
        powerdns,
        zone,
        "@ ALIAS www.example.net.\n"
        "lua LUA A \"ifportup(25, {'203.0.113.1'})\"\n"
        "sub NS ns.sub\n"
        "mail CNAME www.example.net.\n"
        'quoted TXT "a \\"b\\" c"',
    )
    add_zone(bind, zone)
    at_powerdns, at_bind = {"options": options(powerdns)}, {"options": options(bind)}
    missing = f"missing-{zone}"

    def one(name: str, rdtype: str, *values: str, within: str = zone, **more: Any) -> dict[str, Any]:
        return {"records": [record(name, rdtype, *values, zone=within, **more)]}

    def of_class(name: Any, **more: Any) -> dict[str, Any]:
        return {"options": {"class": name, **more}}

    secret = {"api_key": "not-the-real-one"}
    cases = [
        ({}, ["needs the class of a provider", "octodns_powerdns.PowerDnsProvider"]),
        (of_class("PowerDnsProvider"), ["needs the class of a provider"]),
        (of_class("octodns_nowhere.Provider"), ["library octodns_nowhere is missing", "pip install octodns_nowhere"]),
        (of_class("octodns_bind.there.Provider"), ["octodns_bind on the controller has no octodns_bind.there"]),
        (
            of_class("octodns_bind.Bind9Provider"),
            ["Bind9Provider is not there", "octodns_bind has for that: Rfc2136Provider"],
        ),
        (of_class("octodns_bind.AxfrSource"), ["nothing that octoDNS can write with"]),
        (of_class("octodns.provider.yaml.YamlProvider", directory="."), ["whole zones or files"]),
        (of_class("octodns_bind.ZoneFileProvider", directory="."), ["whole zones or files"]),
        (
            of_class("octodns_powerdns.PowerDnsProvider", hots="ns1.example.org", apikey="not-the-real-one"),
            [
                "options.host: ",
                "options.api_key: ",
                "options.apikey, options.hots: not known",
                "which has api_key, ",
            ],
        ),
        (
            of_class("octodns_powerdns.PowerDnsProvider", host="ns1", mode_of_operation="x", **secret),
            ["does not take them: ValueError: invalid mode_of_operation"],
        ),
        (of_class("octodns_powerdns.PowerDnsProvider", host="ns1", apply_disabled=True, **secret), ["apply_disabled"]),
        (of_class("octodns_powerdns.PowerDnsProvider", host="env/NOT_SET", **secret), ["options.host: ", "NOT_SET"]),
        ({**at_powerdns, "server": "ns1.example.org"}, ["server: the provider octodns has no use for it"]),
        ({**at_powerdns, **one(missing, "MX", f"10 mx.{zone}", within=missing)}, [missing, "does not find it"]),
        ({**at_bind, **one(missing, "MX", f"10 mx.{zone}", within=missing)}, [missing, "cannot read the zone"]),
        ({**at_powerdns, **one(f"t.{zone}", "TXT", 'say "hello"')}, ["a quote, a backslash, or a letter"]),
        ({**at_powerdns, **one(f"t.{zone}", "TXT", "back\\slash")}, ["a quote, a backslash, or a letter"]),
        ({**at_powerdns, **one(f"t.{zone}", "TXT", "ümlaut")}, ["a quote, a backslash, or a letter"]),
        ({**at_powerdns, **one(f"quoted.{zone}", "TXT", "v=spf1 -all")}, ["a quote, a backslash, or a letter"]),
        ({**at_bind, **one(f"t.{zone}", "TXT", '"one" "two"')}, ["it joins the strings of a text"]),
        ({**at_powerdns, **one(f"d.{zone}", "DNAME", "example.net")}, ["knows no DNAME records"]),
        ({**at_bind, **one(f"d.{zone}", "DNAME", state="absent")}, ["knows no DNAME records"]),
        ({**at_powerdns, **one(zone, "A", "203.0.113.1")}, [f"ALIAS {zone} stands in place of A records"]),
        ({**at_powerdns, **one(f"lua.{zone}", "A", "203.0.113.1")}, [f"LUA lua.{zone} stands in place of A records"]),
        ({**at_powerdns, **one(f"mail.{zone}", "A", "203.0.113.1")}, ["is an alias (CNAME www.example.net.)"]),
        (
            {**at_powerdns, **one(f"mx.sub.{zone}", "A", "203.0.113.1")},
            ["would not be seen", f"name sub.{zone} as its zone"],
        ),
        (
            {
                **at_powerdns,
                "records": [
                    mx("10 mx1.example.net", zone=zone),
                    record(f"t.{zone}", "TXT", "ümlaut", zone=zone),
                    record(f"new.{zone}", "NS", "ns.example.net", zone=zone),
                    record(f"x.new.{zone}", "A", "203.0.113.1", zone=zone),
                ],
                "check_mode": True,
            },
            ["a quote, a backslash", "would not be seen", "Nothing was written in this zone"],
        ),
    ]
    before = state(powerdns, zone), state(bind, zone)
    results, output = run(controller, [mx("10 mx1.example.net", zone=zone)], *(task for task, _texts in cases))
    for result, (task, texts) in zip(results, cases, strict=True):
        assert not result["changed"], (task, result)
        for text in texts:
            assert text in result.get("msg", ""), (text, result)
    assert "not-the-real-one" not in output
    assert (state(powerdns, zone), state(bind, zone)) == before
    assert missing not in powerdns.pdnsutil("list-all-zones"), "it was not created"

    glue = [record(f"ns.sub.{zone}", "A", "203.0.113.53", zone=zone)]
    (result,), output = run(controller, glue, at_powerdns)
    assert result["changed"] and "msg" not in result, output
    assert f"ns.sub.{zone}" in state(powerdns, zone)


def state(server: NameServer, zone: str) -> str:
    """All that PowerDNS has in its database; of BIND the SOA record, which changes with every update."""
    return server.pdnsutil("list-zone", zone) if isinstance(server, PowerDns) else str(server.dig(zone, "SOA"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Options of a fake service; `zones` is what it has from now on."""
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, folders)))
    monkeypatch.setenv("FAKE_TOKEN", "0123-very secret/&?")

    def make(name: str, zones: dict[str, Any], kind: str = "Fake", **more: Any) -> dict[str, Any]:
        file = tmp_path / name
        file.write_text(json.dumps(zones))
        return {"options": {"class": f"fake_octodns.{kind}", "file": str(file), "token": "env/FAKE_TOKEN", **more}}

    return make


def contents(task: dict[str, Any]) -> dict[str, Any]:
    return json.loads(Path(task["options"]["file"]).read_text())


def test_what_an_unpleasant_provider_does(
    fake: Callable[..., dict[str, Any]],
    controller: Controller,
    zone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(tmp_path / "log"))
    a, dynamic = {"ttl": 300, "value": "203.0.113.9"}, {"pools": {"one": {"values": [{"value": "203.0.113.8"}]}}}
    zones = {
        f"{zone}.": {
            "": {"MX": {"ttl": 300, "value": {"preference": 10, "exchange": f"old.{zone}."}}},
            "old": {"A": a},
            "foreign": {"A": a, "TXT": {"ttl": 60, "value": 'a "quote"'}},
            "dynamic": {"A": {**a, "dynamic": {**dynamic, "rules": [{"pool": "one"}]}}},
            "proxied": {"A": {**a, "octodns": {"fake": {"proxied": True}}}},
        }
    }
    plain = {f"{zone}.": {name: types for name, types in zones[f"{zone}."].items() if name != "dynamic"}}
    hosts = [record(f"m{number}.{zone}", "A", f"203.0.113.{number}", zone=zone) for number in (1, 2, 3)]

    broken = fake("broken", zones, breaks_after=1)
    healed = {"options": {**broken["options"], "breaks_after": None}}
    whole = fake("whole", zones, "Whole")
    low_ttl = fake("ttl", zones, minimum_ttl=600)
    blind = fake("blind", zones, blind_to="MX")
    stubborn = fake("stubborn", zones, keeps_ttl=86400)
    looked_at = fake("looked at", zones)
    usual = fake("usual", zones)
    moved = {
        "records": [mx(f"10 m1.{zone}", zone=zone), *hosts[:1], record(f"old.{zone}", "A", zone=zone, state="absent")]
    }
    rival = fake("rival", plain, rival={"old": {"A": {**a, "value": "203.0.113.99"}}})

    def one(name: str, rdtype: str, *values: str, **more: Any) -> dict[str, Any]:
        return {"records": [record(name, rdtype, *values, zone=zone, **more)]}

    tasks = [
        (broken, "RuntimeError: https://api.example.net/"),
        (healed, None),
        (healed, None),
        (whole, "Whole writes whole zones, not single records"),
        (
            {**low_ttl, **one(f"x.{zone}", "A", "203.0.113.1", ttl=60)},
            f"would write x.{zone}. 600 IN A 203.0.113.1 instead",
        ),
        ({**blind, **one(zone, "MX", "10 mx.example.net")}, f"MX {zone}: fake_octodns.Fake sees no difference"),
        (stubborn, "keeps something else than it is told, a longer TTL for example"),
        ({**usual, **one(f"dynamic.{zone}", "A", "203.0.113.8")}, "is a dynamic record (pools, rules), which is not"),
        ({**usual, **one(f"dynamic.{zone}", "A", state="absent")}, "is a dynamic record (pools, rules), which is not"),
        ({**usual, **one(f"proxied.{zone}", "A", "203.0.113.8")}, "has settings of its own at the service (fake)"),
        ({**usual, **one(f"proxied.{zone}", "A", "203.0.113.9")}, None),
        ({**usual, **one(zone, "NS", "ns.example.net")}, "does not manage the name servers of the zone itself"),
        ({**usual, **one(zone, "SPF", "v=spf1 -all")}, "knows no SPF records"),
        ({**looked_at, "check_mode": True}, None),
        ({**usual, **one(zone, "MX", "10 mx.example.net"), "prune": True}, None),
        ({**rival, **moved}, None),
    ]
    results, output = run(controller, hosts, *(task for task, _error in tasks), words=("-vvv",))
    for result, (task, error) in zip(results, tasks, strict=True):
        assert (error or "") in result.get("msg", ""), (task, result)
        assert error or "errors" not in result, (task, result)
    log = (tmp_path / "log").read_text()
    assert "RuntimeError" in log
    for text in (output, log):
        assert "very secret" not in text and "very+secret" not in text

    first, second, third = results[:3]
    assert [change["status"] for change in first["changes"]] == ["applied", "not_applied", "not_applied"]
    assert [change["name"] for change in second["changes"]] == [f"m2.{zone}", f"m3.{zone}"]
    assert not third["changed"]
    written = {f"m{number}": {"A": {"ttl": 3600, "value": f"203.0.113.{number}"}} for number in (1, 2, 3)}
    assert contents(broken) == {f"{zone}.": {**zones[f"{zone}."], **written}}
    for task in (whole, low_ttl, blind, looked_at):
        assert contents(task) == zones, "nothing was written"
    assert results[-3]["changed"], "it would be"
    pruning = results[-2]
    assert pruning["changed"] and f"stands at dynamic.{zone}" in pruning["leftover"][0]["reason"]
    assert contents(usual)[f"{zone}."]["old"] == {"A": a}
    meanwhile = results[-1]
    assert meanwhile["changed"] and f"another client changed A old.{zone}" in output
    assert contents(rival)[f"{zone}."]["old"] == {}


def test_a_zone_too_big_for_one_message(
    bind: Named, controller: Controller, zone: str, tmp_path: Path, network: Network
) -> None:
    """octoDNS itself sends a thousand changes in one message, which is longer than a message can be."""
    texts = {f"t{number:04}": f"v=DKIM1; p={number:0100}" for number in range(1000)}
    denied = f"deny inbound-mail name t0999.{zone}. TXT; grant inbound-mail zonesub ANY;"
    add_zone(bind, zone, "www A 203.0.113.80", denied)
    folder = tmp_path / "octodns"
    folder.mkdir()
    (folder / f"{zone}.yaml").write_text(
        json.dumps({name: {"type": "TXT", "value": text.replace(";", "\\;")} for name, text in texts.items()})
    )
    config = {
        "providers": {
            "here": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder), "enforce_order": False},
            "there": options(bind),
        },
        "zones": {f"{zone}.": {"sources": ["here"], "targets": ["there"]}},
    }
    (tmp_path / "octodns.yaml").write_text(json.dumps(config))
    sync = network.run("octodns-sync", f"--config-file={tmp_path}/octodns.yaml", "--doit", "--force", check=False)
    assert "TooBig" in sync.stderr, sync.stderr
    assert bind.dig(f"t0000.{zone}", "TXT") == [], "nothing arrived"

    records = [record(f"{name}.{zone}", "TXT", text, zone=zone) for name, text in texts.items()]
    use = {"options": options(bind)}
    (broken,), output = run(controller, records, use)
    assert broken["stats"]["messages"] > 1
    status = {change["name"].partition(".")[0]: change["status"] for change in broken["changes"]}
    there = {name for name in ("t0000", "t0500", "t0998", "t0999") if bind.dig(f"{name}.{zone}", "TXT")}
    assert there == {name for name in ("t0000", "t0500", "t0998", "t0999") if status[name] == "applied"}
    assert there and "t0999" not in there
    assert "REFUSED" in broken["msg"] and f"{len([s for s in status.values() if s == 'applied'])} of 1000" in output

    add_zone(bind, zone, "www A 203.0.113.80")
    (whole, again), _output = run(controller, records, use, use)
    assert whole["changed"] and "msg" not in whole
    assert not again["changed"] and again["stats"]["unchanged"] == 1000
    assert bind.dig(f"t0999.{zone}", "TXT") == [f'"{texts["t0999"]}"']
    assert bind.dig(f"www.{zone}", "A") == ["203.0.113.80"]


def test_secrets_are_in_no_output(
    powerdns: PowerDns, bind: Named, controller: Controller, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_zone(powerdns, zone)
    add_zone(bind, zone)
    wrong_key, wrong_secret = "d0ntshowthis/key+at?all", new_secret()
    monkeypatch.setenv("WRONG_KEY", wrong_key)
    tasks = [
        {"options": {**options(powerdns), "api_key": "env/WRONG_KEY"}},
        {"options": {**options(bind), "key_secret": wrong_secret}},
        {"options": {**options(powerdns), "host": f"{wrong_key}@{powerdns.address}", "api_key": wrong_key}},
        {"options": options(powerdns)},
        {"options": options(bind)},
    ]
    results, output = run(controller, [mx("10 mx.example.net", zone=zone)], *tasks, words=("-vvv", "--diff"))
    for result, text in zip(
        results, ("PowerDNS unauthorized", "signature we sent", "cannot read the zone", "", ""), strict=True
    ):
        assert text in result.get("msg", ""), result
    assert results[-1]["changed"] and results[-2]["changed"]
    for secret in (wrong_key, wrong_secret, powerdns.api_key, bind.key.secret):
        for form in (secret, quote(secret), quote(secret, safe="")):
            assert form not in output
