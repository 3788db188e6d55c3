# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever becomes of the file that says where a cutover stands: neither `site` nor a cutover goes on without it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover import state_file
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.clock import Clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import Progress
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.state_file import (
    OtherStates,
    UnreadableProgress,
    read_progress,
    unfinished,
    write_progress,
)

NOW = Clock(1_800_000_000.0, 500.0, "boot")
STATES = {"former": "a1", "new": "a2"}
ABOUT: Any = {"id": "a", "former_ttl": 3600, "short_ttl": 60, "zones": [], "states": STATES}
SWITCHING = Progress("a", 3600, 60, states=STATES).reached("beside", NOW).reached("switching", NOW)


def changed(name: str, value: Any) -> Callable[[Path], None]:
    """Damage by one value in the file; of what is nested, the name with dots."""

    def damage(path: Path) -> None:
        held = json.loads(path.read_text())
        *folders, last = name.split(".")
        inner = held
        for folder in folders:
            inner = inner[folder]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
        path.write_text(json.dumps(held))

    return damage


def replaced(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "NULs": lambda path: path.write_bytes(b"\0" * path.stat().st_size) and None,
    "Latin-1": lambda path: path.write_bytes(path.read_bytes().replace(b'"a1"', b'"\xe9"')) and None,
    "deep": lambda path: path.write_text("[" * 100_000) and None,
    "no object": lambda path: path.write_text("[1]") and None,
    "newer": changed("format_version", state_file.FORMAT_VERSION + 1),
    "no number": changed("former_ttl", "soon"),
    "endless": changed("former_ttl", float("inf")),
    "not a number": changed("times.beside", float("nan")),
    "very long": changed("times.beside", 10**400),
    "negative": changed("short_ttl", -1),
    "times": changed("times", 3),
    "no times": changed("times", None),
    "no id": changed("id", None),
    "anchors": changed("anchors", [1]),
    "half an anchor": changed("anchors.beside.boot", None),
    "half of the states": changed("states.new", None),
    "a step without the one before": changed("times.verified", NOW.wall),
    "directory": replaced(Path.mkdir),
    "fifo": replaced(os.mkfifo),
    "dangling link": replaced(lambda path: path.symlink_to("unmounted/state")),
    "link to itself": replaced(lambda path: path.symlink_to(path)),
    "device": replaced(lambda path: path.symlink_to("/dev/null")),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "former.json.cutover"
    write_progress(str(path), SWITCHING)
    assert "has not ended" in (unfinished([str(tmp_path)], "a2") or "")
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_site_stops_and_names_the_file(damage: str, path: Path) -> None:
    DAMAGES[damage](path)
    for places in ([str(path)], [str(path.parent)]):
        reason = unfinished(places, "a2") or ""
        assert str(path) in reason
        assert "If no cutover is under way, move it" in reason


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cutover_stops_and_the_file_stays_as_it_is(damage: str, path: Path) -> None:
    DAMAGES[damage](path)
    before = path.lstat()
    with pytest.raises(UnreadableProgress, match="restore it from a backup"):
        read_progress(str(path), ABOUT)
    after = path.lstat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("seed", range(200))
def test_bytes_that_change_anywhere_are_understood_or_stop_it(seed: int, path: Path) -> None:
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _time in range(chance.randint(1, 4)):
        start = chance.randrange(len(content))
        content[start : start + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 9))
    path.write_bytes(content)
    # Whatever it says then, a cutover is found not to have ended, or the file to be damaged; or it is about others.
    reason = unfinished([str(path)], "a2")
    try:
        held = read_progress(str(path), ABOUT)
    except (UnreadableProgress, OtherStates):
        return
    assert reason is not None or held.states != STATES or b'"a2"' not in content
    held.table([], NOW)


def test_a_folder_that_cannot_be_searched_stops_site(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_folder: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(state_file.os, "listdir", refused)
    reason = unfinished([str(path.parent)], "a2") or ""
    assert f"The directory {path.parent} cannot be searched for *.cutover: Permission denied" in reason


def test_a_file_without_states_is_no_sign_that_a_cutover_has_ended(path: Path) -> None:
    changed("states", None)(path)
    assert "an earlier release wrote that file" in (unfinished([str(path)], "any") or "")
    write_progress(str(path), SWITCHING.reached("switched", NOW).reached("new", NOW).reached("verified", NOW))
    changed("states", None)(path)
    assert unfinished([str(path)], "any") is None


def test_a_link_whose_file_was_lost_stops_site_and_no_cutover_that_begins(path: Path) -> None:
    path.unlink()
    path.symlink_to("kept")
    assert "a link to a file that is not there" in (unfinished([str(path.parent)], "a2") or "")
    assert read_progress(str(path), ABOUT).times == {}


def test_places_that_are_not_there_are_no_cutover(tmp_path: Path) -> None:
    (tmp_path / "inventory").write_text("")
    assert unfinished([str(tmp_path / "nowhere"), str(tmp_path / "inventory" / "below"), str(tmp_path)], "a2") is None
