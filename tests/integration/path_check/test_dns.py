# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check and what real BIND serves: each fault is found, and a sound zone has none."""

from __future__ import annotations

import re
import signal
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import PUBLIC_NETWORKS, SOUND, World, expectations


def test_sound_domain_has_no_finding(world: World) -> None:
    world.start().listen()
    assert world.ids() == []
    assert world.ids(expectations=expectations(world)) == []


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("mail A @MX@\n", "mail A @MX@\n", ["mx-missing"]),
        ("@ MX 20 mail\nmail A @MX@\n", "@ MX 20 mail\nmail A @MX@\n", ["mx-differs"]),
        ("@ MX 10 mail\n@ MX 20 mail2\nmail A @MX@\nmail2 A 198.51.100.250\n", None, ["mx-differs"]),
        ("@ MX 0 .\nmail A @MX@\n", None, ["mx-null-unexpected"]),
        (SOUND, "@ 600 MX 10 mail\nmail A @MX@\n", ["ttl-mismatch"]),
        (SOUND, "mail A @MX@\n", ["mx-on-some-ns"]),
        (SOUND, "@ MX 20 mail\nmail A @MX@\n", ["mx-rrset-inconsistent"]),
        ("@ MX 10 mail\n", None, ["mx-target-no-address"]),
        ("@ MX 10 mail\nmail CNAME host\nhost A @MX@\n", None, ["mx-target-cname"]),
        ("@ MX 10 mail\nmail A 198.51.100.250\n", None, ["address-differs"]),
        ("@ MX 10 mail\nmail A @MX@\nmail AAAA 2001:db8::9\n", None, ["address-differs", "address-not-public"]),
        (SOUND, "@ MX 10 mail\nmail A 198.51.100.250\n", ["target-address-inconsistent"]),
        (SOUND, "@ SOA ns1 hostmaster 2 300 60 3600 60\n" + SOUND, ["serial-mismatch"]),
    ],
)
def test_fault_in_the_zone(world: World, first: str, second: str | None, found: list[str]) -> None:
    world.start(first, second or first).listen()
    assert world.ids(expectations=expectations(world), timeout=0.6) == found


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("@ MX 10 192.0.2.1\n", ["mx-target-address-literal"]),
        ("@ MX 10 mail.example.org\n", ["mx-target-relative"]),
        ("@ MX 10 localhost\n", ["mx-target-localhost"]),
        # The root zone is not ours to judge.
        ("@ MX 10 localhost.\n", ["mx-target-localhost"]),
        ("@ MX 10 mail.nowhere.invalid.\n", ["mx-target-no-address"]),
        ("@ MX 10 mail_1\nmail_1 A @MX@\n", ["mx-target-syntax"]),
        ("@ MX 0 .\n@ MX 10 mail\nmail A @MX@\n", ["mx-null-with-other"]),
        ("@ MX 5 .\n", ["mx-null-preference"]),
        ("@ MX 10 mail\n@ MX 20 mail\nmail A @MX@\n", ["mx-duplicate-target"]),
        ("@ MX 10 mail\n@ MX 20 mail2\nmail A @MX@\nmail2 A @MX@\n", ["mx-duplicate-address"]),
        # Who says rightly that the domain takes no mail.
        ("@ MX 0 .\n", []),
    ],
)
def test_what_an_mx_record_names(world: World, zone: str, found: list[str]) -> None:
    world.start(zone, zone, options="check-names primary ignore; check-names secondary ignore;")
    assert world.ids(smtp=False) == found


# Lines of the zone, and what is found of them.
ZONE_FAULTS = {
    "mx-target-no-address": "@ MX 30 void\n",
    "mx-target-cname": "@ MX 40 alias\nalias CNAME host\nhost A 198.51.100.201\n",
    "mx-target-syntax": "@ MX 50 un_der\nun_der A 198.51.100.202\n",
    "mx-target-localhost": "@ MX 60 localhost.\n",
    "mx-null-with-other": "@ MX 0 .\n",
    "mx-duplicate-target": "@ MX 70 mail\n",
    "address-not-public": "@ MX 80 inner\ninner A 192.168.0.9\n",
}
SERVER_FAULTS = ("ns-lame", "serial-mismatch", "")
PLACE_FAULTS: dict[str, dict[str, Any]] = {
    "ns-parent-child": {"parent": "ns1"},
    "dnssec-bogus": {"signed": False},
}


# How the exchanger behaves, and what is found of it.
EXCHANGER_FAULTS = {
    "sound": "",
    "in-clear": "starttls-missing",
    "short-name": "ehlo-name",
    "knows-no-domain": "domain-refused",
    "takes-any-user": "unknown-recipient-accepted",
    "open": "open-relay",
    "logs-in-in-clear": "auth-without-tls",
    "other-certificate": "certificate-name",
}


def declared_as_it_is(world: World, zone: str) -> dict[str, Any]:
    """What a plan would expect that declares the faults of the zone."""
    expected = expectations(world)
    served = [line.split()[2:] for line in zone.splitlines() if line.startswith("@ MX")]
    expected["records"][0]["values"] = [
        f"{preference} {name if name.endswith('.') else f'{name}.example.org.'}" for preference, name in served
    ]
    return expected


# The same mixes each time, so that a run does not take longer than another; faults.py has all faults in all mixes.
@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.sampled_from(sorted(ZONE_FAULTS))),
    st.sampled_from(SERVER_FAULTS),
    st.sets(st.sampled_from(sorted(PLACE_FAULTS))),
    st.sampled_from(sorted(EXCHANGER_FAULTS)),
)
def test_random_mix_of_faults(
    world: World, in_zone: set[str], at_server: str, elsewhere: set[str], behaviour: str
) -> None:
    if at_server == "ns-lame":
        # A resolver that validates goes from server to server then, for longer than anybody waits.
        elsewhere = elsewhere - {"dnssec-bogus"}
    first = SOUND + "".join(ZONE_FAULTS[fault] for fault in sorted(in_zone))
    second = {"ns-lame": None, "serial-mismatch": "@ SOA ns1 hostmaster 2 300 60 3600 60\n" + first}.get(
        at_server, first
    )
    options = "check-names primary ignore; check-names secondary ignore;"
    places = {name: value for fault in elsewhere for name, value in PLACE_FAULTS[fault].items()}
    world.start(first, second, options=options, **places).listen(behaviour)
    put_in = in_zone | elsewhere | ({at_server, EXCHANGER_FAULTS[behaviour]} - {""})
    try:
        assert set(world.ids(expectations=declared_as_it_is(world, first), timeout=4)) == put_in
    finally:
        world.end()


@pytest.mark.parametrize(
    ("written", "found"),
    # The zone has 1. Numbers go round (RFC 1982).
    [(1, []), (0, []), (2**32 - 1, []), (2, ["serial-below-deployed"])],
)
def test_servers_that_are_all_behind_what_was_written(world: World, written: int, found: list[str]) -> None:
    world.start()
    serials = [{"zone": "example.org.", "serial": written}]
    assert world.ids(expectations={"serials": serials}) == found


def test_lost_packets_are_no_lameness(world: World) -> None:
    """The first ones on their way to each name server."""
    world.start().listen()
    lost = "; ".join(f"ip daddr {one.address} udp dport 53 quota until 200 bytes counter drop" for one in world.servers)
    world.network.run("nft", f"table ip t {{ chain c {{ type filter hook input priority 0; {lost}; }}; }}")
    assert world.ids(expectations=expectations(world), timeout=2) == []
    assert world.network.run("nft", "list", "table", "ip", "t").stdout.count("counter packets 0") == 0


def test_only_nameserver(world: World) -> None:
    world.start(SOUND, ns="ns1").listen()
    result = world.check(expectations=expectations(world))
    assert [(one["id"], one["subject"]) for one in result["findings"]] == [("ns-count", "ns1.example.org")]


def test_nameserver_without_tcp(world: World) -> None:
    world.start().listen()
    address = world.servers[1].address
    shut = f"ip daddr {address} tcp dport 53 drop"
    world.network.run("nft", f"table ip t {{ chain c {{ type filter hook input priority 0; {shut}; }}; }}")
    result = world.check(expectations=expectations(world), timeout=1)
    subject = f"ns2.example.org ({address})"
    assert [(one["id"], one["subject"]) for one in result["findings"]] == [("ns-no-tcp", subject)]


def test_nameserver_that_is_an_alias(world: World) -> None:
    zone = f"{SOUND}@ NS alias.test.\n"
    world.start(zone, zone, root="alias.test. CNAME ns2.example.org.\nexample.org. NS alias.test.").listen()
    assert world.ids(expectations=expectations(world)) == ["ns-target-cname"]


def test_parent_that_knows_one_nameserver_less(world: World) -> None:
    world.start(parent="ns1").listen()
    result = world.check(expectations=expectations(world))
    assert [(one["id"], one["observed"]) for one in result["findings"]] == [("ns-parent-child", ["ns1.example.org"])]
    assert "ns2.example.org is only in the zone" in result["findings"][0]["message"]


def test_parent_that_knows_a_former_nameserver(world: World) -> None:
    former = world.network.new_address()
    world.start(root=f"example.org. NS former.example.org.\nformer.example.org. A {former}").listen()
    result = world.check(expectations=expectations(world), timeout=0.6)
    found = [(one["id"], one["subject"]) for one in result["findings"]]
    assert found == [("ns-lame", f"former.example.org ({former})"), ("ns-parent-child", "example.org")]


def test_parent_that_has_a_former_address(world: World) -> None:
    world.start(root=f"ns1.example.org. A {world.network.new_address()}").listen()
    result = world.check(expectations=expectations(world), timeout=0.6)
    assert [(one["id"], one["subject"]) for one in result["findings"]] == [("ns-parent-child", "ns1.example.org")]


@pytest.mark.parametrize(("signed", "found"), [(True, []), (False, ["dnssec-bogus"])])
def test_signatures(world: World, signed: bool, found: list[str]) -> None:
    world.start(signed=signed).listen()
    assert world.ids(expectations=expectations(world)) == found


@pytest.mark.parametrize(
    ("first", "then", "found"),
    [
        # The resolver keeps what it was told before.
        ("@ MX 20 mail\nmail A @MX@\n", SOUND, ["resolver-stale"]),
        ("mail A @MX@\n", SOUND, ["resolver-stale"]),
        (SOUND, SOUND, []),
    ],
)
def test_resolver_that_remembers(world: World, first: str, then: str, found: list[str]) -> None:
    world.start(first, first).listen()
    world.check(smtp=False)
    for server in world.servers:
        server.stop()
        text = (server.folder / "example.org.zone").read_text()
        (server.folder / "example.org.zone").write_text(text.replace(world.text(first), world.text(then)))
        server.start()
    result = world.check(expectations=expectations(world))
    assert [one["id"] for one in result["findings"]] == found
    if found:
        assert re.search(r"for \d+ s more", result["findings"][0]["message"])


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("@ 86400 MX 20 mail\nmail A @MX@\n", ["mx-differs", "ttl-blocks-change"]),
        ("@ 86400 MX 10 mail\nmail A @MX@\n", []),
        (
            "@ 86400 SOA ns1 hostmaster 1 300 60 3600 86400\nmail A @MX@\n",
            ["mx-missing", "negative-ttl-blocks-change"],
        ),
    ],
)
def test_long_time_to_live(world: World, zone: str, found: list[str]) -> None:
    world.start(zone, zone).listen()
    assert world.ids(expectations=expectations(world)) == found


@pytest.mark.parametrize(
    ("reverse", "found"),
    [
        ("", ["ptr-missing"]),
        ("PTR other.example.org.", ["fcrdns"]),
        ("PTR host.test.", ["ptr-not-ehlo"]),
        # A name more does no harm.
        ("PTR host.test.\n@REVERSE@ PTR mail.example.org.", []),
        # Nobody answers for it.
        ("NS ns.nowhere.invalid.", ["ptr-missing?"]),
    ],
)
def test_name_of_the_address(world: World, reverse: str, found: list[str]) -> None:
    world.start(reverse=reverse, root=f"host.test. A {world.mx}").listen()
    assert world.ids(expectations=expectations(world)) == found


def test_addresses_that_nobody_reaches(world: World) -> None:
    zone = "@ MX 10 mail\nmail A 192.168.0.10\n"
    world.start(zone, zone)
    result = world.check(smtp=False)
    assert [one["id"] for one in result["findings"]] == ["address-not-public"]
    assert "RFC 1918" in result["findings"][0]["message"]


def test_domain_without_mx_but_with_an_address(world: World) -> None:
    world.start("@ A @MX@\nmail A @MX@\n", "@ A @MX@\nmail A @MX@\n").listen()
    assert world.ids() == ["mx-implicit-address"]


def test_zone_that_nobody_delegated(world: World) -> None:
    world.start(delegated=False).listen()
    assert world.ids(expectations=expectations(world)) == ["zone-not-delegated"]


def test_nameserver_that_does_not_serve_the_zone(world: World) -> None:
    world.start(SOUND, None).listen()
    result = world.check(expectations=expectations(world))
    assert [(one["id"], one["status"]) for one in result["findings"]] == [("ns-lame", "finding")]
    assert "REFUSED" in result["findings"][0]["message"]


def test_nameserver_that_hangs_is_lame_and_costs_no_minutes(world: World) -> None:
    world.start().listen()
    process = world.servers[1].process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        result = world.check(expectations=expectations(world))
    finally:
        process.send_signal(signal.SIGCONT)
    assert [(one["id"], one["observed"]) for one in result["findings"]] == [("ns-lame", ["example.org"])]


def test_dead_nameserver_of_many_zones_is_one_finding_and_soon_let_alone(world: World) -> None:
    dead = world.network.new_address()
    zones = [f"zone{number}.example.org" for number in range(10, 70)]
    delegations = "".join(f"{zone}. NS ns1\n{zone}. NS dead\n" for zone in zones)
    zone = f"{SOUND}dead A {dead}\n{delegations}"
    world.start(zone, zone, more=zones)
    # The other servers, which ask and notify it too, have source addresses of their own.
    ours = f"ip daddr {dead} udp dport 53 ip saddr {dead} counter"
    rules = f"{ours}; ip daddr {dead} udp dport 53 drop"
    world.network.run("nft", f"table ip t {{ chain c {{ type filter hook input priority 0; {rules}; }}; }}")
    records = [{"zone": zone, "name": zone, "type": "MX", "values": ["10 mail.example.org."]} for zone in zones]
    result = world.check(expectations={"records": records}, concurrency=10)
    assert [(one["id"], one["subject"]) for one in result["findings"]] == [("ns-lame", f"dead.example.org ({dead})")]
    assert result["findings"][0]["observed"] == zones
    counter = world.network.run("nft", "list", "table", "ip", "t").stdout
    assert 0 < int(counter.split("packets")[1].split()[0]) < len(zones)


def test_nameserver_without_an_address(world: World) -> None:
    zone = SOUND + "@ NS ns.nowhere.invalid.\n"
    world.start(zone, zone, root="example.org. NS ns.nowhere.invalid.").listen()
    assert world.ids(expectations=expectations(world)) == ["ns-lame"]


@pytest.mark.parametrize(("scheme", "port"), [("tcp", "tcp dport 53"), ("tls", "tcp dport 853")])
def test_resolver_over_a_stream(world: World, scheme: str, port: str) -> None:
    world.start().listen()
    assert world.resolver is not None
    address = world.resolver.address
    # The only way to it that is open.
    shut = (
        f"ip daddr {address} {port} accept; ip daddr {address} udp dport 53 drop; ip daddr {address} tcp dport 53 drop"
    )
    world.network.run("nft", f"table ip t {{ chain c {{ type filter hook output priority 0; {shut}; }}; }}")
    found = world.ids(expectations=expectations(world), resolvers=[f"{scheme}://{address}"], timeout=1)
    assert found == []
    # Nobody vouches for its certificate.
    if scheme == "tls":
        strict = world.ids(
            expectations=expectations(world), resolvers=[f"tls://{address}#dns.example.org"], timeout=0.5
        )
        assert "mx-missing?" in strict or "zone-not-delegated?" in strict


def test_resolver_that_does_not_answer_leaves_everything_unknown(world: World) -> None:
    world.start().listen()
    found = world.ids(resolvers=["198.51.100.200"], timeout=0.5)
    assert found
    assert all(one.endswith("?") for one in found)


def test_deadline_leaves_unknown_what_was_not_seen(world: World) -> None:
    world.start().listen("silent")
    assert "observation-incomplete?" in world.ids(expectations=expectations(world), smtp_timeout=60, deadline=1.5)


VIEWS = [
    {"zone": "example.org", "name": "example.org", "type": "MX", "values": ["10 mail.example.org."]},
    {"zone": "example.org", "name": "mail.example.org", "type": "A", "values": ["192.168.0.17"]},
    {"zone": "example.org", "name": "box.example.org", "type": "A", "values": ["192.168.0.10"]},
]


@pytest.mark.parametrize(
    ("inside", "declared", "found"),
    [
        ("@ MX 10 mail\nmail A 192.168.0.17\nbox A 192.168.0.10\n", True, []),
        ("@ MX 10 mail\nmail A 192.168.0.17\n", True, ["view-record-missing"]),
        ("@ MX 10 mail\nmail A @MX@\nbox A 192.168.0.10\n", True, ["view-hairpin"]),
        ("@ MX 5 old\nmail A 192.168.0.17\n", False, ["view-mx-unexpected"]),
        ("@ MX 10 mail\nmail A 192.168.0.17\n", False, []),
    ],
)
def test_what_hosts_inside_see(world: World, inside: str, declared: bool, found: list[str]) -> None:
    world.start(SOUND, SOUND, inside, ns="ns1 ns2").listen()
    expected = expectations(world)
    expected["records"] += [{**record, "view": "internal"} for record in VIEWS] if declared else []
    outside = world.check(expectations=expected)
    address = world.servers[2].address
    seen = world.check(expectations=expected, inside=True, vantage="insider", resolvers=[address])
    # It looks at nothing else, so that there is nothing to judge yet.
    assert seen["findings"] == outside["findings"] == []
    observations = [one["observation"] for one in (outside, seen)]
    assert world.found(world.check(expectations=expected, observations=observations)) == found


def test_inside_name_that_the_world_sees(world: World) -> None:
    zone = f"{SOUND}box A 192.168.0.10\n"
    world.start(zone, zone).listen()
    expected = expectations(world)
    expected["records"] += [{**record, "view": "internal"} for record in VIEWS]
    result = world.check(expectations=expected)
    assert [(one["id"], one["subject"]) for one in result["findings"]] == [("view-private-leak", "box.example.org A")]


def test_what_a_provider_was_asked_for(world: World) -> None:
    world.start("@ MX 20 mail\nmail A @MX@\n", SOUND).listen()
    expected = expectations(world)
    expected["records"][0]["asked_of"] = "dns: provider"
    result = world.check(expectations=expected)
    assert world.found(result) == ["manual-open", "mx-rrset-inconsistent"]
    assert result["findings"][0]["subject"] == "dns: provider"


def test_vantage_without_the_family_of_a_nameserver(world: World) -> None:
    zone = f"{SOUND}ns2 AAAA 2001:db8::53\n"
    world.start(zone, zone, root="ns2.example.org. AAAA 2001:db8::53").listen()
    public = [*PUBLIC_NETWORKS, "2001:db8::/32"]
    assert world.ids(expectations=expectations(world), public_networks=public) == ["vantage-family?"]


def test_exchanger_that_answers_over_one_family_alone(world: World) -> None:
    world.network.run("ip", "address", "add", "2001:db8::25/128", "dev", "lo", "nodad")
    zone = f"{SOUND}mail AAAA 2001:db8::25\n"
    reverse = f"{ip_address('2001:db8::25').reverse_pointer}. PTR mail.example.org."
    world.start(zone, zone, root=reverse).listen()
    public = [*PUBLIC_NETWORKS, "2001:db8::/32"]
    assert world.ids(public_networks=public) == ["port25-family"]
    world.listen(address="2001:db8::25")
    assert world.ids(public_networks=public) == []


def test_judging_again_needs_no_network(world: World) -> None:
    world.start("@ MX 20 mail\nmail A @MX@\n", SOUND).listen()
    expected = expectations(world)
    first = world.check(expectations=expected)
    for server in [*world.servers, world.resolver]:
        assert server is not None
        server.stop()
    again = world.check(expectations=expected, observations=[first["observation"]])
    assert again["findings"] == first["findings"] != []
