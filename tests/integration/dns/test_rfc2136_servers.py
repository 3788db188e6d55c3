# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS UPDATE at Knot and PowerDNS, which read RFC 2136 each in its own way; signed zones; secondaries that lag."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from controller import Controller, Outcome, access, mx, record
from knot import Knot
from name_server import Key, NameServer
from named import Named
from powerdns import PowerDns

FOREIGN = 'www A 203.0.113.80\n@ TXT "google-site-verification=abc"\n@ MX 10 old\nold A 203.0.113.9\nshop CNAME www\n'
FOREIGN += '* TXT "from the wildcard"'
TEXTS = ["v=DKIM1; k=rsa; p=" + "A" * 400, 'quotes " and \\ backslashes; and more', "ümlaut"]
RECORDS = [
    mx("10 mail.example.org", "20 MX2.example.net."),
    record("mail.example.org", "A", "203.0.113.17"),
    record("mail.example.org", "AAAA", "2001:db8::17"),
    record("example.org", "TXT", "v=spf1 mx -all"),
    *(record(f"t{number}.example.org", "TXT", text) for number, text in enumerate(TEXTS)),
    record("*.wild.example.org", "MX", "0 ."),
    record("bücher.example.org", "A", "203.0.113.18"),
    record("_25._tcp.mail.example.org", "TLSA", "3 1 1 " + "ab" * 32),
]
UNKNOWN_TYPE = record("x.example.org", "TYPE65280", r"\# 2 abcd")
BOTH = ["bookworm", "trixie"]
Make = Callable[..., NameServer]


@pytest.mark.parametrize("release", BOTH)
@pytest.mark.parametrize("kind", [Knot, PowerDns])
def test_records_are_made_changed_and_removed(
    make: Make, kind: type[NameServer], release: str, controller: Controller
) -> None:
    server = make(kind, release)
    server.zone("example.org", FOREIGN)
    server.start()
    made = controller.records(server, RECORDS)
    assert not made.failed, made.output
    assert made.stats["messages"] == 1
    assert server.dig("example.org", "MX") == ["10 mail.example.org.", "20 mx2.example.net."]
    assert server.ttl("example.org", "MX") == 3600
    assert server.dig("example.org", "TXT") == ['"google-site-verification=abc"', '"v=spf1 mx -all"']
    assert server.dig("t0.example.org", "TXT")[0].replace('" "', "") == f'"{TEXTS[0]}"'
    assert server.dig("t1.example.org", "TXT") == [r'"quotes \" and \\ backslashes; and more"']
    assert server.dig("t2.example.org", "TXT") == [r'"\195\188mlaut"']
    assert server.dig("any.wild.example.org", "MX") == ["0 ."]
    assert server.dig("xn--bcher-kva.example.org", "A") == ["203.0.113.18"]
    again = controller.records(server, [mx("20 mx2.EXAMPLE.net", "10 mail.example.org."), *RECORDS[1:]])
    assert not again.failed, again.output
    assert not again.changed, again.changes
    # One of two values goes; an alias and an address change places, in the same update.
    changed = controller.records(
        server,
        [
            mx("20 mx2.example.net", state="absent"),
            record("www.example.org", "A", state="absent"),
            record("www.example.org", "CNAME", "mail.example.org"),
            record("shop.example.org", "CNAME", state="absent"),
            record("shop.example.org", "A", "203.0.113.80", ttl=60),
            record("under.example.org", "TXT", "not from the wildcard"),
        ],
    )
    assert not changed.failed, changed.output
    assert changed.stats["messages"] == 1
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    assert server.dig("www.example.org", "CNAME") == ["mail.example.org."]
    assert server.dig("shop.example.org", "A") == ["203.0.113.80"]
    assert server.ttl("shop.example.org", "A") == 60
    assert server.dig("old.example.org", "A") == ["203.0.113.9"]
    assert server.dig("nobody.example.org", "TXT") == ['"from the wildcard"']
    unknown = controller.records(server, [UNKNOWN_TYPE])
    if kind is Knot:
        assert server.dig("x.example.org", "TYPE65280") == [r"\# 2 ABCD"]
    else:
        assert "does not understand the update of TYPE65280 x.example.org (FORMERR)" in unknown.msg
    refused = controller.records(server, [record("www.example.org", "MX", "10 mail.example.org")])
    assert "www.example.org is an alias (CNAME mail.example.org.)" in refused.msg


@pytest.mark.parametrize("release", BOTH)
@pytest.mark.parametrize("kind", [Knot, PowerDns])
def test_what_is_refused_is_said(make: Make, kind: type[NameServer], release: str, controller: Controller) -> None:
    server = make(kind, release)
    server.zone("example.org", FOREIGN)
    server.start()
    before = server.dig("example.org", "MX")
    assert "zone example.com" in controller.records(server, [mx("10 mail.example.net", zone="example.com")]).msg
    # Neither signs what it says of a key that it does not know, so it may be forged.
    unknown = controller.records(server, [mx("10 mail.example.net")], key_name="other", timeout=2)
    assert unknown.failed
    assert "heck key_name" in unknown.msg
    wrong = controller.records(server, [mx("10 mail.example.net")], key_secret=Key("inbound-mail").secret, timeout=2)
    assert wrong.failed
    assert "check key_" in wrong.msg
    assert server.dig("example.org", "MX") == before


@pytest.mark.parametrize("kind", [Knot, PowerDns])
def test_a_zone_too_big_for_one_message(make: Make, kind: type[NameServer], controller: Controller) -> None:
    server = make(kind, "trixie")
    server.zone("example.org", FOREIGN)
    server.start()
    records = [record(f"h{number:04}.example.org", "TXT", f"{number} " + "x" * 60) for number in range(1200)]
    done = controller.records(server, records)
    assert not done.failed, done.output[:3000]
    assert done.stats["messages"] > 1
    assert server.dig("h0000.example.org", "TXT") + server.dig("h1199.example.org", "TXT") == [
        f'"{number} {"x" * 60}"' for number in (0, 1199)
    ]
    assert not controller.records(server, records).changed


@pytest.mark.parametrize("kind", [Named, Knot, PowerDns])
def test_a_delegated_zone_at_the_same_server(make: Make, kind: type[NameServer], controller: Controller) -> None:
    """The server answers from it, whichever zone is meant."""
    server = make(kind, "trixie")
    server.zone("example.org", "sub NS ns1\nshop CNAME mail.sub")
    server.zone("sub.example.org", "mail A 203.0.113.9\n@ MX 10 mail")
    server.start()
    task = {**access(server), "records": [record("mail.sub.example.org", "A", "203.0.113.17")]}
    tasks = [
        {**task, "write": False},
        task,
        {**task, "records": [record("mail.sub.example.org", "A", state="absent")]},
        {**task, "records": [record("sub.example.org", "MX", "10 mail.example.net")]},
    ]
    for refused in controller.results([{"inbound.mail.dns_records": one} for one in tasks]):
        assert refused["failed"]
        assert "sub.example.org is in the zone sub.example.org: name that zone" in refused["msg"]
    assert server.dig("mail.sub.example.org", "A") == ["203.0.113.9"]
    ours = [
        record("sub.example.org", "DS", "12345 13 2 " + "ab" * 32),
        record("shop.example.org", "CNAME", "www.sub.example.org"),
    ]
    for values in (ours, [{**ours[0], "values": ["12345 13 2 " + "cd" * 32]}]):
        for one in controller.results(
            [{"inbound.mail.dns_records": {**task, "records": values, "write": write}} for write in (False, True)]
        ):
            assert not one["failed"], one["msg"]


@pytest.mark.parametrize("kind", [Knot, PowerDns])
def test_an_exchange_that_is_an_alias(make: Make, kind: type[NameServer], controller: Controller) -> None:
    """BIND refuses it; these take it."""
    server = make(kind, "trixie")
    server.zone("example.org", FOREIGN)
    server.start()
    wanted = mx("10 shop.example.org", "20 www.example.org", "30 mail.example.org", "40 mx.example.net")
    made = controller.records(server, [wanted, record("mail.example.org", "A", "203.0.113.17")])
    assert not made.failed, made.output
    said = " ".join(made.output.split())
    assert "MX example.org names shop.example.org, which is an alias (CNAME www.example.org.)" in said
    assert said.count("which is an alias") == 1
    assert "alias" not in controller.records(server, [wanted]).output, "it was said when it was written"


PAGE = (Path(__file__).resolve().parents[3] / "docs" / "providers" / "rfc2136.md").read_text()


def test_bind_with_the_rights_that_the_documentation_gives(make: Make, controller: Controller) -> None:
    server = make(Named, "trixie")
    policy = re.search(r"update-policy \{\n.*?\};\n", PAGE, re.DOTALL)
    assert policy is not None
    server.zone("example.org", FOREIGN, policy[0])
    server.start()
    records = [
        mx("10 mail.example.org"),
        record("mail.example.org", "A", "203.0.113.17"),
        record("example.org", "TXT", "v=spf1 mx -all"),
    ]
    done = controller.records(server, records)
    assert not done.failed, done.output
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    for denied in (record("www.example.org", "A", "203.0.113.18"), record("mail.example.org", "CAA", '0 issue ";"')):
        assert controller.records(server, [denied]).failed
    assert server.dig("www.example.org", "A") == ["203.0.113.80"]
    assert server.dig("mail.example.org", "CAA") == []


def test_knot_with_the_rights_that_the_documentation_gives(make: Make, controller: Controller) -> None:
    lines = PAGE.partition("- id: inbound-mail\n")[2].partition("\n\n")[0].splitlines()
    # The fixture has the lines before these.
    acl = "\n    ".join(line.strip() for line in lines if line.strip() != "key: inbound-mail")
    server = make(Knot, "trixie", acl=acl)
    server.zone("example.org", FOREIGN)
    server.start()
    done = controller.records(server, [mx("10 mail.example.org"), record("mail.example.org", "A", "203.0.113.17")])
    assert not done.failed, done.output
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    for denied in (record("www.example.org", "A", "203.0.113.18"), record("mail.example.org", "CAA", '0 issue ";"')):
        refused = controller.records(server, [denied], timeout=2)
        assert refused.failed
        # Knot does not sign its refusal.
        assert {change["status"] for change in refused.changes} == {"unknown"}
        assert "check key_name" in refused.msg
    assert server.dig("www.example.org", "A") == ["203.0.113.80"]
    assert server.dig("mail.example.org", "CAA") == []


def test_powerdns_says_yes_to_what_its_policy_denies(make: Make, controller: Controller) -> None:
    server = make(PowerDns, "trixie", settings="lua-dnsupdate-policy-script=/srv/policy.lua")
    (server.folder / "policy.lua").write_text("function updatepolicy(input) return input:getQType() ~= pdns.MX end\n")
    server.zone("example.org", FOREIGN)
    server.start()
    denied = controller.records(server, [mx("10 mail.example.net")])
    assert denied.failed
    assert not denied.changed
    assert "said yes (NOERROR) to the update, but does not answer it: MX example.org" in denied.msg
    assert server.dig("example.org", "MX") == ["10 old.example.org."]


def signed_named(make: Make) -> NameServer:
    server = make(Named, "trixie", options="minimal-any yes;")
    server.zone("example.org", FOREIGN, 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };')
    server.zones["example.org"] = server.zones["example.org"].replace(
        "type primary;", 'type primary; dnssec-policy default; key-directory "/srv";'
    )
    server.start()
    return server


def signed_knot(make: Make) -> NameServer:
    server = make(Knot, "trixie")
    server.zone("example.org", FOREIGN, options="    dnssec-signing: on\n")
    server.start()
    return server


def signed_by_knot_as_it_answers(make: Make) -> NameServer:
    server = make(Knot, "trixie")
    server.zone("example.org", FOREIGN, options="    module: mod-onlinesign\n")
    server.start()
    return server


def signed_powerdns(make: Make) -> NameServer:
    server = make(PowerDns, "trixie")
    server.zone("example.org", FOREIGN)
    server.pdnsutil("secure-zone", "example.org")
    server.pdnsutil("add-meta", "example.org", "TSIG-ALLOW-AXFR", server.key.name)
    server.start()
    return server


@pytest.mark.parametrize("signed", [signed_named, signed_knot, signed_by_knot_as_it_answers, signed_powerdns])
def test_a_signed_zone(make: Make, signed: Callable[[Make], NameServer], controller: Controller) -> None:
    server = signed(make)
    deadline = time.monotonic() + 60
    while not any(line.startswith("MX ") for line in server.dig("+dnssec", "example.org", "MX")):
        assert time.monotonic() < deadline, "the zone was never signed"
    done = controller.records(server, RECORDS, prune=True)
    assert not done.failed, done.output
    assert server.dig("old.example.org", "A") == [], "the chain of signed names is nobody who needs the host"
    for name, rdtype in (("example.org", "MX"), ("mail.example.org", "A"), ("any.wild.example.org", "MX")):
        assert any(line.startswith(f"{rdtype} ") for line in server.dig("+dnssec", name, rdtype)), name
    gone = controller.records(server, [record("t0.example.org", "TXT", state="absent")])
    assert not gone.failed, gone.output
    again = controller.records(server, [*RECORDS[:4], *RECORDS[5:]])
    assert not again.failed, again.output
    assert not again.changed, again.changes
    refused = controller.records(server, [record("www.example.org", "CNAME", "mail.example.org")])
    assert "cannot have A records as well" in refused.msg
    # With the address go its signatures, which keep no alias out.
    swap = [record("www.example.org", "A", state="absent"), record("www.example.org", "CNAME", "mail.example.org")]
    swapped = controller.records(server, swap)
    assert not swapped.failed, swapped.output
    assert server.dig("www.example.org", "CNAME") == ["mail.example.org."]


def test_a_secondary_of_another_make_that_must_catch_up(make: Make, controller: Controller) -> None:
    """BIND does not tell it of the change; somebody has it look, while we wait."""
    primary, secondary = make(Named, "trixie"), make(Knot, "trixie")
    policy = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; }; notify no;'
    primary.zone("example.org", f"{FOREIGN}\n@ NS ns2\nns2 A {secondary.address}", policy)
    primary.start()
    secondary.statements = f"remote:\n  - id: primary\n    address: {primary.address}@53\n"
    secondary.zones["example.org"] = "  - domain: example.org\n    master: primary\n"
    secondary.start()
    deadline = time.monotonic() + 60
    while secondary.dig("example.org", "MX") != ["10 old.example.org."]:
        assert time.monotonic() < deadline, secondary.log
    late = controller.records(primary, [mx("10 first.example.net")], wait_timeout=2)
    assert late.failed
    assert "written, but after 2 s not yet answered by ns2.example.org" in late.msg
    assert primary.dig("example.org", "MX") == ["10 first.example.net."]
    outcomes: list[Outcome] = []
    task = {**access(primary), "records": [mx("10 second.example.net")], "wait_timeout": 60}
    waiting = threading.Thread(target=lambda: outcomes.append(controller.run("dns_records", task)))
    waiting.start()
    while primary.dig("example.org", "MX") != ["10 second.example.net."]:
        assert waiting.is_alive(), outcomes
    assert secondary.dig("example.org", "MX") != ["10 second.example.net."]
    secondary.control("zone-refresh", "example.org")
    waiting.join()
    assert not outcomes[0].failed, outcomes[0].output
    assert secondary.dig("example.org", "MX") == ["10 second.example.net."]
    refused = controller.records(secondary, [mx("10 third.example.net")])
    assert refused.failed
    assert primary.dig("example.org", "MX") == ["10 second.example.net."]
