# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules over several policies of firewalld: all that is wanted and nothing else, in few steps."""

from __future__ import annotations

import random

from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld_spread import (
    PATIENCE,
    Held,
    spread,
)

OLD, NEW = ({f"{kind} {number}" for number in range(1000)} for kind in ("old", "new"))


def held(rules: set[str], is_open: bool = True) -> Held:
    return Held(frozenset(rules), is_open)


def test_one_more_rule_is_added_to_the_policy() -> None:
    found = spread({*OLD, "more"}, "main", {"main": held(OLD)})
    assert found.policies == {"main": {*OLD, "more"}}
    assert 0 < found.effort < PATIENCE


def test_a_thousand_more_rules_take_too_long() -> None:
    assert spread({*OLD, *NEW}, "main", {"main": held(OLD)}).effort > PATIENCE


def test_policies_that_have_what_is_wanted_are_opened_and_closed_alone() -> None:
    both = {"main": held(OLD), "beside": held(NEW)}
    assert spread(NEW, "main", both) == ({"beside": NEW}, 0)
    assert spread({*OLD, *NEW}, "main", both) == ({"main": OLD, "beside": NEW}, 0)
    former = {"main": held(OLD, is_open=False), "beside": held(NEW)}
    assert spread({*OLD, *NEW}, "main", former) == ({"main": OLD, "beside": NEW}, 0)
    assert spread(OLD, "main", former) == ({"main": OLD}, 0)


def test_whatever_is_there_each_wanted_rule_is_in_one_policy() -> None:
    source = random.Random(1)
    for _round in range(500):
        rules = [str(number) for number in range(6)]
        live = {
            name: held(set(source.sample(rules, source.randint(0, 6))), source.random() < 0.7)
            for name in ("main", "beside", "other")[: source.randint(1, 3)]
        }
        wanted = set(source.sample(rules, source.randint(1, 6)))
        policies = spread(wanted, "main", live).policies
        assert sorted(rule for one in policies.values() for rule in one) == sorted(wanted)
        assert policies.keys() <= live.keys()
