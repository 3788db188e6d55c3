# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers of octoDNS: octodns-powerdns with PowerDNS, octodns-bind with BIND, looked at with dig and pdnsutil."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controller import START, Controller, mx, record
from name_server import NameServer, Network
from named import Named
from powerdns import PACKAGES, PowerDns

RELEASE = "trixie"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def powerdns(
    debian_root: Callable[..., Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PowerDns]:
    # It knows zones that are added while it runs, and answers what is in its database.
    settings = "zone-cache-refresh-interval=0\ncache-ttl=0\nnegquery-cache-ttl=0\nquery-cache-ttl=0"
    root = debian_root(RELEASE, *PACKAGES)
    server = PowerDns(root, tmp_path_factory.mktemp("pdns"), network, settings=settings)
    server.start()
    yield server
    server.clear()


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


@pytest.mark.parametrize("service", ["powerdns", "bind"])
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
    assert first["changed"] and not first["atomic"], output
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
    assert third["changed"] and not third.get("failed"), output
    assert not fourth["changed"] and not fourth.get("failed"), output
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
