# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observations that are damaged or forged: they cost their own part of the verdict, and no other host's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.module_utils._path_check.check import run
from ansible_collections.inbound.mail.plugins.module_utils._path_check.received import (
    SHAPE,
    Damaged,
    received,
    sound,
)
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from .sound import EXPECT, OBSERVATION, VANTAGE

NASTY = "\x1b]0;owned\x07\x1b[2J\n<script>alert(1)</script>{{ lookup('pipe', 'id') }}"
SCRAPS: list[Any] = [None, True, -1, 0, 10**30, 1e308, float("nan"), "", "x", NASTY, "x" * 70_000, [], {}, [[]], [{}]]
SCRAPS += [{"x": 1}, "10", "fe80::1%eth0", 99]
TOKEN = "path-check-" + "a" * 24


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in it."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(item)


def judged(*observations: Any) -> Any:
    params: Any = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    params |= {"expectations": copy.deepcopy(EXPECT), "observations": list(observations), "fail_on": "never"}
    params["egress_targets"] = [VANTAGE]
    return run(params, False)[1]


def test_every_key_of_an_observation_has_a_shape() -> None:
    assert {key.rstrip("?") for key in SHAPE} == set(seen.Observation.__annotations__)


def without(value: Any, surplus: str) -> Any:
    """A copy without that key, wherever it stands."""
    if isinstance(value, list):
        return [without(item, surplus) for item in value]
    if isinstance(value, dict):
        return {key: without(item, surplus) for key, item in value.items() if key != surplus}
    return value


def test_sound_observation_is_taken_as_it_is_without_what_is_surplus() -> None:
    observation = without(json.loads(json.dumps(OBSERVATION)), "zone")
    assert sound({**observation, "zone": NASTY}) == observation


ALL = list(places(OBSERVATION))


@given(st.integers(0, len(ALL) - 1), st.sampled_from(SCRAPS), st.booleans())
@seed(17)
@settings(max_examples=400, deadline=None)
def test_odd_observation_is_a_finding_or_judged(number: int, scrap: Any, removed: bool) -> None:
    """Whatever stands in whatever place, there is no traceback, and nothing for a terminal in the report."""
    observation = copy.deepcopy(OBSERVATION)
    container, key = list(places(observation))[number]
    if removed and isinstance(container, dict):
        del container[key]
    else:
        container[key] = scrap
    if observation.get("format_version") not in (1, 2):
        return
    result = judged(observation)
    assert all(line.isprintable() for line in result["report"].split("\n"))
    for finding in result["findings"]:
        assert finding["message"].isprintable()


def test_damaged_observation_leaves_the_others_as_they_are() -> None:
    other = {**seen.empty("server"), "traces": [{"host": "server"}]}
    alone, both = judged(OBSERVATION), judged(OBSERVATION, other)
    (finding,) = [one for one in both["findings"] if one["id"] == "observation-damaged"]
    assert finding["subject"] == "server"
    assert "observation.traces has no 'token'" in finding["message"]
    assert [one for one in both["findings"] if one is not finding] == alone["findings"]


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"vantage": "other"}, "it is from 'other'"),
        ({"format_version": 1}, "format_version is 1"),
        ({"connections": [{"source": "other"}]}, "in 'connections' it speaks for 'other'"),
        ({"traces": [{"host": "other"}]}, "in 'traces' it speaks for 'other'"),
        ({"mail_hosts": [{"host": "other"}]}, "in 'mail_hosts' it speaks for 'other'"),
        ({"traces": [{"token": "path-check-" + "b" * 24}]}, "a message that was not looked for"),
        ({"zones": []}, ""),
        ({"dialogues": [{}]}, "it has 'dialogues', which the host was not asked for"),
        ({"damaged": [{"host": "other", "why": ""}]}, "it has 'damaged'"),
    ],
)
def test_host_speaks_for_itself_and_about_what_it_was_asked(forged: dict[str, Any], why: str) -> None:
    whole: dict[str, Any] = {
        "connections": {"source": "server", "address": "9.9.9.9", "port": 25, "status": "open", "local_address": None},
        "traces": {"host": "server", "token": TOKEN, "kind": "log", "file": "/var/log/mail.log", "hops": []},
        "mail_hosts": {"host": "server", "names": [], "unread": []},
        "dialogues": OBSERVATION["dialogues"][0],
        "damaged": {},
    }
    observation: Any = seen.empty("server")
    for key, value in forged.items():
        observation[key] = [{**whole[key], **one} for one in value] if isinstance(value, list) else value
    found = received(observation, "server", ("connections", "traces", "mail_hosts"), [TOKEN])
    assert [one["host"] for one in found["damaged"]] == (["server"] if why else [])
    assert why in str(found["damaged"])
    if why:
        assert found["connections"] == found["traces"] == found["mail_hosts"] == []


@pytest.mark.parametrize("value", [None, "text", [], 5, {}, {"format_version": 2}])
def test_what_is_no_observation_at_all(value: Any) -> None:
    with pytest.raises(Damaged):
        sound(value)
    assert received(value, "server", ())["damaged"][0]["host"] == "server"
