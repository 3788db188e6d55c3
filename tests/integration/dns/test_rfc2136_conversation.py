# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How servers are talked to: keys, protocols, names, many zones, big zones, several servers of a zone."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from controller import Controller, access, mx, record
from name_server import ADDRESSES, Key
from named import Named

# What is tested is the client: one release is enough.
one_release = pytest.mark.parametrize("release", ["trixie"], indirect=True)
MX = [mx("10 mail.example.net")]

ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


def test_every_algorithm_that_bind_knows(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.keys = [Key(name, name) for name in ALGORITHMS]
    for name in ALGORITHMS:
        server.zone(f"{name}.example", policy=f'update-policy {{ grant "{name}" zonesub ANY; }};')
    server.start()
    tasks = [
        {
            "inbound.mail.dns_records": {
                "server": server.address,
                "key_name": key.name,
                "key_secret": key.secret,
                "key_algorithm": key.algorithm,
                "records": [mx("10 mail.example.net", zone=f"{key.name}.example")],
            }
        }
        for key in server.keys
    ]
    done = controller.play(tasks)
    assert done.returncode == 0, done.stdout
    for key in server.keys:
        assert server.dig(f"{key.name}.example", "MX") == ["10 mail.example.net."]


def test_without_a_key(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.zone("example.org", policy="allow-update { any; };")
    server.start()
    outcome = controller.run("dns_records", {"server": server.address, "records": MX})
    assert not outcome.failed, outcome.output
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]


@pytest.mark.parametrize(
    ("inside_are", "seen_here"),
    [
        ('key "inside";', "relay"),
        # This host is inside as well, as in the document of examples/internal.
        (f'!key "inbound-mail"; key "inside"; {ADDRESSES};', "server"),
    ],
)
def test_the_key_decides_which_view_is_read_and_written(
    new_server: Callable[[], Named], controller: Controller, inside_are: str, seen_here: str
) -> None:
    server = new_server()
    server.keys = [Key("inbound-mail"), Key("inside")]
    for view, key in (("inside", "inside"), ("outside", "inbound-mail")):
        server.zone("example.org", policy=f'update-policy {{ grant "{key}" zonesub ANY; }};')
        text = server.zones.pop("example.org").replace("example.org.zone", f"{view}.zone")
        (server.folder / "example.org.zone").rename(server.folder / f"{view}.zone")
        clients = inside_are if view == "inside" else "any;"
        server.statement(f'view "{view}" {{ match-clients {{ {clients} }}; {text} }};')
    server.start()
    inside = {"key_name": "inside", "key_secret": server.keys[1].secret}
    controller.records(server, [mx("10 relay.example.net")])
    outcome = controller.records(server, [mx("10 server.example.net")], **inside)
    assert outcome.changed, outcome.output
    assert not controller.records(server, [mx("10 server.example.net")], **inside).changed
    assert not controller.records(server, [mx("10 relay.example.net")]).changed
    assert server.dig("example.org", "MX") == [f"10 {seen_here}.example.net."]
    server.write_key_file()
    assert server.dig("-k", "/srv/key", "example.org", "MX") == ["10 relay.example.net."]


def test_over_tcp(server: Named, controller: Controller) -> None:
    # Nothing over UDP reaches the server.
    network = server.network
    network.run("iptables-nft", "-A", "INPUT", "-d", server.address, "-p", "udp", "-j", "DROP", check=False)
    outcome = controller.records(server, MX, protocol="tcp")
    assert not outcome.failed, outcome.output
    assert server.dig("+tcp", "example.org", "MX") == ["10 mail.example.net."]
    assert not controller.records(server, MX, protocol="tcp").changed


@pytest.fixture
def tls_server(new_server: Callable[[], Named]) -> Named:
    server = new_server()
    subprocess.run(
        server.inside(
            *[
                "/usr/bin/openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ],
            *["-days", "2", "-subj", "/CN=ns1.example.org", "-addext", f"subjectAltName=IP:{server.address}"],
            *["-keyout", "/srv/tls.key", "-out", "/srv/tls.crt"],
        ),
        check=True,
        capture_output=True,
    )
    server.statement('tls "own" { key-file "/srv/tls.key"; cert-file "/srv/tls.crt"; };')
    server.options = f'listen-on port 853 tls "own" {{ {server.address}; }};'
    server.zone("example.org")
    server.start()
    return server


def test_over_tls(tls_server: Named, controller: Controller) -> None:
    trusted = {"protocol": "tls", "ca_path": str(tls_server.folder / "tls.crt")}
    outcome = controller.records(tls_server, MX, **trusted)
    assert not outcome.failed, outcome.output
    assert tls_server.dig("example.org", "MX") == ["10 mail.example.net."]
    stranger = controller.records(tls_server, MX, protocol="tls")
    assert stranger.failed
    assert "cannot be reached (TLS): its certificate is not valid" in stranger.msg
    for path in ("named.conf", "missing.crt"):
        outcome = controller.records(tls_server, MX, protocol="tls", ca_path=str(tls_server.folder / path))
        assert outcome.msg.startswith("ca_path: ") and "is no file with certificates" in outcome.msg


@one_release
def test_a_host_whose_first_address_does_not_answer(new_server: Callable[[], Named], controller: Controller) -> None:
    """localhost is ::1 first on most machines, and nothing listens there."""
    server = new_server()
    server.address = "127.0.0.1"
    server.zone("example.org")
    server.start()
    hosts = server.folder / "hosts"
    hosts.write_text("::1 ns1.example.org\n127.0.0.1 ns1.example.org\n")
    outcome = controller.run(
        "dns_records", {**access(server), "server": "ns1.example.org", "records": MX}, etc={"hosts": hosts}
    )
    assert not outcome.failed, outcome.output
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]


@one_release
def test_the_primary_is_found_by_the_soa(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.zone("example.org")
    server.start()
    resolver = server.folder / "resolv.conf"
    resolver.write_text(f"nameserver {server.address}\n")
    hosts = server.folder / "hosts"
    hosts.write_text(f"{server.address} ns1.example.org\n")
    task = {key: value for key, value in access(server).items() if key != "server"}
    etc = {"resolv.conf": resolver, "hosts": hosts}
    outcome = controller.run("dns_records", {**task, "records": MX}, etc=etc)
    assert not outcome.failed, outcome.output
    assert server.dig("example.org", "MX") == ["10 mail.example.net."]
    outcome = controller.run("dns_records", {**task, "records": [mx("10 a.example.net", zone="example.com")]}, etc=etc)
    assert "knows no SOA of the zone" in outcome.msg


def test_an_answer_that_does_not_fit_into_a_datagram(server: Named, controller: Controller) -> None:
    values = [f"{number} mx{number}.a-rather-long-name-for-a-mail-host.example.net" for number in range(90)]
    assert controller.records(server, [mx(*values)]).changed
    assert len(server.dig("example.org", "MX")) == 90
    assert not controller.records(server, [mx(*values)]).changed


@one_release
def test_a_zone_too_big_for_one_message(server: Named, controller: Controller) -> None:
    """octodns-bind: TooBig, and nothing or half of it is sent."""
    wanted = [record(f"host{number}.example.org", "TXT", f"{number} " + "x" * 100, ttl=300) for number in range(1000)]
    outcome = controller.records(server, wanted)
    assert not outcome.failed, outcome.output
    assert 1 < outcome.stats["messages"] < 10
    assert {change["status"] for change in outcome.changes} == {"applied"}
    assert server.dig("host999.example.org", "TXT") == [f'"999 {"x" * 100}"']
    assert not controller.records(server, wanted).changed


def test_a_zone_too_big_of_which_a_part_is_refused(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.zone(
        "example.org",
        policy='update-policy { deny "inbound-mail" name zzz.example.org. ANY; grant "inbound-mail" zonesub ANY; };',
    )
    server.start()
    names = [f"host{number:04}.example.org" for number in range(1000)] + ["zzz.example.org"]
    outcome = controller.records(server, [record(name, "TXT", "x" * 100) for name in names])
    assert outcome.failed
    assert outcome.changed
    status = {change["name"]: change["status"] for change in outcome.changes}
    applied = [name for name in names if status[name] == "applied"]
    assert f"too many for one message; {len(applied)} of 1001 were written" in outcome.msg
    assert 0 < len(applied) < 1001
    assert status["zzz.example.org"] == "not_applied"
    written = [name for name in (names[0], names[999]) if server.dig(name, "TXT")]
    assert written == [name for name in (names[0], names[999]) if status[name] == "applied"]


@one_release
def test_a_thousand_zones(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    names = [f"d{number:03}.example" for number in range(1000)]
    for name in names:
        server.zone(name)
    server.start()
    zones = {
        name: [
            {"name": name, "type": "MX", "values": [f"10 mail.{name}"]},
            {"name": name, "type": "TXT", "values": ["v=spf1 mx -all"]},
            {"name": f"mail.{name}", "type": "A", "values": ["203.0.113.17"]},
            {"name": f"mail.{name}", "type": "AAAA", "values": ["2001:db8:1::17"]},
            {"name": f"_dmarc.{name}", "type": "TXT", "values": ["v=DMARC1; p=none"]},
        ]
        for name in names
    }
    outcome = controller.run("dns_records", {**access(server), "zones": zones})
    assert not outcome.failed, outcome.output[:5000]
    assert len(outcome.changes) == 5000
    assert outcome.stats["messages"] == 1000
    for name in (names[0], names[500], names[999]):
        assert server.dig(name, "MX") == [f"10 mail.{name}."]
        assert server.dig(f"mail.{name}", "AAAA") == ["2001:db8:1::17"]
    again = controller.run("dns_records", {**access(server), "zones": zones})
    # A question for each RRset, and one in each zone whether a wildcard answers for its names.
    assert (again.changed, again.stats["unchanged"], again.stats["queries"]) == (False, 5000, 6000)


@pytest.fixture
def two_servers(new_server: Callable[[], Named]) -> tuple[Named, Named]:
    """A primary and its secondary, both in the zone's NS RRset."""
    primary, secondary = new_server(), new_server()
    secondary.keys = primary.keys
    policy = 'update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };'
    policy += f" also-notify {{ {secondary.address}; }};"
    primary.zone("example.org", f"@ NS ns2\nns2 A {secondary.address}\nns2 AAAA 2001:db8::53\n", policy)
    primary.start()
    secondary.statement(f'zone "example.org" {{ type secondary; primaries {{ {primary.address}; }}; }};')
    secondary.start()
    secondary.await_log("Transfer completed")
    return primary, secondary


@one_release
def test_it_waits_for_every_server_of_the_zone(two_servers: tuple[Named, Named], controller: Controller) -> None:
    primary, secondary = two_servers
    outcome = controller.records(primary, MX, wait_timeout=60)
    assert not outcome.failed, outcome.output
    assert secondary.dig("example.org", "MX") == ["10 mail.example.net."]


@one_release
def test_a_server_that_does_not_follow(two_servers: tuple[Named, Named], controller: Controller) -> None:
    primary, secondary = two_servers
    secondary.stop()
    outcome = controller.records(primary, MX, wait_timeout=2, timeout=1)
    assert outcome.failed
    assert outcome.changed
    assert "written, but after 2 s not yet answered by ns2.example.org" in outcome.msg
    assert "ns1.example.org" not in outcome.msg
    assert [change["status"] for change in outcome.changes] == ["applied"]
