# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault of one domain is found beside a sound one, before and after it, and beside the same fault of another."""

from __future__ import annotations

import copy
import json
from collections import Counter
from datetime import date
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import merged
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import judge

from .faults import ALONE, FAULTS, with_fault
from .sound import EXPECT, OBSERVATION, VANTAGE

Scene = tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]
SOUND: Scene = (OBSERVATION, EXPECT)

# What the second domain has in place of the first one's names, addresses and token.
OTHER = {
    "example.org": "example.edu",
    "203.0.113.": "203.0.114.",
    "113.0.203.": "114.0.203.",
    "192.168.0.": "192.168.9.",
    "2001:db8:": "2001:db9:",
    '"relay"': '"relay2"',
    '"mail"': '"mail2"',
    '"insider"': '"insider2"',
    '"old"': '"old2"',
    "mail.example.com": "mail2.example.com",
    "example.net": "example2.net",
    "0123456789abcdef": "fedcba9876543210",
}
# They are about the whole of what was seen, which has one time and one vantage.
OF_ALL = {"certificate-expired", "observation-incomplete?", "port25-timeout port25-vantage?", "vantage-family?"}
FOUND = [found for found in FAULTS if found not in {*ALONE, *OF_ALL}]


def second(scene: Scene) -> Scene:
    text = json.dumps(scene)
    for mine, other in OTHER.items():
        text = text.replace(mine, other)
    observation, expect = json.loads(text)
    return observation, expect


def ids(*scenes: Scene) -> Counter[str]:
    """Of the findings of both scenes in one observation, in this order."""
    observation, expect = copy.deepcopy(scenes[0])
    for more, also in scenes[1:]:
        observation = {key: held + more[key] if isinstance(held, list) else held for key, held in observation.items()}
        expect = {key: held + also[key] for key, held in expect.items()}
    targets = [VANTAGE, VANTAGE.replace("203.0.113.", "203.0.114.")]
    case = Case(
        expect,  # type: ignore[arg-type]
        merged([copy.deepcopy(observation)]),  # type: ignore[list-item]
        public_networks=["203.0.113.0/24", "203.0.114.0/24"],
        egress_targets=targets,
        domain="example.org",
    )
    return Counter(
        one["id"] + ("?" if one["status"] == "unknown" else "") for one in judge(case, [], date(2026, 11, 23))
    )


def test_two_sound_domains_have_no_finding() -> None:
    assert ids(SOUND, second(SOUND)) == Counter()


@pytest.mark.parametrize("found", FOUND)
def test_a_sound_domain_hides_no_fault_of_another(found: str) -> None:
    faulty = second(with_fault(found))
    assert set(ids(SOUND, faulty)) == set(found.split())
    assert set(ids(faulty, SOUND)) == set(found.split())


@pytest.mark.parametrize("found", [found for found in FAULTS if found not in OF_ALL])
def test_a_sound_domain_hides_no_fault_of_the_one_that_is_asked_about(found: str) -> None:
    """Faults of what is declared nowhere are seen of that one alone."""
    faulty = with_fault(found)
    assert set(ids(faulty, second(SOUND))) == set(found.split())
    assert set(ids(second(SOUND), faulty)) == set(found.split())


@pytest.mark.parametrize("found", FOUND)
def test_a_fault_that_two_domains_have_is_found_of_both(found: str) -> None:
    both = ids(with_fault(found), second(with_fault(found)))
    assert set(both) == set(found.split())
    assert min(both.values()) >= 2


@pytest.mark.parametrize("found", FOUND)
def test_no_fault_of_one_domain_hides_one_of_another(found: str) -> None:
    """Each pair: a rule that passes over the first domain for a reason goes on with the second."""
    first = with_fault(found)
    for other in FOUND:
        assert set(ids(first, second(with_fault(other)))) == {*found.split(), *other.split()}, other
