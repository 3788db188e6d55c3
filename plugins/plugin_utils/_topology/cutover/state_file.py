# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that says where a cutover stands. What cannot be read of it is an error, and never the same as no file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..._private_file import read_private, write_private
from ..plan import PlannedCutover
from .clock import Anchor, Clock
from .progress import DELEGATED, MARKS, STEPS, SWITCHING, VERIFIED, Progress

FORMAT_VERSION = 1
"""Anchors came later: a release that does not know them goes by the times."""

_ENDING = ".cutover"
# The end of the year 9999; a later time cannot be shown.
_LAST_SECOND = 253_402_300_799


class OtherStates(Exception):
    """The file is about two other states."""


class UnreadableProgress(Exception):
    """The file is not one that was written here; says why, and what to do."""


def read_progress(path: str, cutover: PlannedCutover) -> Progress:
    """Where the cutover stands that a plan's `cutover` is about: at its beginning if there is no file.

    Raises OtherStates if the file is about others and those are not where they began, UnreadableProgress.
    """
    moves_zones = bool(cutover["zones"])
    states = {"former": cutover["states"]["former"], "new": cutover["states"]["new"]}
    fresh = Progress(cutover["id"], cutover["former_ttl"], cutover["short_ttl"], moves_zones=moves_zones, states=states)
    try:
        held = _read(path)
    except UnreadableProgress as error:
        raise UnreadableProgress(
            f"{error} Make it readable, or restore it from a backup. If no record was switched yet, you can remove it "
            "instead: the cutover then begins anew, with the records led to the former way."
        ) from error
    if held is None:
        return fresh
    if held.id == fresh.id:
        return replace(held, moves_zones=moves_zones, states=states)
    if SWITCHING not in held.times:
        # Nothing led to the new way yet. The records are written and waited for again.
        return fresh
    where = "ended" if VERIFIED in held.times else "not ended"
    raise OtherStates(
        f"{path} is about a cutover to another state than the declared one. It has {where}, and its records were "
        "switched. "
        + (
            "Write the plan of the state that you come from anew (inbound.mail.plan), and remove the file."
            if VERIFIED in held.times
            else "Declare that state again and let it end. To go back instead, see docs/cutover.md."
        )
    )


def unfinished(places: Iterable[str], state: str) -> str | None:
    """Why the state of this id must not be made so at once: a cutover to it, or away from it, has not ended, or it
    cannot be read whether it has.

    places: files that say where a cutover stands, and folders with such files.
    """
    try:
        for path in {os.path.realpath(file): file for place in places for file in _files_of(place)}.values():
            held = _read(path)
            if held is None and os.path.islink(path):
                raise _unreadable(path, "it is a link to a file that is not there")
            if held and (reason := _hinders(path, held, state)):
                return reason
    except UnreadableProgress as error:
        return (
            f"{error} So it is not known whether a cutover has ended, and this could cut off the way that mail takes. "
            "Make it readable, or restore it from a backup. If no cutover is under way, move it to another directory "
            "and run this again."
        )
    return None


def _files_of(place: str) -> Iterator[str]:
    """The files at a place. Raises UnreadableProgress for a folder that does not show them."""
    path = os.path.abspath(place)
    if not os.path.isdir(path) or place.endswith(_ENDING):
        yield path
        return
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UnreadableProgress(
            f"The directory {path} cannot be searched for *{_ENDING}: {error.strerror}."
        ) from error
    yield from (os.path.join(path, name) for name in names if name.endswith(_ENDING) and not name.startswith("."))


def _hinders(path: str, held: Progress, state: str) -> str | None:
    if VERIFIED in held.times:
        return None
    if not held.states:
        return (
            f"A cutover has not ended ({path}), and an earlier release wrote that file without the states that it is "
            "about. Run inbound.mail.cutover again, which goes on where it stood. If that cutover does not count any "
            "more, remove the file and run this again."
        )
    if held.states["new"] == state:
        return (
            f"A cutover to the declared state has not ended ({path}), and mail may still come in on the former "
            "way: this would remove it at once. Run inbound.mail.cutover again, which goes on where it stood. If "
            "the former way does not count any more, remove that file and run this again."
        )
    if held.states["former"] == state and SWITCHING in held.times:
        return (
            f"A cutover away from the declared state has not ended ({path}), and its records were switched: this "
            "would cut off who follows them. Declare the other state again and let it end, or go back by a cutover "
            "too (docs/cutover.md). If the other way does not count any more, remove that file and run this again."
        )
    return None


def _read(path: str) -> Progress | None:
    """None where there is no file. moves_zones is not in it. Raises UnreadableProgress."""
    try:
        held = json.loads(read_private(path))
    except FileNotFoundError as error:
        if not os.path.isdir(os.path.dirname(os.path.realpath(path))) and os.path.islink(path):
            # As where it is kept on a file system that is not mounted.
            raise _unreadable(path, "it is a link into a directory that is not there") from error
        return None
    except NotADirectoryError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"it is damaged: {error}") from error
    try:
        _check_format(held)
        return _progress(held)
    except KeyError as error:
        raise _unreadable(path, f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: str, reason: str) -> UnreadableProgress:
    return UnreadableProgress(f"{path} does not say where the cutover stands: {reason}.")


def _check_format(held: Any) -> None:
    """Raises ValueError, KeyError."""
    if not isinstance(held, dict):
        raise ValueError("it is damaged: no object")
    version = held["format_version"]
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ValueError(
            f"a newer release wrote it (format_version {version}, this one reads {FORMAT_VERSION}), which has to end it"
        )
    if version != FORMAT_VERSION:
        raise ValueError(f"its format_version is {version}, not {FORMAT_VERSION}")


def _progress(held: Mapping[str, Any]) -> Progress:
    """Raises KeyError, ValueError, TypeError, AttributeError."""
    times = {step: _number(held["times"][step], step) for step in MARKS if step in held["times"]}
    before = [step for step in STEPS if step != DELEGATED]
    for former, later in zip(before, before[1:], strict=False):
        if later in times and former not in times:
            raise ValueError(f"it says that the step {later} was done, and not that {former} was")
    states = held.get("states") or {}
    anchors = {
        step: Anchor(
            Clock(
                _number(anchor["wall"], "wall"),
                _number(anchor["uptime"], "uptime"),
                str(anchor["boot"]),
                anchor["synchronized"] is True,
            ),
            _number(anchor["waited"], "waited"),
        )
        for step, anchor in held.get("anchors", {}).items()
        if step in times
    }
    return Progress(
        str(held["id"]),
        int(_number(held["former_ttl"], "former_ttl")),
        int(_number(held["short_ttl"], "short_ttl")),
        times,
        delegation_ttl=int(_number(held.get("delegation_ttl", 0), "delegation_ttl")),
        states={name: str(states[name]) for name in ("former", "new")} if states else {},
        anchors=anchors,
    )


def _number(value: Any, name: str) -> float:
    """Raises ValueError for what no release writes."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # NaN and infinity, which JSON knows in Python, are in no range.
    if not is_number or not 0 <= value <= _LAST_SECOND:
        raise ValueError(f"{name} is not a number of seconds")
    return float(value)


def write_progress(path: str, progress: Progress) -> None:
    """In one step and for this user alone. Raises OSError."""
    held = {
        "format_version": FORMAT_VERSION,
        "id": progress.id,
        "former_ttl": progress.former_ttl,
        "short_ttl": progress.short_ttl,
        "delegation_ttl": progress.delegation_ttl,
        "states": dict(progress.states),
        "times": dict(progress.times),
        "anchors": {
            step: {
                "wall": anchor.clock.wall,
                "uptime": anchor.clock.uptime,
                "boot": anchor.clock.boot,
                "synchronized": anchor.clock.synchronized,
                "waited": anchor.waited,
            }
            for step, anchor in progress.anchors.items()
        },
    }
    write_private(path, json.dumps(held, indent=2) + "\n")
