# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any zone, any declaration: afterwards it is as declared, everything else is as before, and a second run is idle.

What is expected is computed here, from the zone as dig showed it before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdatatype
import pytest
from controller import access
from dns.name import Name
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from name_server import Network
from named import Named
from runner import Runner
from zone_contents import Contents, canonical, contents, records

# Of each server.
ZONES = 100
# What BIND refuses of its own accord is not what is tested here: an exchange without an address, hosts with odd names.
LENIENT = "check-integrity no; check-names ignore; check-mx ignore; check-mx-cname ignore; check-srv-cname ignore;"
OPEN = f'update-policy {{ grant "inbound-mail" zonesub ANY; }}; allow-transfer {{ any; }}; {LENIENT}'


class Laboratory:
    """A server of each release, with a fresh zone for each example."""

    def __init__(self, network: Network, make: Callable[[str], Named]) -> None:
        self.runner = Runner(network)
        self._make = make
        self._servers: list[Named] = []
        self._zones: list[tuple[Named, str]] = []

    def next_zone(self) -> tuple[Named, str]:
        if not self._zones:
            # Only a failure takes so many, while Hypothesis looks for its smallest example.
            servers = [self._make("bookworm"), self._make("trixie")]
            self._zones = [(server, f"d{number}.example") for number in range(ZONES) for server in servers]
            for server in servers:
                for number in range(ZONES):
                    server.zone(f"d{number}.example", policy=OPEN)
                server.start()
            self._servers += servers
        return self._zones.pop()

    def close(self) -> None:
        self.runner.close()
        for server in self._servers:
            server.clear()


@pytest.fixture(scope="module")
def laboratory(
    debian_root: Callable[[str], Path], network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    laboratory = Laboratory(
        network, lambda release: Named(debian_root(release), tmp_path_factory.mktemp("named"), network)
    )
    yield laboratory
    laboratory.close()


# Names and values, each as a task writes it and as it is.


NULL_MX = b"\0\0\0"


@dataclass(frozen=True)
class Label:
    written: str
    octets: bytes


@dataclass(frozen=True)
class Value:
    written: str
    wire: bytes


def escaped(octets: bytes) -> str:
    """For a name or in quotes: what is not plain, by number (RFC 1035, section 5.1)."""
    return "".join(chr(octet) if chr(octet).isalnum() and octet < 128 else f"\\{octet:03}" for octet in octets)


PLAIN_LABELS = [Label(text, text.encode()) for text in ("mail", "mx", "www", "sub", "_dmarc", "*", "*", "WWW")]
INTERNATIONAL = [
    Label("bücher", b"xn--bcher-kva"),
    Label("BÜCHER", b"xn--bcher-kva"),
    Label("почта", b"xn--80a1acny"),
    Label("xn--80a1acny", b"xn--80a1acny"),
]
odd_labels = st.binary(min_size=1, max_size=8).map(lambda octets: Label(escaped(octets), octets))
labels = st.sampled_from(PLAIN_LABELS) | st.sampled_from(PLAIN_LABELS + INTERNATIONAL) | odd_labels


def name_in(zone: Name, labels: tuple[Label, ...]) -> Name:
    return dns.name.Name([label.octets for label in labels] + list(zone.labels)).canonicalize()


def written_name(zone: str, labels: tuple[Label, ...], style: int) -> str:
    text = ".".join([label.written for label in labels] + [zone])
    return (text, text + ".", text.upper(), f" {text}.")[style]


def texts(max_strings: int = 3) -> st.SearchStrategy[Value]:
    """TXT values of any length and octets, in both forms that a task may use."""

    def split(strings: list[bytes]) -> bytes:
        pieces = [string[start : start + 255] for string in strings for start in range(0, max(len(string), 1), 255)]
        return b"".join(bytes([len(piece)]) + piece for piece in pieces)

    def quoted(strings: list[bytes]) -> Value:
        return Value(" ".join(f'"{escaped(string)}"' for string in strings), split(strings))

    def plain(text: str) -> Value:
        return Value(text, split([text.encode()]))

    policies = st.sampled_from(["v=spf1 mx -all", "V=SPF1 -all", "v=spf1", "v=DMARC1; p=none", "v=DMARC1;p=reject"])
    special = st.text("\"\\;() ä\t'$@", min_size=1, max_size=12).filter(lambda text: not text.lstrip().startswith('"'))
    long = st.integers(250, 900).map(lambda length: ('0123456789;\\" é' * 70)[:length])
    strings = st.lists(st.binary(max_size=20) | st.binary(min_size=250, max_size=520), min_size=1, max_size=max_strings)
    return policies.map(plain) | special.map(plain) | long.map(plain) | strings.map(quoted)


def values(rdtype: str, zone: str, name: tuple[Label, ...], names: list[tuple[Label, ...]]) -> st.SearchStrategy[Value]:
    """Few of each type, so that some of them stand in the zone already."""

    def of(*texts: str) -> st.SearchStrategy[Value]:
        return st.sampled_from([Value(text, canonical(rdtype, text)) for text in texts])

    origin = dns.name.from_text(zone)
    hosts = [("Mail.Example.NET", "mail.example.net."), ("bücher.example.", "xn--bcher-kva.example.")]
    hosts += [(f"NS1.{zone}", f"ns1.{zone}.")]
    # BIND answers SERVFAIL where aliases go in a circle, and refuses a server of the zone itself without an address.
    if rdtype != "CNAME" and (name or rdtype != "NS"):
        hosts += [(written_name(zone, labels, 0), name_in(origin, labels).to_text()) for labels in names]

    def host(form: str) -> st.SearchStrategy[Value]:
        """`form` with a host in it."""
        return st.sampled_from([Value(form.format(text), canonical(rdtype, form.format(name))) for text, name in hosts])

    if rdtype == "MX":
        return st.sampled_from(["10 {}", "20 {}"]).flatmap(host)
    if rdtype in ("CNAME", "NS", "PTR"):
        return host("{}")
    if rdtype == "SRV":
        return host("0 1 587 {}")
    if rdtype == "TXT":
        return texts()
    return of(
        *{
            "A": ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
            "AAAA": ("2001:db8::1", "2001:DB8:0::2", "::ffff:192.0.2.1"),
            "CAA": ('0 issue "ca.example.net"', '128 iodef "mailto:ca@example.net"', '0 issue ";"'),
            "TLSA": ("3 1 1 " + "ab" * 32, "3 1 1 " + "CD" * 32),
            "TYPE65280": (r"\# 3 abcdef", r"\# 0"),
        }[rdtype]
    )


@dataclass(frozen=True)
class Declared:
    """One entry of `records`, as the task has it and what it means."""

    name: Name
    rdtype: str
    entry: dict[str, Any]
    values: frozenset[bytes]
    absent: bool
    exclusive: bool
    ttl: int | None


@dataclass(frozen=True)
class Example:
    before: list[str]  # lines for nsupdate
    declared: list[Declared]
    prune: bool


TYPES = ["A", "A", "AAAA", "MX", "MX", "TXT", "TXT", "CNAME", "CNAME", "SRV", "CAA", "PTR", "TLSA", "TYPE65280", "NS"]
ttls = st.sampled_from([0, 60, 300, 3600, 2**31 - 1])


@st.composite
def examples(draw: st.DrawFn, zone: str) -> Example:
    origin = dns.name.from_text(zone)
    names = draw(
        st.lists(
            st.lists(labels, max_size=3).map(tuple), min_size=1, max_size=6, unique_by=lambda n: name_in(origin, n)
        )
    )
    kinds = st.tuples(st.sampled_from(names), st.sampled_from(TYPES))

    def unique(size: int) -> st.SearchStrategy[list[tuple[tuple[Label, ...], str]]]:
        return st.lists(kinds, max_size=size, min_size=1, unique_by=lambda kind: (name_in(origin, kind[0]), kind[1]))

    before = []
    for labels_of, rdtype in draw(unique(12)):
        ttl = draw(ttls)
        for value in draw(st.lists(values(rdtype, zone, labels_of, names), min_size=1, max_size=3)):
            rdata = dns.rdata.from_wire("IN", rdtype, value.wire, 0, len(value.wire))
            before.append(f"update add {name_in(origin, labels_of)} {ttl} {rdtype} {rdata}")
    declared = []
    for labels_of, rdtype in draw(unique(8)):
        absent = draw(st.booleans() if rdtype != "MX" else st.sampled_from([False, False, True]))
        some = draw(st.lists(values(rdtype, zone, labels_of, names), min_size=0 if absent else 1, max_size=3))
        if rdtype == "CNAME" and not absent:
            some = some[:1]
        if rdtype == "MX" and draw(st.sampled_from([False] * 9 + [True])):
            some = [Value("0 .", NULL_MX)]
        ttl = None if absent else draw(st.none() | ttls)
        exclusive = draw(st.none() | st.booleans())
        entry: dict[str, Any] = {
            "zone": zone,
            "name": written_name(zone, labels_of, draw(st.integers(0, 3))),
            "type": rdtype,
            "values": [value.written for value in some],
            "state": "absent" if absent else "present",
            "ttl": ttl,
            "exclusive": exclusive,
        }
        declared.append(
            Declared(
                name_in(origin, labels_of),
                rdtype,
                entry,
                frozenset(value.wire for value in some),
                absent,
                rdtype != "TXT" if exclusive is None else exclusive,
                ttl,
            )
        )
    return Example(before, declared, draw(st.booleans()))


# What shall become of a zone.


def expected(zone: Name, before: Contents, example: Example) -> Contents | None:
    """The contents afterwards; None if the declaration cannot be, and nothing at all may change."""
    after = dict(before)
    for declared in example.declared:
        key = (declared.name, declared.rdtype)
        rrset = changed(before.get(key), declared)
        after.pop(key, None)
        if rrset is not None:
            after[key] = rrset
    if is_impossible(zone, before, after, example.declared):
        return None
    if example.prune:
        for host in unused_exchanges(zone, before, after, example.declared):
            after.pop((host, "A"), None)
            after.pop((host, "AAAA"), None)
    return after


def changed(rrset: tuple[int, frozenset[bytes]] | None, declared: Declared) -> tuple[int, frozenset[bytes]] | None:
    ttl, values = rrset or (3600, frozenset())
    if declared.absent:
        values = values - declared.values if declared.values else frozenset()
    elif declared.exclusive or declared.rdtype == "CNAME":
        values = declared.values
    else:
        values = declared.values | {value for value in values if not is_superseded(value, declared)}
    return (ttl if declared.ttl is None else declared.ttl, values) if values else None


def is_superseded(value: bytes, declared: Declared) -> bool:
    """A null MX stands alone (RFC 7505, section 3), and of some policies a name has one."""
    if declared.rdtype == "MX":
        return (NULL_MX in declared.values) != (value == NULL_MX)
    return declared.rdtype == "TXT" and policy(value) in {policy(text) for text in declared.values} - {None}


def policy(text: bytes) -> bytes | None:
    """A name has one SPF policy (RFC 7208, section 4.5) and one DMARC policy (RFC 7489, section 6.6.3)."""
    words = text[1 : 1 + text[0]].lower().replace(b";", b" ").split(b" ")
    return words[0] if words[0] in (b"v=spf1", b"v=dmarc1") else None


def is_impossible(zone: Name, before: Contents, after: Contents, declared: list[Declared]) -> bool:
    if (zone, "NS") not in after:
        return True
    for one in declared:
        if is_delegated(zone, before, one.name, one.rdtype) or is_delegated(zone, after, one.name, one.rdtype):
            return True
        if one.absent:
            continue
        if one.rdtype == "NS" and one.name.is_wild():
            return True
        if one.rdtype == "CNAME":
            if one.name == zone:
                return True
            if any(other.name == one.name and not other.absent for other in declared if other is not one):
                return True
        types = {rdtype for name, rdtype in after if name == one.name}
        key = (one.name, one.rdtype)
        if before.get(key) != after[key] and "CNAME" in types and len(types) > 1:
            return True
    return False


def is_delegated(zone: Name, zone_contents: Contents, name: Name, rdtype: str) -> bool:
    """Whether the name is in a part of the zone that is handed to other servers; the NS at its top is not."""
    return any(
        name.is_subdomain(cut) and cut != zone and (name, rdtype) != (cut, "NS")
        for cut, cut_type in zone_contents
        if cut_type == "NS"
    )


def hosts(rrsets: Contents, *types: str) -> set[Name]:
    """The hosts that records of these types name."""
    return {
        dns.name.from_wire(value, {"MX": 2, "SRV": 6}.get(rdtype, 0))[0]
        for (_name, rdtype), (_ttl, values) in rrsets.items()
        if rdtype in types
        for value in values
    }


def unused_exchanges(zone: Name, before: Contents, after: Contents, declared: list[Declared]) -> set[Name]:
    changed = {
        key for one in declared if before.get(key := (one.name, one.rdtype)) != after.get(key) and one.rdtype == "MX"
    }
    left = hosts({key: rrset for key, rrset in before.items() if key in changed}, "MX")
    left -= {one.name for one in declared if not one.absent and one.rdtype in ("A", "AAAA", "CNAME")}
    named = hosts(after, "MX", "CNAME", "NS", "PTR", "SRV")
    named |= {
        dns.name.from_wire(value, 2)[0]
        for one in declared
        if one.rdtype == "MX" and not one.absent
        for value in one.values
    }
    return {
        host
        for host in left
        if host.is_subdomain(zone)
        and host != zone
        and not any(name.is_subdomain(host) for name in named)
        and not is_delegated(zone, before, host, "A")
        and not is_delegated(zone, after, host, "A")
    }


# The property.


def rrset_shown(rdtype: str, shown: dict[str, Any] | None) -> tuple[int, frozenset[bytes]] | None:
    if shown is None:
        return None
    return shown["ttl"], frozenset(canonical(rdtype, text) for text in shown["values"])


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_zone_becomes_what_was_declared_and_nothing_else_changes(laboratory: Laboratory, data: st.DataObject) -> None:
    server, zone = laboratory.next_zone()
    example = data.draw(examples(zone))
    origin = dns.name.from_text(zone)
    server.nsupdate(zone, "check-names no", *example.before)
    options = {**access(server), "prune": example.prune}
    entries = [declared.entry for declared in example.declared]
    before = records(contents(server, zone)[0])
    wanted = expected(origin, before, example)

    predicted = laboratory.runner.run(options, entries, check_mode=True)
    done = laboratory.runner.run(options, entries)
    zone_after = contents(server, zone)[0]
    after = records(zone_after)

    if wanted is None:
        event("refused")
        assert predicted.get("failed"), predicted
        assert done.get("failed"), done
        assert after == before
        assert not done["changed"]
        return
    event("pruned" if example.prune and len(after) < len(before) else "applied")
    assert not done.get("failed"), done["msg"]
    assert after == wanted
    assert [{**change, "status": "predicted"} for change in done["changes"]] == predicted["changes"]
    seen = {}
    for change in done["changes"]:
        key = (dns.name.from_text(change["name"]), change["type"])
        seen[key] = (rrset_shown(key[1], change["before"]), rrset_shown(key[1], change["after"]))
    keys = [*before, *after]
    assert seen == {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}
    again = laboratory.runner.run(options, entries)
    assert not again.get("failed"), again["msg"]
    assert again["changes"] == []
    assert contents(server, zone) == [zone_after], "not even the serial of the SOA"
