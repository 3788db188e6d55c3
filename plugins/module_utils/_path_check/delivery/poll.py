# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for messages in the places where a host keeps them: files, IMAP accounts, or wherever its log says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Trace

Look = Callable[[list[str]], list["Trace"]]

# Seconds between two looks, at first and later.
_PAUSE, _LONGEST_PAUSE = 0.25, 2.0


def await_messages(tokens: Sequence[str], looks: Sequence[Look], log: Look, until: float) -> list[Trace]:
    """Every copy of the messages with these tokens, as soon as there is one of each.

    looks: asked in this order for those that are not found yet, so that no copy is found by two ways. log: what it says
    was delivered, for those that no look finds. until: time.monotonic() at which waiting ends.
    """
    pause = _PAUSE
    while True:
        # Before the looks: what was delivered by then, they find.
        logged = log(list(tokens))
        found: list[Trace] = []
        for look in looks:
            found += look(_missing(tokens, found))
        found += [trace for trace in logged if trace["token"] in _missing(tokens, found)]
        if not _missing(tokens, found) or time.monotonic() >= until:
            return sorted(found, key=lambda trace: (trace["token"], trace["file"]))
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE)


def _missing(tokens: Iterable[str], found: Sequence[Trace]) -> list[str]:
    there = {trace["token"] for trace in found}
    return [token for token in tokens if token not in there]
