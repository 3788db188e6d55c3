# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import dns.name
import dns.rdatatype
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import declare
from ansible_collections.inbound.mail.plugins.plugin_utils._records.mail_exchangers import (
    is_named_by,
    leaving_exchanges,
    wanted_hosts,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import (
    Goal,
    Key,
    RRset,
    alias_conflicts,
    changes_towards,
    delegations,
    is_delegated,
    name_server_conflicts,
    state_after,
    unaltered,
    zone_file,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_type, parse_value
from hypothesis import given
from hypothesis import strategies as st

ZONE = parse_name("example.org")


def key(name: str, rdtype: str) -> Key:
    return Key(parse_name(name), parse_type(rdtype))


def rrset(name: str, rdtype: str, *values: str, ttl: int = 300) -> RRset:
    its_key = key(name, rdtype)
    return RRset(its_key, ttl, frozenset(parse_value(its_key.rdtype, value) for value in values))


def state(*rrsets: RRset) -> dict[Key, RRset]:
    return {each.key: each for each in rrsets}


def goals(*records: dict[str, Any]) -> list[Goal]:
    declared = declare({f"records[{index}]": {"zone": "example.org", **record} for index, record in enumerate(records)})
    assert not declared.problems
    return list(declared.zones[ZONE].values())


def problems(*records: dict[str, Any]) -> list[str]:
    return declare(
        {f"records[{index}]": {"zone": "example.org", **record} for index, record in enumerate(records)}
    ).problems


MX = {"name": "example.org", "type": "MX"}


@pytest.mark.parametrize(
    ("current", "record", "after"),
    [
        (None, {**MX, "values": ["10 a."]}, rrset("example.org", "MX", "10 a.", ttl=3600)),
        (None, {**MX, "values": ["10 a."], "ttl": 60}, rrset("example.org", "MX", "10 a.", ttl=60)),
        (["10 b."], {**MX, "values": ["10 a."]}, rrset("example.org", "MX", "10 a.")),
        (["10 a."], {**MX, "values": ["10 a."], "ttl": 60}, rrset("example.org", "MX", "10 a.", ttl=60)),
        (["10 b."], {**MX, "values": ["10 a."], "exclusive": False}, rrset("example.org", "MX", "10 a.", "10 b.")),
        (["10 a.", "20 b."], {**MX, "values": ["20 b."], "state": "absent"}, rrset("example.org", "MX", "10 a.")),
        (["10 a."], {**MX, "values": ["10 a."], "state": "absent"}, None),
        (["10 a.", "20 b."], {**MX, "state": "absent"}, None),
        (None, {**MX, "state": "absent"}, None),
        (None, {**MX, "values": ["10 a."], "state": "absent"}, None),
    ],
)
def test_what_a_declaration_makes_of_an_rrset(
    current: list[str] | None, record: dict[str, Any], after: RRset | None
) -> None:
    (goal,) = goals(record)
    assert goal.applied_to(rrset("example.org", "MX", *current) if current else None) == after


TEXT = "x" * 300
CUT_ELSEWHERE = f'"{"x" * 100}" "{"x" * 200}"'


@pytest.mark.parametrize("exclusive", [True, False])
def test_text_that_is_cut_elsewhere_is_the_same_text(exclusive: bool) -> None:
    """Whoever reads it puts the strings together (RFC 7208, section 3.3): there is nothing to change."""
    there = rrset("example.org", "TXT", CUT_ELSEWHERE)
    text = {"name": "example.org", "type": "TXT", "values": [TEXT]}
    (goal,) = goals({**text, "exclusive": exclusive})
    assert goal.applied_to(there) == there
    (goal,) = goals({**text, "state": "absent"})
    assert goal.applied_to(there) is None


@pytest.mark.parametrize("old", ["v=DKIM1; k=rsa; p=old", "k=rsa; p=old"])
def test_selector_has_one_dkim_key(old: str) -> None:
    """RFC 6376, section 3.6.2.2: what two of them mean is undefined."""
    selector = {"name": "2026.mail._domainkey.example.org", "type": "TXT", "values": ["v=DKIM1; k=rsa; p=new"]}
    there = rrset(selector["name"], "TXT", old)
    (goal,) = goals(selector)
    assert goal.applied_to(there) == rrset(selector["name"], "TXT", "v=DKIM1; k=rsa; p=new")
    (beside,) = goals({**selector, "exclusive": False})
    assert beside.applied_to(there) == rrset(selector["name"], "TXT", old, "v=DKIM1; k=rsa; p=new")


def test_texts_share_a_name_and_a_policy_takes_the_place_of_the_old_one() -> None:
    current = rrset("example.org", "TXT", "v=spf1 a -all", "proof=1")
    (goal,) = goals({"name": "example.org", "type": "TXT", "values": ["v=spf1 mx -all"]})
    assert goal.applied_to(current) == rrset("example.org", "TXT", "v=spf1 mx -all", "proof=1")


def test_two_declarations_of_one_text_rrset_are_one() -> None:
    text = {"name": "example.org", "type": "TXT"}
    (goal,) = goals(
        {**text, "values": ["a"]},
        {**text, "values": ["b"], "ttl": 60},
        {**text, "values": ["c"], "state": "absent"},
    )
    assert goal.applied_to(rrset("example.org", "TXT", "c", "d")) == rrset("example.org", "TXT", "a", "b", "d", ttl=60)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([{**MX, "values": ["10 a."]}, {**MX, "values": ["20 b."]}], "records[1] (MX example.org): declared twice"),
        (
            [{**MX, "values": ["10 a."], "exclusive": False}, {**MX, "values": ["10 a."], "state": "absent"}],
            "present and absent",
        ),
        ([{**MX, "values": []}], "no values"),
        ([{**MX, "values": ["0 .", "10 a."]}], "stands alone"),
        ([{**MX, "values": ["10 ."]}], "has the preference 0"),
        ([{**MX, "values": ["10 mail"]}], "'mail' is no full name"),
        (
            [{"name": "_submission._tcp.example.org", "type": "SRV", "values": ["0 0 587 bücher"]}],
            "'bücher' is no full",
        ),
        ([{**MX, "values": ["10 a."], "ttl": -1}], "a TTL is 0 to 2147483647 seconds, not -1"),
        ([{**MX, "name": "example.com", "values": ["10 a."]}], "the name is not in the zone example.org"),
        ([{**MX, "name": "mail", "values": ["10 a."]}], "mail.example.org"),
        ([{"name": "example.org", "type": "CNAME", "values": ["a."]}], "cannot be an alias"),
        ([{"name": "a.example.org", "type": "CNAME", "values": ["a.", "b."]}], "only one CNAME"),
        (
            [
                {"name": "a.example.org", "type": "CNAME", "values": ["b."]},
                {"name": "a.example.org", "type": "A", "values": ["203.0.113.1"]},
            ],
            "declared as an alias (CNAME) and with A records",
        ),
    ],
)
def test_declarations_that_cannot_be(records: list[dict[str, Any]], problem: str) -> None:
    assert problem in "\n".join(problems(*records))


def test_the_same_declared_twice_is_no_problem() -> None:
    assert problems({**MX, "values": ["10 a."]}, {**MX, "values": ["10 A."]}) == []


def test_changes_are_in_order_and_only_where_something_differs() -> None:
    now = state(rrset("b.example.org", "A", "203.0.113.1"), rrset("example.org", "MX", "10 a."))
    wanted = goals(
        {"name": "c.example.org", "type": "A", "values": ["203.0.113.3"]},
        {"name": "b.example.org", "type": "A", "values": ["203.0.113.1"]},
        {"name": "a.example.org", "type": "AAAA", "values": ["2001:db8::1"]},
        {"name": "a.example.org", "type": "A", "values": ["203.0.113.2"]},
        {**MX, "state": "absent"},
    )
    changes = changes_towards(wanted, now)
    assert [(str(change.key), change.action) for change in changes] == [
        ("MX example.org", "delete"),
        ("A a.example.org", "create"),
        ("AAAA a.example.org", "create"),
        ("A c.example.org", "create"),
    ]
    assert changes_towards(wanted, state_after(now, changes)) == []


TEXTS = st.frozensets(st.sampled_from(["v=spf1 -all", "v=spf1 mx -all", "a", "b", "c"]), max_size=4)


@given(TEXTS, TEXTS, TEXTS, st.booleans(), st.sampled_from([None, 60]))
def test_a_second_run_never_changes_anything(
    current: frozenset[str], present: frozenset[str], absent: frozenset[str], exclusive: bool, ttl: int | None
) -> None:
    def values(texts: frozenset[str]) -> frozenset[bytes]:
        return frozenset(parse_value(parse_type("TXT"), text) for text in texts)

    its_key = key("example.org", "TXT")
    goal = Goal(its_key, values(present), values(absent - present), exclusive, ttl)
    now = RRset(its_key, 300, values(current)) if current else None
    after = goal.applied_to(now)
    assert goal.applied_to(after) == after
    assert goal.present <= (after.values if after else frozenset())
    assert not goal.absent & (after.values if after else frozenset())


def test_an_alias_is_found_where_records_shall_come_and_the_other_way_round() -> None:
    alias = rrset("a.example.org", "CNAME", "www.example.org")
    address = {"name": "a.example.org", "type": "A", "values": ["203.0.113.1"]}
    to_alias = {"name": "a.example.org", "type": "CNAME", "values": ["www.example.org"]}
    assert "is an alias (CNAME www.example.org.) and cannot have A records" in _conflicts(state(alias), address)
    assert "cannot have A records" in _conflicts(state(rrset("a.example.org", "A", "203.0.113.1")), to_alias)
    gone = {"name": "a.example.org", "type": "CNAME", "state": "absent"}
    assert _conflicts(state(alias), address, gone) == "", "the alias goes in the same update"
    assert _conflicts(state(alias), to_alias) == ""


def test_the_second_of_two_names_is_held_against_aliases_too() -> None:
    alias = rrset("b.example.org", "CNAME", "www.example.org")
    addresses = [{"name": f"{name}.example.org", "type": "A", "values": ["203.0.113.1"]} for name in "ab"]
    assert "b.example.org is an alias" in _conflicts(state(alias), *addresses)


def _conflicts(now: dict[Key, RRset], *records: dict[str, Any]) -> str:
    return "\n".join(alias_conflicts(now, changes_towards(goals(*records), now)))


def test_exchanges_that_leave() -> None:
    now = state(rrset("example.org", "MX", "10 old.example.org", "20 mx.example.net", "30 web.example.org"))
    wanted = goals(
        {**MX, "values": ["10 new.example.org"]},
        {"name": "web.example.org", "type": "A", "values": ["203.0.113.80"]},
    )
    leaving = leaving_exchanges(ZONE, changes_towards(wanted, now), wanted_hosts(wanted))
    assert leaving == {parse_name("old.example.org")}, "not a host of another zone, not one that is declared itself"


def test_whether_something_names_a_host() -> None:
    host = parse_name("old.example.org")
    assert is_named_by(host, [rrset("x.example.org", "CNAME", "OLD.example.org")])
    assert is_named_by(host, [rrset("_imap._tcp.example.org", "SRV", "0 1 143 old.example.org")])
    assert is_named_by(host, [rrset("example.org", "HTTPS", "1 Old.example.org")])
    cut = '"v=spf1 a:Old.exa" "mple.org -all"'
    assert is_named_by(host, [rrset("example.org", "TXT", "v=spf1 mx -all", cut)])
    assert not is_named_by(
        host,
        [
            rrset("old.example.org", "A", "203.0.113.1"),
            rrset("example.org", "MX", "10 older.example.org"),
            RRset(
                Key(parse_name("ns1.example.org"), dns.rdatatype.NSEC),
                300,
                frozenset({dns.name.from_text("old.example.org").to_wire() + b"\0\1\x40"}),
            ),
        ],
    )


def test_zone_file_lines() -> None:
    text = zone_file([None, rrset("Example.org", "MX", "20 b.", "10 a."), rrset("example.org", "TXT", "x y", ttl=60)])
    assert text == ('example.org. 300 IN MX 10 a.\nexample.org. 300 IN MX 20 b.\nexample.org. 60 IN TXT "x y"\n')


@pytest.mark.parametrize(("there", "wanted"), [("0 .", "10 a."), ("10 a.", "0 .")])
def test_a_null_mx_and_an_exchanger_replace_one_another_also_where_values_are_added(there: str, wanted: str) -> None:
    """RFC 7505, section 3: a null MX stands alone."""
    (goal,) = goals({**MX, "values": [wanted], "exclusive": False})
    assert goal.applied_to(rrset("example.org", "MX", there)) == rrset("example.org", "MX", wanted)


@pytest.mark.parametrize("tag", ["v=spf1", "v=DMARC1;", "v=STSv1;", "v=TLSRPTv1;"])
def test_a_policy_replaces_the_one_of_its_kind(tag: str) -> None:
    """A name with two of a kind has none (RFC 7208, 4.5; RFC 9989, 4.7; RFC 8461, 3.1; RFC 8460, 3)."""
    (goal,) = goals({"name": "example.org", "type": "TXT", "values": [f"{tag} new"]})
    current = rrset("example.org", "TXT", f"{tag} old", "proof=1")
    assert goal.applied_to(current) == rrset("example.org", "TXT", f"{tag} new", "proof=1")


def test_a_zone_keeps_a_name_server() -> None:
    servers = {"name": "example.org", "type": "NS"}
    there = state(rrset("example.org", "NS", "ns1.example.net."), rrset("sub.example.org", "NS", "ns1.example.com."))
    apex = changes_towards(goals({**servers, "state": "absent"}), there)
    (problem,) = name_server_conflicts(ZONE, apex)
    assert "no name server (NS) would be left for example.org" in problem
    below = changes_towards(goals({**servers, "name": "sub.example.org", "state": "absent"}), there)
    assert name_server_conflicts(ZONE, below) == []


def test_the_zones_own_name_servers_delegate_nothing() -> None:
    keys = [key("example.org", "NS"), key("sub.example.org", "NS"), key("example.org", "MX")]
    assert delegations(ZONE, keys) == {parse_name("sub.example.org")}


@pytest.mark.parametrize(
    ("name", "rdtype", "delegated"),
    [
        ("example.org", "MX", False),
        ("sub.example.org", "NS", False),
        ("sub.example.org", "DS", False),
        ("sub.example.org", "MX", True),
        ("a.sub.example.org", "A", True),
        ("a.sub.example.org", "NS", True),
    ],
)
def test_a_delegated_part_has_its_ns_and_ds_in_the_zone_and_nothing_else(
    name: str, rdtype: str, delegated: bool
) -> None:
    assert is_delegated(key(name, rdtype), {parse_name("sub.example.org")}) is delegated


@dataclass(frozen=True)
class Proxied(RRset):
    """As a DNS host has it that keeps more of an RRset than its records."""

    serves: ClassVar[str] = "the web proxy"


def test_what_a_dns_host_keeps_of_an_rrset_stays_where_values_are_only_removed() -> None:
    there = rrset("example.org", "A", "203.0.113.1", "203.0.113.2")
    now = Proxied(there.key, there.ttl, there.values)
    record = {"name": "example.org", "type": "A", "values": ["203.0.113.2"]}
    (removed,) = goals({**record, "state": "absent"})
    (declared,) = goals(record)
    after = removed.applied_to(now)
    assert after is not None and after.serves == "the web proxy"
    assert declared.applied_to(now) == rrset("example.org", "A", "203.0.113.2")


def test_what_is_as_declared_is_told_apart_from_what_changes() -> None:
    now = state(rrset("b.example.org", "A", "203.0.113.1"), rrset("a.example.org", "A", "203.0.113.1"))
    wanted = goals(*({"name": f"{name}.example.org", "type": "A", "values": ["203.0.113.1"]} for name in "cba"))
    assert [str(one.key) for one in unaltered(wanted, now)] == ["A a.example.org", "A b.example.org"]
    assert [str(one.key) for one in changes_towards(wanted, now)] == ["A c.example.org"]
