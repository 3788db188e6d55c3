# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what DNS names is looked at, and that what is declared comes first."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import complete
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import empty
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.limits import Limits
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULES

EXPECT = complete(
    {
        "records": [
            {"view": "public", "name": "example.org", "type": "MX", "values": ["90 z.example.org."]},
            {"view": "public", "name": "z.example.org", "type": "A", "values": ["192.168.0.10"]},
        ]
    }
)


def test_declared_exchangers_and_addresses_come_first() -> None:
    limits = Limits(EXPECT, [], 1)
    found = limits.exchangers(
        "example.org", {f"m{number}.test": number for number in range(50)} | {"z.example.org": 90}
    )
    assert list(found) == [*(f"m{number}.test" for number in range(11)), "z.example.org"]
    addresses = [f"9.9.0.{number}" for number in range(50)]
    assert limits.addresses("z.example.org", [*addresses, "192.168.0.10"]) == [*addresses[:11], "192.168.0.10"]
    assert [(one["subject"], one["number"]) for one in limits.left_out] == [("z.example.org", 39), ("example.org", 39)]


@pytest.mark.parametrize("count", [1, 12])
def test_what_is_within_the_limits_is_no_finding(count: int) -> None:
    limits = Limits(complete(None), [], 1)
    found = {f"m{number}.test": 10 for number in range(count)}
    assert limits.exchangers("example.org", found) == found
    assert len(limits.addresses("m0.test", [f"9.9.0.{number}" for number in range(count)])) == count
    assert limits.left_out == []


def test_more_exchangers_than_the_limit_are_looked_at_if_they_are_declared() -> None:
    names = [f"m{number:03}.test" for number in range(300)]
    expect = complete({"records": [{"name": "example.org", "type": "MX", "values": [f"10 {name}." for name in names]}]})
    limits = Limits(expect, [], 1)
    assert list(limits.exchangers("example.org", dict.fromkeys([*names, "a.test"], 10))) == names


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0.0.0.0", "203.0.113.1", "::1", "fe80::1"],
)
def test_address_of_no_internet_is_contacted_only_where_it_is_declared(address: str) -> None:
    assert Limits(EXPECT, [], 1).public([address, "9.9.9.9", "192.168.0.10"]) == ["9.9.9.9", "192.168.0.10"]
    network = f"{address}/128" if ":" in address else f"{address}/32"
    assert Limits(EXPECT, [network], 1).public([address]) == [address]


def test_laboratory_on_documentation_addresses_contacts_all_of_them() -> None:
    """Its name servers have addresses beside the network of its mail hosts, but none in private networks."""
    addresses = ["203.0.113.53", "198.51.100.53", "2001:db8:113::53", "10.0.0.1", "127.0.0.1"]
    assert Limits(EXPECT, ["203.0.113.0/24"], 1).public(addresses) == addresses[:3]
    assert Limits(EXPECT, ["10.0.0.0/24"], 1).public(addresses) == ["10.0.0.1"]


def seconds_of_judging(count: int) -> float:
    """With so many declared exchangers, of which none answers over IPv6."""
    observation: Any = empty("vantage")
    smtp = []
    for number in range(count):
        host = f"mx{number}"
        addresses = [f"9.{number >> 8}.{number & 255}.1", f"2a00::{number:x}"]
        smtp.append({"host": host, "fqdn": f"{host}.example.org", "addresses": addresses, "port": 25})
        smtp[-1] |= {"domains": ["example.org"], "refuses_unknown": True, "message_size": None}
        for address, status in zip(addresses, ("open", "timeout"), strict=True):
            dialogue = {"host": host, "address": address, "port": 25, "status": status, "steps": [], "ended": ""}
            observation["dialogues"].append({**dialogue, "greeted_after": None, "tls": None})
    case = Case(complete({"smtp": smtp}), observation)
    began = time.process_time()
    found = [one for rule in RULES.values() for one in rule.judge(case)]
    assert len(found) >= count
    return time.process_time() - began


def test_judging_grows_with_the_number_of_exchangers_and_no_faster() -> None:
    seconds_of_judging(50)
    few = min(seconds_of_judging(200) for _round in range(3))
    assert min(seconds_of_judging(2000) for _round in range(2)) < 25 * few
