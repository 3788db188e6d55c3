# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check and name servers that fail, lie or flood; odd_name_server.py has the ways."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.junit import junit
from ansible_collections.inbound.mail.plugins.plugin_utils._verdict.page import page
from world import World, expectations


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ("sound", []),
        ("drops-mx", ["mx-no-answer"]),
        ("garbles-mx", ["mx-no-answer"]),
        # Cut in a datagram, and octet after octet in a stream.
        ("drips", ["mx-no-answer"]),
        ("fails-at-mx", ["mx-rcode"]),
        ("mx-without-authority", ["mx-non-authoritative"]),
        ("refers-to-itself", ["ns-lame"]),
        # Answers with another identifier, or to another question, come before the right one.
        ("lies-first", []),
    ],
)
def test_odd_name_server(world: World, behaviour: str, found: list[str]) -> None:
    world.start().listen()
    expected = expectations(world)
    # What the resolver has by now does not depend on which server it asks.
    assert world.ids(expectations=expected) == []
    world.misbehave(1, behaviour)
    result = world.check(expectations=expected, timeout=1)
    assert world.found(result) == found
    assert result["observation"]["complete"]


def test_answer_of_sixty_four_kibibytes_is_bounded(world: World) -> None:
    world.start()
    world.misbehave(1, "huge")
    result = world.check(expectations=expectations(world), smtp=False)
    assert "mx-rrset-inconsistent" in world.found(result)
    (zone,) = result["observation"]["zones"]
    most = max(len(answer["values"]) for server in zone["servers"] for answer in server["answers"])
    assert 100 < most <= 600
    assert len(json.dumps(result)) < 500_000
    assert max(len(one["message"]) for one in result["findings"]) <= 1003


def test_aliases_without_end_are_followed_for_a_while(world: World) -> None:
    world.start()
    world.misbehave(1, "endless-aliases")
    result = world.check(expectations=expectations(world), smtp=False)
    assert {"mx-target-cname", "target-address-inconsistent"} <= set(world.found(result))
    assert len(json.dumps(result)) < 100_000


def test_escape_sequences_in_names_reach_nobody(world: World) -> None:
    world.start()
    world.misbehave(1, "escapes")
    result = world.check(expectations=expectations(world), smtp=False)
    assert "mx-rrset-inconsistent" in world.found(result)
    assert "\x1b" not in json.dumps(result, ensure_ascii=False)
    assert "<script>" in result["report"]
    written = page(result, expectations(world)) + junit(result)
    assert "<script>" not in written
    assert written.replace("\n", "").isprintable()


def test_five_hundred_mx_records_are_bounded(world: World) -> None:
    zone = "".join(f"@ MX {number} mx{number}\n" for number in range(500)) + "".join(
        f"mx{number} A @MX@\n" for number in range(500)
    )
    world.start(zone, zone, options="max-records-per-type 0;")
    result = world.check(smtp=False, timeout=5, deadline=30)
    assert result["summary"]["error"] == 0
    assert len(result["observation"]["resolved"]) < 250


def test_alias_loop_ends(world: World) -> None:
    zone = "@ MX 10 mail\nmail CNAME other\nother CNAME mail\n"
    world.start(zone, zone)
    assert world.ids(smtp=False) == ["mx-target-cname", "mx-target-no-address"]
