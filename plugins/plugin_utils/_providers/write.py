# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what was planned for a zone, reads it back, and says of each change what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .._records.names import name_text
from .._records.rrsets import Change, Goal
from .base import Conflict, OutcomeUnknown, Provider, ProviderError
from .task_result import APPLIED, NOT_APPLIED, PREDICTED, UNKNOWN, ZoneResult

if TYPE_CHECKING:
    from dns.name import Name

# Seconds until what was written is looked at again, when the server does not yet answer it.
_PAUSE = 0.1
# Seconds in which the server that took a change has to answer it.
_READ_BACK_LIMIT = 3.0


class ZonePlan(NamedTuple):
    """changes: what is to be done; unaltered: what is as it was declared."""

    changes: list[Change]
    unaltered: list[Change]


class Writer:
    """planned: reads the zone and compares it with the goals. Raises ProviderError."""

    def __init__(self, provider: Provider, planned: Callable[[Name, Collection[Goal]], Awaitable[ZonePlan]]) -> None:
        self._provider = provider
        self._planned = planned

    async def rehearse(self, result: ZoneResult, plan: ZonePlan) -> None:
        for batch in self._batches(result, plan):
            await self._provider.rehearse(result.zone, batch)
        mark(result, plan.changes, PREDICTED)

    async def write(self, result: ZoneResult, plan: ZonePlan, goals: Collection[Goal]) -> None:
        """Write, and once more after a conflict; what `result` says is true whenever an error leaves this function."""
        batches = self._batches(result, plan)
        try:
            try:
                await self._write_batches(result, batches)
            except (Conflict, OutcomeUnknown) as error:
                # It may also have been made and its answer lost: what is there now says so.
                try:
                    plan = await self._planned(result.zone, goals)
                except ProviderError as problem:
                    raise ProviderError(f"{error} {problem}") from None
                _settle(result, plan)
                if isinstance(error, Conflict):
                    result.warnings.append(f"{error} It was read again, and is now as declared here.")
                try:
                    await self._write_batches(result, self._batches(result, plan))
                except Conflict as conflict:
                    raise ProviderError(
                        f"{conflict} It was read again, and the same happened. Nothing of it was overwritten. "
                        "Run it again."
                    ) from None
        except ProviderError as error:
            result.warnings.clear()
            if len(batches) == 1:
                raise
            applied = sum(1 for _change, status in result.changes.values() if status == APPLIED)
            raise ProviderError(
                f"{error} The changes were too many for one message; {applied} of {len(result.changes)} were written."
            ) from None

    def _batches(self, result: ZoneResult, plan: ZonePlan) -> list[list[Change]]:
        result.changes.update((change.key, (change, NOT_APPLIED)) for change in plan.changes)
        if not plan.changes:
            return []
        if not self._provider.capabilities.guards:
            return self._provider.batches(result.zone, plan.changes)
        return self._provider.batches(result.zone, [*plan.changes, *plan.unaltered])

    async def _write_batches(self, result: ZoneResult, batches: Iterable[Sequence[Change]]) -> None:
        for batch in batches:
            changes = [change for change in batch if change.alters]
            try:
                await self._provider.apply(result.zone, batch)
            except OutcomeUnknown:
                mark(result, changes, UNKNOWN)
                raise
            except Conflict:
                raise
            except ProviderError:
                if not self._provider.capabilities.atomic:
                    await self._find_out(result, changes)
                raise
            mark(result, changes, UNKNOWN)
            await self._read_back(result, changes)

    async def _find_out(self, result: ZoneResult, changes: Sequence[Change]) -> None:
        """Say of each change whether it was made, after an error in the middle of a batch that is not atomic."""
        try:
            state = await self._provider.read(result.zone, [change.key for change in changes])
        except ProviderError:
            mark(result, changes, UNKNOWN)
            return
        for change in changes:
            mark(result, [change], APPLIED if state.get(change.key) == change.after else NOT_APPLIED)

    async def _read_back(self, result: ZoneResult, changes: Sequence[Change]) -> None:
        """Say of each change whether it is there: some servers say NOERROR and do nothing, or a part of it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READ_BACK_LIMIT
        replaced: list[Change] = []
        while True:
            replaced_before = replaced
            state = await self._provider.read(result.zone, [change.key for change in changes])
            missing = [change for change in changes if state.get(change.key) != change.after]
            replaced = [change for change in missing if state.get(change.key) != change.before]
            # A server that signs what it was given comes from the one to the other while it is asked: what it shows in
            # between may be neither.
            if not missing or (replaced and replaced == replaced_before) or loop.time() > deadline:
                break
            await asyncio.sleep(_PAUSE)
        mark(result, changes, APPLIED)
        mark(result, missing, NOT_APPLIED)
        mark(result, replaced, UNKNOWN)
        where = f"zone {name_text(result.zone)}"
        if replaced:
            raise ProviderError(
                f"{where}: another client changed {_listed(replaced)} right after it was written here, and what they "
                "wrote is there now: agree on who writes it, and run it again. Or the service keeps something else "
                "than it is told, a longer TTL for example."
            )
        if missing:
            raise ProviderError(
                f"{where}: the server said yes (NOERROR) to the update, but does not answer it: {_listed(missing)}. "
                "A policy of the server may ignore changes to these names or types "
                "(PowerDNS: a dnsupdate policy script), or another client changed them back at the same moment. "
                "Or it is a secondary that hands updates on and shows them later: name the primary in server."
            )


def mark(result: ZoneResult, changes: Iterable[Change], status: str) -> None:
    result.changes.update((change.key, (change, status)) for change in changes)


def _settle(result: ZoneResult, plan: ZonePlan) -> None:
    """What was sent and needs no change any more has been made; what was not sent and needs none was not ours."""
    planned = {change.key for change in plan.changes}
    for key, (change, status) in list(result.changes.items()):
        if key in planned:
            continue
        if status == UNKNOWN:
            result.changes[key] = (change, APPLIED)
        elif status == NOT_APPLIED:
            del result.changes[key]


def _listed(changes: Iterable[Change]) -> str:
    return ", ".join(str(change.key) for change in changes)
