# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones at Cloudflare, of which there is only a fake (cloudflare_fake.py), looked at with curl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudflare import BATCH, LIST, TOKENS, ZONE, Fake, there
from controller import START, Controller, mx, record
from name_server import Network
from named import Named


@pytest.fixture(scope="module")
def fake(network: Network) -> Iterator[Fake]:
    fake = Fake(network)
    yield fake
    fake.close()


@pytest.fixture
def tls_fake(network: Network, tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(network, tmp_path / "certificate.pem")
    yield fake
    fake.close()


@pytest.fixture
def tasks(controller: Controller, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs tasks one after the other, and returns their results, and all that was printed."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKENS["editor"])

    def run(
        *cases: dict[str, Any], words: tuple[str, ...] = (), etc: dict[str, Path] | None = None
    ) -> tuple[list[Any], str]:
        tasks = []
        for case in cases:
            # The network between is the test's own.
            options = {"allow_cleartext": True, **case.get("options", {})}
            arguments = {"provider": "cloudflare", "url": fake.url, **case, "options": options}
            keywords = {"check_mode": arguments.pop("check_mode", False), "ignore_errors": True}
            tasks.append({"inbound.mail.dns_records": arguments, **keywords})
        done = controller.play(tasks, *words, etc=etc)
        found, end = [], 0
        while (start := done.stdout.find(" => {", end)) >= 0:
            result, end = START.raw_decode(done.stdout, start + 4)
            found.append(result)
        output = done.stdout + done.stderr
        assert len(found) == len(cases), output
        return found, output

    return run


OLD_MX = there("MX", "old.example.net", priority=10, id="the-mx", comment="ask Ada first", tags=["team:mail"])
FOREIGN = [
    there("CNAME", "site.example.net", proxied=True, id="the-site"),
    there("A", "203.0.113.80", name="www.example.org", proxied=True, comment="shop"),
    there("TXT", "google-site-verification=abc", ttl=1),
    there("TXT", '"other" "text"', name="mail.example.org"),
    {"type": "SRV", "name": "_sip._tcp.example.org", "data": {"priority": 1, "weight": 2, "port": 5060, "target": "s"}},
]
DKIM = "v=DKIM1; k=rsa; p=" + "A" * 300
MAIL = [
    mx("10 mail.example.org", "20 backup.example.net"),
    record("mail.example.org", "A", "203.0.113.17", ttl=300),
    record("mail.example.org", "AAAA", "2001:DB8::17"),
    record("example.org", "TXT", "v=spf1 mx -all"),
    record("k1._domainkey.example.org", "TXT", DKIM),
    record("_25._tcp.mail.example.org", "TLSA", "3 1 1 " + "0A" * 32),
    record("_submission._tcp.example.org", "SRV", "0 1 587 mail.example.org"),
    record("mail.example.org", "CAA", '0 issue "letsencrypt.org; validationmethods=dns-01"'),
    record("autoconfig.example.org", "CNAME", "mail.example.org"),
    record("17.example.org", "PTR", "mail.example.org"),
    record("lab.example.org", "NS", "ns1.example.net", "ns2.example.net"),
    record("mta-sts.example.org", "HTTPS", '1 . alpn="h2,h3"'),
    record("null.example.org", "MX", "0 ."),
    record("gone.example.org", "A", state="absent"),
]


def test_a_mail_domain(fake: Fake, tasks: Callable[..., Any]) -> None:
    fake.has(*FOREIGN, OLD_MX, there("A", "203.0.113.9", name="gone.example.org"), page=3)
    foreign = fake.records()
    reading = {"records": MAIL, "api_token": TOKENS["reader"], "check_mode": True}
    (checked,), output = tasks(reading, words=("--diff",))
    assert checked["changed"], output
    assert "-example.org. 3600 IN MX 10 old.example.net.\n" in output
    assert fake.records() == foreign
    assert fake.requests() == ["GET /zones", *[LIST] * 3], "seven records in pages of three"
    (first, second), output = tasks({"records": MAIL}, {"records": MAIL})
    assert (first["changed"], second["changed"]) == (True, False), output
    assert fake.requests() == ["GET /zones", *[LIST] * 3, BATCH, *[LIST] * 7, "GET /zones", *[LIST] * 7]
    assert {change["status"] for change in first["changes"]} == {"applied"}
    assert first["atomic"]
    names = {(each["type"], each["name"]): each for each in fake.records()}
    assert fake.contents("A", "mail.example.org") == ["203.0.113.17"]
    assert fake.contents("AAAA", "mail.example.org") == ["2001:db8::17"]
    assert fake.contents("TXT") == ['"v=spf1 mx -all"', "google-site-verification=abc"]
    assert fake.contents("TXT", "k1._domainkey.example.org") == [f'"{DKIM[:255]}" "{DKIM[255:]}"']
    assert names["TLSA", "_25._tcp.mail.example.org"]["data"] == {
        "usage": 3,
        "selector": 1,
        "matching_type": 1,
        "certificate": "0a" * 32,
    }
    assert names["SRV", "_submission._tcp.example.org"]["data"] == {
        "priority": 0,
        "weight": 1,
        "port": 587,
        "target": "mail.example.org",
    }
    assert names["CAA", "mail.example.org"]["data"] == {
        "flags": 0,
        "tag": "issue",
        "value": "letsencrypt.org; validationmethods=dns-01",
    }
    assert names["HTTPS", "mta-sts.example.org"]["data"] == {"priority": 1, "target": ".", "value": 'alpn="h2,h3"'}
    assert fake.contents("CNAME", "autoconfig.example.org") == ["mail.example.org"]
    assert fake.contents("PTR", "17.example.org") == ["mail.example.org"]
    assert fake.contents("NS", "lab.example.org") == ["ns1.example.net", "ns2.example.net"]
    assert [(each["content"], each["priority"]) for each in fake.records("MX", "null.example.org")] == [(".", 0)]
    assert fake.records("A", "gone.example.org") == []
    # The MX is a new value in the old record, which keeps what people wrote beside it.
    exchanges = {each["content"]: each for each in fake.records("MX", "example.org")}
    assert set(exchanges) == {"mail.example.org", "backup.example.net"}
    kept = [each for each in exchanges.values() if each["id"] == "the-mx"]
    assert [(each["comment"], each["tags"]) for each in kept] == [("ask Ada first", ["team:mail"])]
    ours = {("MX", "example.org"), ("A", "gone.example.org")}
    for each in foreign:
        assert (each["type"], each["name"]) in ours or each in fake.records()


def test_only_what_differs_is_sent(fake: Fake, tasks: Callable[..., Any]) -> None:
    """Other values of the RRset, and what people noted at a record, stay; the TTL 'automatic' is one of 300 s."""
    second_mx = there("MX", "backup.example.net", priority=20, id="second", ttl=1)
    fake.has(OLD_MX, second_mx, there("TXT", "v=spf1 -all", id="spf"), there("TXT", '"not ours"', id="other"))
    wanted = [
        mx("10 old.example.net", "20 backup.example.net", "30 third.example.net", ttl=300),
        record("example.org", "TXT", "v=spf1 mx -all"),
    ]
    (changed, again, removed), output = tasks(
        {"records": wanted}, {"records": wanted}, {"records": [mx("30 third.example.net", state="absent")]}
    )
    assert [changed["changed"], again["changed"], removed["changed"]] == [True, False, True], output
    left = {each["id"]: each for each in fake.records()}
    assert set(left) == {"the-mx", "second", "spf", "other"}
    assert left["the-mx"]["ttl"] == 300
    assert left["the-mx"]["comment"] == "ask Ada first"
    assert left["second"] == {**left["second"], **second_mx}, "it had that TTL already"
    assert left["spf"]["content"] == '"v=spf1 mx -all"'
    assert left["other"]["content"] == '"not ours"'
    before = {change["type"]: change["before"] for change in changed["changes"]}
    assert before["TXT"] == {"ttl": 3600, "values": ['"not ours"', '"v=spf1 -all"']}


def test_proxied_records(fake: Fake, tasks: Callable[..., Any]) -> None:
    """Nobody who sends mail reaches an address behind the proxy, which passes HTTP alone."""
    fake.has(
        OLD_MX,
        there("A", "203.0.113.17", name="mail.example.org", proxied=True, id="mail", comment="server 3"),
        there("AAAA", "2001:db8::17", name="mail.example.org"),
        there("A", "203.0.113.80", name="www.example.org", proxied=True),
        there("A", "203.0.113.81", name="www.example.org", id="second"),
        there("A", "203.0.113.9", name="shop.example.org", proxied=True, id="shop"),
        there("MX", "shop.example.org", name="shop.example.org", priority=10),
    )
    address = record("mail.example.org", "A", "203.0.113.17")
    address6 = record("mail.example.org", "AAAA", "2001:db8::17")
    exchange = mx("10 mail.example.org")
    web = record("www.example.org", "A", "203.0.113.80", state="absent")
    pruned = [record("shop.example.org", "MX", "10 mail.example.org")]
    found, output = tasks(
        {"records": [exchange]},
        {"records": [address6]},
        {"records": [exchange, address], "check_mode": True},
        {"records": [exchange, address]},
        {"records": [exchange, address, address6]},
        {"records": [record("www.example.org", "A", "192.0.2.1", state="absent")]},
        {"records": [web]},
        {"records": [web]},
        {"records": pruned, "prune": True},
        words=("--diff",),
    )
    assert "MX example.org would be answered with another host than mail.example.org, since A mail" in found[0]["msg"]
    assert "AAAA mail.example.org would be answered with Cloudflare's addresses, since A mail" in found[1]["msg"]
    expected = [False, False, True, True, False, False, True, False, True]
    assert [result["changed"] for result in found] == expected, output
    before = {change["type"]: change["before"] for change in found[2]["changes"]}
    assert before["A"] == {"ttl": 300, "values": ["203.0.113.17"], "proxied": True}
    assert "-mail.example.org. 300 IN A 203.0.113.17 ; proxied\n" in output
    assert "+mail.example.org. 300 IN A 203.0.113.17\n" in output
    left = {each["id"]: each for each in fake.records()}
    assert (left["mail"]["proxied"], left["mail"]["comment"]) == (False, "server 3")
    assert left["second"]["proxied"], "its site was behind the proxy, and stays there"
    assert left["shop"]["proxied"]
    assert [each["reason"] for each in found[8]["leftover"]] == ["it serves a web site behind Cloudflare's proxy"]


def test_what_cannot_be(fake: Fake, tasks: Callable[..., Any]) -> None:
    """Cloudflare would take most of it, and the world would see something else."""
    routing = {"meta": {"read_only": True, "email_routing": True}}
    standing = (
        there("CNAME", "site.example.net"),
        there("MX", "route1.mx.example.net", priority=5, **routing),
        there("NS", "ns1.lab.example.org", name="lab.example.org"),
        there("A", "203.0.113.53", name="ns1.lab.example.org"),
        there("CNAME", "elsewhere.example.net", name="alias.example.org"),
    )
    fake.has(*standing)
    (refused, fine, alone), output = tasks(
        {
            "records": [
                mx("10 mail.example.org"),
                record("example.org", "A", "203.0.113.1"),
                record("a.example.org", "A", "203.0.113.1", ttl=30),
                record("b.example.org", "A", "203.0.113.1", ttl=90000),
                record("www.lab.example.org", "A", "203.0.113.1"),
                record("alias.example.org", "MX", "10 mail.example.net"),
                record("loc.example.org", "LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
            ]
        },
        {"records": [record("ns1.lab.example.org", "A", "203.0.113.54"), record("example.org", "TXT", "v=spf1 -all")]},
        {"records": [mx("5 route1.mx.example.net")]},
    )
    for text in (
        "MX example.org has a record that another service of Cloudflare keeps (route1.mx.example.net): switch off",
        "A example.org cannot be beside the alias there (CNAME site.example.net.)",
        "A a.example.org has a TTL of 30 s, in this zone 60 to 86400 s are possible",
        "A b.example.org has a TTL of 90000 s",
        "A www.lab.example.org would not be seen, since the zone delegates lab.example.org to other name servers",
        "alias.example.org is an alias (CNAME elsewhere.example.net.) and cannot have MX records as well",
        "Cloudflare: it has no LOC records (loc.example.org)",
        "Nothing was written in this zone.",
    ):
        assert text in refused["msg"], output
    assert not refused["changed"]
    assert (fine["changed"], alone["changed"]) == (True, False), output
    assert fake.contents("A", "ns1.lab.example.org") == ["203.0.113.54"], "glue"
    assert fake.requests().count(BATCH) == 1


def test_more_than_a_batch_holds(fake: Fake, tasks: Callable[..., Any]) -> None:
    """200 operations on the Free plan, 3,500 on the others. Addresses come before what names them."""
    many = [record(f"h{number}.example.org", "A", "203.0.113.17", ttl=300) for number in range(250)]
    records = [mx(*(f"{number} h{number}.example.org" for number in range(30))), *many]
    fake.has()
    (free,), output = tasks({"records": records})
    assert (free["changed"], free["stats"]["messages"]) == (True, 2), output
    assert len(fake.records()) == 280
    fake.has(plan={"legacy_id": "enterprise"})
    (enterprise,), output = tasks({"records": [{**each, "ttl": 30} for each in records]})
    assert (enterprise["changed"], enterprise["stats"]["messages"]) == (True, 1), output
    # The second batch of two is refused: what is in the first has been made.
    fake.has()
    refusal = {"method": "POST", "status": 400, "errors": [{"code": 1004, "message": "DNS Validation Error"}]}
    fake.will(*({"method": method} for method in ("GET", "GET", "POST", *["GET"] * 2)), refusal)
    (half,), output = tasks({"records": records})
    assert "refuses to change records: DNS Validation Error, 1004." in half["msg"], output
    assert "199 of 251 were written" in half["msg"] or "200 of 251 were written" in half["msg"]
    assert fake.records("MX") == [], "no MX without the addresses of its hosts"


def test_somebody_else_writes_at_the_same_moment(fake: Fake, tasks: Callable[..., Any]) -> None:
    theirs = there("TXT", '"theirs"', name="new.example.org")
    ours = record("new.example.org", "TXT", "theirs")
    fake.has(OLD_MX)
    fake.will(
        {"method": "GET"},
        {"method": "GET"},
        {"method": "POST", "first": {"deletes": [{"id": "the-mx"}]}},
        {"method": "GET"},
        {"method": "POST"},
    )
    (gone,), output = tasks({"records": [mx("10 mail.example.net")]})
    assert gone["changed"], output
    assert fake.contents("MX") == ["mail.example.net"]
    fake.has(OLD_MX)
    fake.will({"method": "GET"}, {"method": "GET"}, {"method": "POST", "first": {"posts": [theirs]}})
    (same,), output = tasks({"records": [ours]})
    assert (same["changed"], "msg" in same) == (False, False), output
    fake.has(OLD_MX)
    identical = {"method": "POST", "status": 400, "errors": [{"code": 81058, "message": "An identical record exists."}]}
    fake.will({"method": "GET"}, {"method": "GET"}, identical, {"method": "GET"}, identical)
    (twice,), output = tasks({"records": [mx("10 mail.example.net")]})
    assert "another client changed it between reading and writing" in twice["msg"], output
    assert "An identical record exists, 81058" in twice["msg"]
    assert fake.contents("MX") == ["old.example.net"]


def test_answers_that_get_lost_and_busy_days(fake: Fake, tasks: Callable[..., Any]) -> None:
    def run(*faults: dict[str, Any]) -> tuple[Any, list[str], str]:
        fake.has(OLD_MX)
        fake.will(*faults)
        (result,), output = tasks({"records": [mx("10 mail.example.net")], "timeout": 3})
        return result, fake.requests(), output

    read = {"method": "GET"}
    wait = {"status": 429, "headers": {"Retry-After": "1"}, "errors": [{"code": 10100, "message": "More than 1200"}]}
    broken = {"status": 503, "errors": [{"code": 1101, "message": "Service unavailable"}]}
    # Made, and the answer lost: it is not made twice.
    for how in ("lose", "garble"):
        made, requests, output = run(read, read, {"method": "POST", how: True})
        assert [change["status"] for change in made["changes"]] == ["applied"], output
        assert requests.count(BATCH) == 1
    # Not made, and nobody can know: it is looked at, and sent again.
    sent, requests, output = run(read, read, {"method": "POST", **broken})
    assert [change["status"] for change in sent["changes"]] == ["applied"], output
    assert requests == ["GET /zones", LIST, BATCH, LIST, BATCH, LIST]
    # Turned away for a moment, with any request.
    waited, requests, output = run({**read, **wait}, read, {**read, **broken}, read, {"method": "POST", **wait})
    assert waited["changed"], output
    assert requests == ["GET /zones", "GET /zones", LIST, LIST, BATCH, BATCH, LIST]
    # Turned away for longer than anybody waits for a task.
    longer = {**wait, "headers": {"Retry-After": "3600"}}
    late, requests, output = run(read, read, {"method": "POST", **longer})
    assert "takes no more requests of this user for now (More than 1200, 10100)" in late["msg"], output
    assert "Run it again in 3600 s." in late["msg"]
    assert [change["status"] for change in late["changes"]] == ["not_applied"]
    assert requests == ["GET /zones", LIST, BATCH]
    assert fake.contents("MX") == ["old.example.net"]


def test_tokens_and_zones(fake: Fake, tasks: Callable[..., Any]) -> None:
    """Each reason has a message of its own, and no token is in any of them."""
    names = ("pending", "moved", "partial", "secondary", "twice", "paused", "both")
    zones = [ZONE]
    for number, (name, status, kind, account, paused) in enumerate(
        [
            ("pending", "pending", "full", "a1", False),
            ("moved", "moved", "full", "a1", False),
            ("partial", "active", "partial", "a1", False),
            ("secondary", "active", "secondary", "a1", False),
            ("twice", "active", "full", "a1", False),
            ("twice", "active", "full", "a2", False),
            ("paused", "active", "full", "a1", True),
            ("both", "pending", "full", "a1", False),
            ("both", "active", "full", "a2", False),
        ]
    ):
        zones.append(
            {
                **ZONE,
                "id": f"{number:032}",
                "name": f"{name}.example",
                "status": status,
                "type": kind,
                "paused": paused,
                "account": {"id": account, "name": "Mail"},
            }
        )
    fake.has(zones=zones)
    one = [mx("10 mail.example.net")]
    in_each = [mx("10 mail.example.net", zone=f"{name}.example") for name in (*names, "no")]
    found, output = tasks(
        {"records": one, "api_token": "w" * 40},
        {"records": one, "api_token": "no-such-token"},
        {"records": one, "api_token": f"{TOKENS['editor']}\n"},
        {"records": one, "api_token": TOKENS["unlisted"]},
        {"records": one, "api_token": TOKENS["stranger"]},
        {"records": one, "api_token": TOKENS["blind"]},
        {"records": one, "api_token": TOKENS["reader"]},
        {"records": in_each},
        {"records": [in_each[0]], "options": {"pending": True}},
        {"records": [in_each[4]], "options": {"account_id": "a2"}},
        {"records": one, "options": {"account": "a2"}},
        {"records": one, "url": f"{fake.site}/client/v5"},
        {"records": one, "url": "api.cloudflare.com/client/v4"},
        words=("-vvv",),
    )
    assert "does not let this token look for zones (Invalid access token, 9109). Check" in found[0]["msg"], output
    assert "(Invalid request headers, 6003; Invalid format for Authorization header, 6111)" in found[1]["msg"]
    assert "api_token has a character that is in no token: a space, or the end of a line" in found[2]["msg"]
    assert "com.cloudflare.api.account.zone.list', 0). Check that api_token" in found[3]["msg"]
    assert "the permission Zone: Read" in found[3]["msg"]
    assert "has no zone of this name for this token" in found[4]["msg"]
    assert "does not let this token read records (Authentication error, 10000)" in found[5]["msg"]
    assert "does not let this token change records (Authentication error, 10000)" in found[6]["msg"]
    assert "the permission DNS: Edit for this zone" in found[6]["msg"]
    errors = {error["zone"]: error["message"] for error in found[7]["errors"]}
    assert set(errors) == {f"{name}.example" for name in ("pending", "moved", "partial", "secondary", "twice", "no")}
    assert (
        "enter ada.ns.example.net and bob.ns.example.net as its name servers at the registrar"
        in errors["pending.example"]
    )
    assert "options.pending" in errors["pending.example"]
    assert "no longer delegated to Cloudflare" in errors["moved.example"]
    assert "a partial zone (CNAME setup)" in errors["partial.example"]
    assert "a secondary zone" in errors["secondary.example"]
    assert "in several accounts: a1 (Mail), a2 (Mail). Say in options.account_id" in errors["twice.example"]
    written = {change["zone"] for change in found[7]["changes"] if change["status"] == "applied"}
    assert written == {"paused.example", "both.example"}
    assert [found[number]["changed"] for number in (8, 9)] == [True, True]
    assert "options: account. Supported parameters include: account_id, allow_cleartext, pending." in found[10]["msg"]
    assert "does not answer as Cloudflare does (HTTP status 404). Check url." in found[11]["msg"]
    assert "url: https:// or http:// and the name of a host, not api.cloudflare.com/client/v4" in found[12]["msg"]
    for token in ("w" * 40, "no-such-token", *TOKENS.values()):
        assert token not in output


def test_waits_for_the_name_servers(
    fake: Fake, tasks: Callable[..., Any], new_server: Callable[[], Named], tmp_path: Path
) -> None:
    """Those that the zone has at Cloudflare, here two of BIND, one of which stays behind."""
    servers = {"ada.ns.example.net": new_server(), "bob.ns.example.net": new_server()}
    for server in servers.values():
        server.zone("example.org", "@ MX 10 old.example.net.")
        server.start()
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"{server.address} {name}\n" for name, server in servers.items()))
    for server in servers.values():
        server.nsupdate("example.org", "del example.org MX", "add example.org 3600 MX 10 mail.example.net")
    fake.has(OLD_MX)
    (there_,), output = tasks({"records": [mx("10 mail.example.net")], "wait_timeout": 60}, etc={"hosts": hosts})
    assert there_["changed"], output
    assert "msg" not in there_
    servers["bob.ns.example.net"].nsupdate(
        "example.org", "del example.org MX", "add example.org 3600 MX 10 old.example.net"
    )
    fake.has(OLD_MX)
    (late,), output = tasks({"records": [mx("10 mail.example.net")], "wait_timeout": 1}, etc={"hosts": hosts})
    assert "written, but after 1 s not yet answered by bob.ns.example.net. It usually takes seconds" in late["msg"], (
        output
    )
    assert late["changed"]


def test_the_token_goes_to_the_service_alone(tls_fake: Fake, tasks: Callable[..., Any], tmp_path: Path) -> None:
    tls_fake.has(OLD_MX)
    task = {"records": [mx("10 mail.example.net")], "url": tls_fake.url, "ca_path": str(tmp_path / "certificate.pem")}
    (unknown, moved), output = tasks({**task, "ca_path": None}, {**task, "url": f"{tls_fake.site}/moved/client/v4"})
    assert "has no valid certificate: self-signed certificate" in unknown["msg"], output
    assert "name its certificate in ca_path" in unknown["msg"]
    assert "does not answer as Cloudflare does (HTTP status 302). Check url." in moved["msg"]
    assert tls_fake.requests() == []
    (trusted,), output = tasks(task)
    assert trusted["changed"], output
    assert tls_fake.contents("MX") == ["mail.example.net"]
