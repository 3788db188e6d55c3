# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the parents of all zones name the new name servers alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..base import ProviderError
from .name_servers import NewServers
from .parents import DelegationStatus, Parents
from .report import first_of, request_text

if TYPE_CHECKING:
    from dns.name import Name

# Seconds between two looks at the parents, and for one of their answers.
_PAUSE = 5.0
_ANSWER_TIMEOUT = 3.0
# Zones that are asked for at once.
_AT_ONCE = 32


def wait(servers: Mapping[Name, NewServers], limit: float, show: Callable[[str], None]) -> dict[Name, DelegationStatus]:
    """What the parents say in the end. What has to be done is shown, then waited for, `limit` seconds at most. Raises
    ProviderError."""
    parents = Parents(_ANSWER_TIMEOUT)
    deadline = time.monotonic() + limit
    longest: dict[Name, int] = {}
    told = False
    while True:
        looks, failures = _looks(parents, servers)
        if failures:
            # In an hour a network may be away for a moment.
            if not told or time.monotonic() >= deadline:
                raise ProviderError(*first_of(failures))
            time.sleep(_PAUSE)
            continue
        longest = {zone: max(look.ttl, longest.get(zone, 0)) for zone, look in looks.items()}
        open_ = [zone for zone, look in looks.items() if not look.leads_only_to(servers[zone].addresses)]
        if not open_ or any(looks[zone].problems for zone in open_) or time.monotonic() >= deadline:
            break
        if not told:
            lines = [request_text(zone, servers[zone], looks[zone]) for zone in open_]
            show("\n" + "\n".join(lines) + f"\nIt is waited for, at most {limit:.0f} s.\n")
            told = True
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
    return {
        zone: DelegationStatus(look.parent, look.named, longest[zone], look.problems) for zone, look in looks.items()
    }


def _looks(parents: Parents, servers: Mapping[Name, NewServers]) -> tuple[dict[Name, DelegationStatus], list[str]]:
    """What the parents of the zones say now, and why those of others say nothing."""

    def look(zone: Name) -> DelegationStatus | ProviderError:
        try:
            return parents.look(zone, servers[zone])
        except ProviderError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(servers, pool.map(look, servers), strict=True))
    looks = {zone: one for zone, one in found.items() if isinstance(one, DelegationStatus)}
    return looks, [str(one) for one in found.values() if isinstance(one, ProviderError)]
