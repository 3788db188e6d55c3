# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the zones of a provider to what was declared: read, compare, write, read back; zones concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._records.exchanges import leaving_exchanges, wanted_hosts
from .._records.names import name_text
from .._records.rrsets import Change, Goal, Key, RRset, alias_conflicts, changes_towards, zone_file
from .._records.values import type_text
from .interface import Conflict, OutcomeUnknown, Provider, ProviderError
from .prune import Leftover, retire

if TYPE_CHECKING:
    from dns.name import Name

# Seconds between two lines about how far it is.
_REPORT_EVERY = 5.0
# Seconds until what was written is looked at again, when a server does not yet answer it.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# Seconds in which the server that took a change has to answer it.
_READ_BACK_LIMIT = 3.0

# What can become of a change.
APPLIED = "applied"  # written, and read back
PREDICTED = "predicted"  # check mode: would be written
NOT_APPLIED = "not_applied"  # not written
UNKNOWN = "unknown"  # sent, but nobody can say whether it was written


@dataclass
class ZoneResult:
    """changes: each with what became of it; unchanged: how many RRsets were as declared;
    error: why the zone is not as declared, for the administrator."""

    zone: Name
    changes: dict[Key, tuple[Change, str]] = field(default_factory=dict)
    unchanged: int = 0
    leftover: list[Leftover] = field(default_factory=list)
    error: str | None = None


@dataclass
class Run:
    """One call: the same options for all zones.

    goals: of each zone; concurrency: zones at once; prune: whether the addresses of a host that is no mail exchange any
    more are removed; wait_timeout: seconds to wait for every authoritative server after a write, 0 not to wait;
    report: takes a line about how far it is.
    """

    provider: Provider
    goals: Mapping[Name, Collection[Goal]]
    check_mode: bool
    concurrency: int
    prune: bool
    wait_timeout: float
    report: Callable[[str], None]
    _finished: int = 0

    def __post_init__(self) -> None:
        self._wanted_hosts = wanted_hosts(goal for goals in self.goals.values() for goal in goals)

    async def results(self) -> list[ZoneResult]:
        """A result for each zone, in the order of the zones' names."""
        room = asyncio.Semaphore(self.concurrency)

        async def one(zone: Name) -> ZoneResult:
            result = ZoneResult(zone)
            try:
                async with room:
                    await self._bring_about(result)
                # Waiting takes no room: other zones are written meanwhile.
                if any(status == APPLIED for _change, status in result.changes.values()):
                    await self._wait(zone, [change for change, _status in result.changes.values()])
            except ProviderError as error:
                result.error = str(error)
            self._finished += 1
            return result

        reporter = asyncio.create_task(self._report_regularly())
        try:
            async with self.provider, asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(zone)) for zone in sorted(self.goals)]
        finally:
            reporter.cancel()
        return [task.result() for task in tasks]

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY)
            self.report(f"{self._finished} of {len(self.goals)} zones done")

    async def _bring_about(self, result: ZoneResult) -> None:
        zone, goals = result.zone, list(self.goals[result.zone])
        changes = await self._planned(zone, goals)
        result.unchanged = len(goals) - len(changes)
        if hosts := leaving_exchanges(zone, changes, self._wanted_hosts):
            pruning, result.leftover = await retire(self.provider, zone, hosts, changes, self.prune)
            if pruning:
                goals += pruning
                changes = await self._planned(zone, goals)
        if self.check_mode:
            result.changes = {change.key: (change, PREDICTED) for change in changes}
        elif changes:
            await self._write(result, changes, goals)

    async def _planned(self, zone: Name, goals: Collection[Goal]) -> list[Change]:
        state = await self.provider.read(zone, [goal.key for goal in goals])
        obstacles = self.provider.obstacles(zone, goals)
        changes = changes_towards(goals, state)
        if changes:
            # An answer made from a wildcard is as good as a record only as long as nothing else comes to its name.
            state = await self.provider.explicit(zone, state)
            changes = changes_towards(goals, state)
        if problems := [*obstacles, *alias_conflicts(state, changes), *self._unsupported(changes)]:
            raise ProviderError(f"zone {name_text(zone)}: {'; '.join(problems)}. Nothing was written in this zone.")
        return changes

    def _unsupported(self, changes: Sequence[Change]) -> list[str]:
        return [f"{self.provider.service}: {problem}" for problem in self.provider.capabilities.problems(changes)]

    async def _write(self, result: ZoneResult, changes: list[Change], goals: Collection[Goal]) -> None:
        """Write batch after batch; what `result` says is true whenever an error leaves this function."""
        result.changes = {change.key: (change, NOT_APPLIED) for change in changes}
        batches = self.provider.batches(result.zone, changes)
        try:
            for batch in batches:
                keys = {change.key for change in batch}
                await self._write_batch(result, batch, [goal for goal in goals if goal.key in keys])
        except ProviderError as error:
            if len(batches) == 1:
                raise
            applied = sum(1 for _change, status in result.changes.values() if status == APPLIED)
            raise ProviderError(
                f"{error} The changes were too many for one message; {applied} of {len(changes)} were written."
            ) from None

    async def _write_batch(self, result: ZoneResult, batch: Sequence[Change], goals: Collection[Goal]) -> None:
        try:
            await self._apply(result, batch)
        except Conflict:
            for change in batch:
                del result.changes[change.key]
            batch = await self._planned(result.zone, goals)
            result.unchanged += len(goals) - len(batch)
            result.changes.update((change.key, (change, NOT_APPLIED)) for change in batch)
            if batch:
                await self._apply(result, batch)
        except OutcomeUnknown:
            # It may have been made and its answer lost: what is there now says so.
            left = await self._planned(result.zone, goals)
            if left:
                await self._apply(result, left)
        except ProviderError:
            if not self.provider.capabilities.atomic:
                await self._find_out(result, batch)
            raise
        await self._read_back(result.zone, batch)
        result.changes.update((change.key, (change, APPLIED)) for change in batch)

    async def _find_out(self, result: ZoneResult, batch: Sequence[Change]) -> None:
        """Say of each change whether it was made, after an error in the middle of a batch that is not atomic."""
        try:
            state = await self.provider.read(result.zone, [change.key for change in batch])
        except ProviderError:
            result.changes.update((change.key, (change, UNKNOWN)) for change in batch)
            return
        for change in batch:
            status = APPLIED if state.get(change.key) == change.after else NOT_APPLIED
            result.changes[change.key] = (change, status)

    async def _apply(self, result: ZoneResult, batch: Sequence[Change]) -> None:
        try:
            await self.provider.apply(result.zone, batch)
        except OutcomeUnknown:
            result.changes.update((change.key, (change, UNKNOWN)) for change in batch)
            raise

    async def _read_back(self, zone: Name, batch: Sequence[Change]) -> None:
        """Some servers say NOERROR and do nothing."""
        wanted = {change.key: change.after for change in batch}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READ_BACK_LIMIT
        while True:
            state = await self.provider.read(zone, list(wanted))
            if any(state.get(key) != after for key, after in wanted.items()):
                # Where a record went, a wildcard may answer now.
                state = await self.provider.explicit(zone, state)
            keys = [key for key, after in wanted.items() if state.get(key) != after]
            if not keys or loop.time() > deadline:
                break
            await asyncio.sleep(_FIRST_PAUSE)
        if keys:
            raise ProviderError(
                f"zone {name_text(zone)}: the server said yes (NOERROR) to the update, but does not answer it: "
                f"{', '.join(map(str, keys))}. A policy of the server may ignore changes to these names or types "
                "(PowerDNS: a dnsupdate policy script), or somebody changed them at the same moment."
            )

    async def _wait(self, zone: Name, changes: Sequence[Change]) -> None:
        if not self.wait_timeout:
            return
        servers = await self.provider.servers(zone)
        following = await asyncio.gather(*(self._follows(zone, server, changes) for server in servers))
        if lagging := [server for server, follows in zip(servers, following, strict=True) if not follows]:
            raise ProviderError(
                f"zone {name_text(zone)}: written, but after {self.wait_timeout:g} s not yet answered by "
                f"{', '.join(lagging)}. {self.provider.lag_hint}"
            )

    async def _follows(self, zone: Name, server: str, changes: Sequence[Change]) -> bool:
        """Whether the server answers the changes before the time is up."""
        pause = _FIRST_PAUSE
        try:
            async with asyncio.timeout(self.wait_timeout):
                while not await self.provider.shows(zone, server, changes):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        except TimeoutError:
            return False
        return True


def as_result(results: Sequence[ZoneResult], provider: Provider, started: float) -> dict[str, Any]:
    """What the task returns. `started`: time.monotonic() at its begin."""
    changes = [(result.zone, change, status) for result in results for change, status in result.changes.values()]
    made = [change for _zone, change, status in changes if status in (APPLIED, PREDICTED)]
    errors = [{"zone": name_text(result.zone), "message": result.error} for result in results if result.error]
    outcome: dict[str, Any] = {
        "changed": bool(made),
        "changes": [
            {
                "zone": name_text(zone),
                "name": name_text(change.key.name),
                "type": type_text(change.key.rdtype),
                "action": change.action,
                "before": _rrset_result(change.before),
                "after": _rrset_result(change.after),
                "status": status,
            }
            for zone, change, status in changes
        ],
        "atomic": provider.capabilities.atomic,
        "diff": {
            "before_header": "records before",
            "after_header": "records after",
            "before": zone_file(change.before for change in made),
            "after": zone_file(change.after for change in made),
        },
        "stats": {
            "zones": len(results),
            "rrsets": len(changes) + sum(result.unchanged for result in results),
            "unchanged": sum(result.unchanged for result in results),
            "queries": provider.traffic.queries,
            "messages": provider.traffic.messages,
            "seconds": round(time.monotonic() - started, 3),
        },
    }
    if leftover := [
        {
            "zone": name_text(result.zone),
            "name": name_text(rrset.key.name),
            "type": type_text(rrset.key.rdtype),
            "addresses": rrset.texts(),
            "reason": reason,
        }
        for result in results
        for rrset, reason in result.leftover
    ]:
        outcome["leftover"] = leftover
    if errors:
        outcome["failed"] = True
        outcome["errors"] = errors
        outcome["msg"] = _summary(errors, len(results))
    return outcome


def _summary(errors: Sequence[Mapping[str, Any]], zones: int) -> str:
    """One message for all zones that failed: the first few in full, the rest by number."""
    shown = [str(error["message"]) for error in errors[:5]]
    more = len(errors) - len(shown)
    if more:
        shown.append(f"and {more} more zones, listed under errors")
    head = f"{len(errors)} of {zones} zones failed: " if zones > 1 else ""
    return head + "\n".join(shown)


def _rrset_result(rrset: RRset | None) -> dict[str, object] | None:
    return rrset.as_result() if rrset is not None else None
