# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a cutover stands, what comes next and how long it is waited for; kept in a file from run to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.clock import Clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import Progress
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import (
    OtherStates,
    UnreadableProgress,
    read_progress,
    unfinished,
    write_progress,
)

NOW = 1_800_000_000.0


def at(wall: float) -> Clock:
    """On a controller that has been up for long."""
    return Clock(wall, 1e9)


def about(id_: str = "a", former_ttl: int = 3600, short_ttl: int = 60) -> dict[str, Any]:
    return {
        "id": id_,
        "former_ttl": former_ttl,
        "short_ttl": short_ttl,
        "zones": [],
        "states": {"former": f"{id_}1", "new": f"{id_}2"},
    }


@pytest.mark.parametrize(
    ("times", "step", "wait"),
    [
        ({}, "beside", 0),
        ({"beside": NOW}, "wait", 3600),
        ({"beside": NOW - 3599.5}, "wait", 1),
        ({"beside": NOW - 3600}, "switched", 0),
        ({"beside": NOW - 9999, "switching": NOW}, "switched", 0),
        ({"beside": NOW - 9999, "switching": NOW - 9, "switched": NOW - 8}, "wait", 52),
        ({"beside": NOW - 9999, "switched": NOW - 60}, "new", 0),
        ({"beside": NOW - 9999, "switched": NOW - 9000, "new": NOW}, "verified", 0),
        ({"beside": NOW - 9999, "switched": NOW - 9000, "new": NOW, "verified": NOW}, "done", 0),
    ],
)
def test_each_ttl_is_waited_out_from_when_the_records_were_seen_written(
    times: dict[str, float], step: str, wait: int
) -> None:
    progress = Progress("a", 3600, 60, times)
    assert (progress.next_step(at(NOW)), progress.seconds_to_wait(at(NOW))) == (step, wait)


def test_where_no_record_changes_nothing_is_waited_for() -> None:
    assert Progress("a", 0, 0, {"beside": NOW}).next_step(at(NOW)) == "switched"


@pytest.mark.parametrize(
    ("times", "step", "wait"),
    [
        ({"beside": NOW}, "delegated", 0),
        ({"beside": NOW - 600, "delegated": NOW}, "wait", 3000),
        ({"beside": NOW - 9999, "delegated": NOW}, "switched", 0),
        ({"beside": NOW - 9999, "delegated": NOW - 600, "switched": NOW}, "wait", 86400 - 600),
        ({"beside": NOW - 9999, "delegated": NOW - 86399, "switched": NOW}, "wait", 60),
        ({"beside": NOW - 9999, "delegated": NOW - 86400, "switched": NOW - 60}, "new", 0),
    ],
)
def test_the_former_way_stays_while_the_former_name_servers_may_be_asked(
    times: dict[str, float], step: str, wait: int
) -> None:
    progress = Progress("a", 3600, 60, times, moves_zones=True, delegation_ttl=86400)
    assert (progress.next_step(at(NOW)), progress.seconds_to_wait(at(NOW))) == (step, wait)


def test_the_table_says_what_is_done_and_until_when_is_waited() -> None:
    table = Progress("a", 3600, 60, {"beside": NOW}).table(["example.org MX: 10 a. becomes 10 b."], at(NOW + 600))
    assert "example.org MX: 10 a. becomes 10 b." in table
    first, second, *_rest = table.partition("Steps of the cutover\n")[2].splitlines()
    assert " done 20" in first
    assert " waits until 20" in second
    assert second.endswith("(3000 s)")
    assert "Mail comes in on the former way" in table.splitlines()[-1]
    # A step that waits for nothing names no TTL.
    assert [line.count("(after a TTL of") for line in (first, second)] == [0, 1]
    assert table.count("(after a TTL of") == 2


def test_the_delegation_is_waited_for_before_the_last_step_alone() -> None:
    table = Progress("a", 3600, 60, {}, moves_zones=True, delegation_ttl=86400).table([], at(NOW))
    assert table.count("86400 s from the delegation") == 1


def test_what_is_written_is_read_again_by_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.json.cutover"
    fresh = read_progress(str(path), about())
    assert fresh == Progress("a", 3600, 60, states={"former": "a1", "new": "a2"})
    done = fresh.reached("beside", Clock(NOW, 100.5, "boot", True)).reached("switching", at(NOW + 1))
    written = replace(done, former_ttl=86400, delegation_ttl=172800)
    write_progress(str(path), written)
    assert path.stat().st_mode & 0o777 == 0o600
    # A TTL that was longer than the former plan says is kept in mind.
    assert read_progress(str(path), about()) == written
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    """As where the state is kept in another directory than the plan."""
    link, kept = tmp_path / "former.json.cutover", tmp_path / "kept" / "state"
    kept.parent.mkdir()
    link.symlink_to(kept)
    write_progress(str(link), read_progress(str(link), about()))
    assert link.is_symlink()
    assert read_progress(str(kept), about()) == read_progress(str(link), about())
    assert [path.name for path in kept.parent.iterdir()] == ["state"]


def test_until_the_switch_another_state_may_be_declared_and_then_not(tmp_path: Path) -> None:
    path = str(tmp_path / "cutover")
    progress = Progress("a", 3600, 60, {"beside": NOW})
    write_progress(path, progress)
    assert read_progress(path, about("b")) == Progress("b", 3600, 60, states={"former": "b1", "new": "b2"})
    # As soon as some records may lead to the new way.
    write_progress(path, replace(progress, times={"beside": NOW, "switching": NOW}))
    with pytest.raises(OtherStates, match=r"not ended.*Declare that state again"):
        read_progress(path, about("b"))
    write_progress(
        path, replace(progress, times=dict.fromkeys(("beside", "switching", "switched", "new", "verified"), NOW))
    )
    with pytest.raises(OtherStates, match="Write the plan of the state that you come from anew"):
        read_progress(path, about("b"))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": 2}', '{"format_version": 1, "times": 3}'])
def test_a_file_that_is_no_state_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cutover"
    path.write_text(content)
    with pytest.raises(UnreadableProgress, match="does not say where the cutover stands"):
        read_progress(str(path), about())
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("times", "state", "reason"),
    [
        ({"beside": NOW}, "a2", "A cutover to the declared state has not ended"),
        ({"beside": NOW, "switching": NOW}, "a2", "A cutover to the declared state has not ended"),
        ({"beside": NOW, "switching": NOW}, "a1", "A cutover away from the declared state has not ended"),
        # Nothing led to the new way yet: the former state may be put back.
        ({"beside": NOW}, "a1", ""),
        ({"beside": NOW, "switching": NOW}, "b2", ""),
        (dict.fromkeys(("beside", "switching", "switched", "new", "verified"), NOW), "a2", ""),
    ],
)
def test_a_cutover_that_has_not_ended_is_found(
    tmp_path: Path, times: dict[str, float], state: str, reason: str
) -> None:
    path = tmp_path / "former.json.cutover"
    (tmp_path / "former.json").write_text("no JSON")
    write_progress(str(path), replace(read_progress(str(path), about()), times=times))
    for places in ([str(tmp_path)], [str(path)], [str(tmp_path / "nowhere"), str(tmp_path)]):
        found = unfinished(places, state) or ""
        assert found.startswith(reason)
        assert bool(found) is bool(reason)
        assert not found or str(path) in found
