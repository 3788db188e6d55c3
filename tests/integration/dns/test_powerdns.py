# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider powerdns, against PowerDNS 4.7 and 4.9 with the SQLite backend."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import powerdns
import pytest
from controller import Controller, Outcome, mx, record
from name_server import Network
from powerdns import PowerDns

FOREIGN = """\
@ TXT "google-site-verification=abc"
@ MX 10 old
old A 203.0.113.9
www A 203.0.113.80
shop CNAME www
* TXT "from the wildcard"
"""
TEXTS = [
    "v=spf1 mx -all",
    "v=DKIM1; k=rsa; p=" + "A" * 400,
    'quotes " and \\ backslashes; and more',
    "ümlaut",
]
HOSTS = [
    record("mail.example.org", "A", "203.0.113.17"),
    record("mail.example.org", "AAAA", "2001:db8::17"),
]


# PowerDNS 4.9 and 4.7; where only this side decides, one is enough.
both_releases = pytest.mark.parametrize("release", ["trixie", "bookworm"])


@pytest.fixture
def release() -> str:
    return "trixie"


@pytest.fixture
def server(
    release: str,
    debian_root: Callable[..., Path],
    network: Network,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PowerDns]:
    """With the zone example.org, in which records stand that are not ours."""
    root = debian_root(release, *powerdns.PACKAGES)
    server = PowerDns(root, tmp_path_factory.mktemp("pdns"), network, settings="loglevel=6\nwebserver-loglevel=normal")
    server.zone("example.org", FOREIGN)
    server.start()
    yield server
    server.clear()


@pytest.fixture
def run(server: PowerDns, controller: Controller) -> Callable[..., Outcome]:
    def run(records: list[dict[str, Any]], /, *words: str, **options: Any) -> Outcome:
        # The network between is the test's own.
        cleartext = {"allow_cleartext": True}
        access = {"provider": "powerdns", "url": server.url, "api_token": server.api_key, "options": cleartext}
        return controller.run("dns_records", {**access, "records": records, **options}, *words)

    return run


def api(server: PowerDns, method: str, path: str, body: object = None) -> Any:
    """As another client of the API."""
    words = ["-H", f"X-API-Key: {server.api_key}", "-X", method, f"{server.url}/api/v1/servers/localhost{path}"]
    if body is not None:
        words += ["-d", json.dumps(body)]
    text = server.network.run("curl", "--silent", "--fail", *words).stdout
    return json.loads(text) if text else None


def rrset(server: PowerDns, name: str, rdtype: str) -> dict[str, Any]:
    (found,) = [
        rrset
        for rrset in api(server, "GET", "/zones/example.org.")["rrsets"]
        if (rrset["name"], rrset["type"]) == (name, rdtype)
    ]
    return found


@both_releases
def test_records_are_made_changed_and_removed(server: PowerDns, run: Callable[..., Outcome]) -> None:
    records = [
        mx("10 mail.example.org", "20 MX2.example.net."),
        *HOSTS,
        record("example.org", "TXT", TEXTS[0]),
        *(record(f"t{number}.example.org", "TXT", text) for number, text in enumerate(TEXTS)),
        record("*.wild.example.org", "MX", "0 ."),
        record("bücher.example.org", "A", "203.0.113.18"),
        record("_25._tcp.mail.example.org", "TLSA", "3 1 1 " + "ab" * 32),
        record("x.example.org", "TYPE65280", r"\# 2 abcd"),
        record("example.org", "CAA", '0 issue "ca.example.net"'),
    ]
    predicted = run(records, "--check", "--diff")
    assert predicted.changed
    assert server.dig("mail.example.org", "A") == []
    made = run(records)
    assert not made.failed, made.output
    assert made.atomic is True
    assert made.stats["messages"] == 1
    assert [{**change, "status": ""} for change in made.changes] == [
        {**change, "status": ""} for change in predicted.changes
    ]
    assert server.dig("example.org", "MX") == ["10 mail.example.org.", "20 mx2.example.net."]
    assert server.ttl("example.org", "MX") == 3600
    assert server.dig("mail.example.org", "AAAA") == ["2001:db8::17"]
    assert server.dig("example.org", "TXT") == ['"google-site-verification=abc"', '"v=spf1 mx -all"']
    long = server.dig("t1.example.org", "TXT")[0]
    assert long.replace('" "', "") == f'"{TEXTS[1]}"'
    assert server.dig("t2.example.org", "TXT") == [r'"quotes \" and \\ backslashes; and more"']
    assert server.dig("t3.example.org", "TXT") == [r'"\195\188mlaut"']
    assert server.dig("any.wild.example.org", "MX") == ["0 ."]
    assert server.dig("xn--bcher-kva.example.org", "A") == ["203.0.113.18"]
    assert server.dig("x.example.org", "TYPE65280") == [r"\# 2 ABCD"]
    again = run([mx("20 mx2.EXAMPLE.net", "10 mail.example.org."), *records[1:]])
    assert not again.failed, again.output
    assert not again.changed, again.changes
    # One value of several goes, the TTL of what stays is kept, and an alias takes the place of an address.
    changed = run(
        [
            mx("20 mx2.example.net", state="absent"),
            record("www.example.org", "A", state="absent"),
            record("www.example.org", "CNAME", "mail.example.org"),
            record("shop.example.org", "CNAME", state="absent"),
            record("shop.example.org", "A", "203.0.113.80", ttl=60),
        ]
    )
    assert not changed.failed, changed.output
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    assert server.ttl("example.org", "MX") == 3600
    assert server.dig("www.example.org", "CNAME") == ["mail.example.org."]
    assert server.dig("shop.example.org", "A") == ["203.0.113.80"]
    assert server.dig("old.example.org", "A") == ["203.0.113.9"]
    assert server.dig("nobody.example.org", "TXT") == ['"from the wildcard"']


@both_releases
def test_what_others_have_made_stays(server: PowerDns, run: Callable[..., Outcome]) -> None:
    """Comments, disabled records, and types that only PowerDNS has."""
    comment = {"content": "ask the web team", "account": "ops"}
    value = {"content": "203.0.113.80", "disabled": False}
    api(
        server,
        "PATCH",
        "/zones/example.org.",
        {
            "rrsets": [
                {"name": "www.example.org.", "type": "A", "ttl": 300, "changetype": "REPLACE"}
                | {"records": [value], "comments": [comment]},
                {"name": "alias.example.org.", "type": "ALIAS", "ttl": 300, "changetype": "REPLACE"}
                | {"records": [{"content": "old.example.org.", "disabled": False}]},
                {"name": "off.example.org.", "type": "A", "ttl": 300, "changetype": "REPLACE"}
                | {"records": [{"content": "203.0.113.66", "disabled": True}]},
            ]
        },
    )
    done = run([record("www.example.org", "A", "203.0.113.81"), mx("10 mail.example.org"), *HOSTS], prune=True)
    assert not done.failed, done.output
    assert rrset(server, "www.example.org.", "A")["comments"][0]["content"] == "ask the web team"
    assert rrset(server, "alias.example.org.", "ALIAS")["records"][0]["content"] == "old.example.org."
    # The alias still needs the former exchange.
    assert server.dig("old.example.org", "A") == ["203.0.113.9"]
    assert [left["name"] for left in done.leftover] == ["old.example.org"]
    api(server, "PATCH", "/zones/example.org.", {
        "rrsets": [{"name": "alias.example.org.", "type": "ALIAS", "changetype": "DELETE"}]
    })  # fmt: skip
    run([mx("10 old.example.org", "20 mail.example.org")])
    pruned = run([mx("20 mail.example.org")], prune=True)
    assert not pruned.failed, pruned.output
    assert server.dig("old.example.org", "A") == []
    refused = run([record("off.example.org", "A", "203.0.113.67")])
    assert refused.failed
    assert "off.example.org has a record that is disabled (203.0.113.66)" in refused.msg
    assert rrset(server, "off.example.org.", "A")["records"][0]["disabled"]


@both_releases
def test_a_signed_zone_and_its_name_servers(server: PowerDns, run: Callable[..., Outcome]) -> None:
    server.pdnsutil("secure-zone", "example.org")
    server.nsupdate("example.org", "update add signed.example.org 300 TXT first")
    server.dig("mail.example.org", "A")  # a cache may know by now that there is none
    done = run([mx("10 mail.example.org"), *HOSTS], wait_timeout=30)
    assert not done.failed, done.output
    assert server.dig("mail.example.org", "A") == ["203.0.113.17"]
    signed = server.dig("+dnssec", "example.org", "MX")
    assert any(line.startswith("MX ") for line in signed), signed
    assert not run([mx("10 mail.example.org"), *HOSTS]).changed


def test_each_refusal_has_a_message_of_its_own(server: PowerDns, run: Callable[..., Outcome]) -> None:
    assert "does not have this zone (404)" in run([mx("10 mail.example.net", zone="example.com")]).msg
    wrong = run([mx("10 mail.example.net")], "-vvv", api_token="not-the-right-one")
    assert "Check api_token against api-key in pdns.conf" in wrong.msg
    assert "not-the-right-one" not in wrong.output
    assert server.api_key not in run([mx("10 mail.example.net")], "-vvv", "--diff").output
    assert "cannot be reached" in run([mx("10 mail.example.net")], url=f"http://{server.address}:8082").msg
    assert "check url" in run([mx("10 mail.example.net")], url=f"{server.url}/elsewhere").msg
    problems = run([mx("10 mail.example.net")], server="ns1.example.org", url="", options={"sever_id": "x"})
    assert "server: the provider powerdns has no use for it" in problems.msg
    server.stop()
    assert "cannot be reached" in run([mx("10 mail.example.net")]).msg


def test_a_server_that_dies_in_the_middle(server: PowerDns, run: Callable[..., Outcome]) -> None:
    names = [f"d{number:03}.example" for number in range(80)]
    server.stop()
    for name in names:
        server.zone(name)
    server.start()
    records = [mx(f"10 mail.{name}", zone=name) for name in names]
    records += [record(f"mail.{name}", "A", "203.0.113.17", zone=name) for name in names]

    def kill() -> None:
        while server.log.count('"PATCH /api') < 30:
            time.sleep(0.005)
        server.stop(signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    cut = run(records, timeout=3)
    assert cut.failed, server.log[-3000:]
    killer.join()
    server.start()
    status = {(change["name"], change["type"]): change["status"] for change in cut.changes}
    applied = [name for name in names if status.get((name, "MX")) == "applied"]
    assert 0 < len(applied) < len(names)
    for name in names:
        there = server.dig(name, "MX") == [f"10 mail.{name}."]
        assert there == (server.dig(f"mail.{name}", "A") == ["203.0.113.17"]), "a zone is written whole or not at all"
        if status.get((name, "MX")) != "unknown":
            assert there == (name in applied), (name, status.get((name, "MX")))
    rest = run(records)
    assert not rest.failed, rest.output[:3000]
    for name in (*names[::20], names[-1]):
        assert server.dig(name, "MX") == [f"10 mail.{name}."]
    again = run(records)
    assert (again.changed, again.stats["messages"]) == (False, 0)


@both_releases
def test_the_copy_of_another_servers_zone_is_not_changed(server: PowerDns, run: Callable[..., Outcome]) -> None:
    """PowerDNS would take the change, and lose it with the next transfer."""
    server.pdnsutil("set-kind", "example.org", "Slave")
    assert not run([mx("10 old.example.org", ttl=300)]).failed, "there is nothing to be changed"
    for words in (("--check",), ()):
        refused = run([mx("10 mail.example.net")], *words)
        assert refused.failed
        assert "the copy of another server's (kind Slave)" in refused.msg
    assert server.dig("example.org", "MX") == ["10 old.example.org."]
