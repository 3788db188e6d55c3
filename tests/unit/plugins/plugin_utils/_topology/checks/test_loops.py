# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loops of smarthosts: each is found, and a declaration of any size is read through once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.checks.loops import _loops
from hypothesis import given
from hypothesis import strategies as st

HOSTS = 200


def in_a_row(count: int, *, closed: bool) -> str:
    """Direct servers, each with the next two as its smarthosts; closed: the last ones lead to the first."""
    hosts = {}
    for number in range(count):
        following = [(number + step) % count for step in (1, 2) if closed or number + step < count]
        hosts[f"mx{number}"] = {
            "mail_topology": "direct",
            "mail_fqdn": f"mx{number}.example.org",
            "mail_addresses": [f"9.9.{number // 200}.{number % 200 + 1}"],
            "mail_smarthosts": [f"mx{one}.example.org" for one in following],
        }
    shared = {"mail_domains": [{"name": "example.org"}], "mail_dns": {"default": {"provider": "manual"}}}
    return yaml.safe_dump({"all": {"vars": shared}, "mail_servers": {"hosts": hosts}}, sort_keys=False)


def test_many_hosts_that_share_smarthosts_are_no_loop(plan_of: Any) -> None:
    """With the number of ways from one to another, which doubles with every host, this would not end."""
    assert plan_of(in_a_row(HOSTS, closed=False))["warnings"] == []


def test_a_loop_of_many_hosts_is_found(errors_of: Any) -> None:
    (error,) = errors_of(in_a_row(HOSTS, closed=True))
    assert error["host"] == "mx0"
    assert error["message"].startswith("mail for the outside would come back: mx0 -> mx1 -> mx2 -> ")
    assert error["message"].endswith(f" -> mx{HOSTS - 1} -> mx0")


def by_every_way(start: str, next_hops: Mapping[str, Sequence[str]]) -> list[str]:
    """The loop that the first way into one leads to, by trying each way to its end; empty if none leads into one."""

    def follow(path: list[str]) -> list[str]:
        for name in next_hops[path[-1]]:
            found = path[path.index(name) :] if name in path else follow([*path, name])
            if found:
                return found
        return []

    return follow([start])


NAMES = "abcdef"


@given(st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES}))
def test_loops_are_those_that_every_way_leads_to(next_hops: dict[str, list[str]]) -> None:
    expected: list[list[str]] = []
    for start in NAMES:
        loop = by_every_way(start, next_hops)
        if loop and set(loop) not in map(set, expected):
            expected.append(loop)
    assert list(_loops(NAMES, next_hops.__getitem__)) == expected
