# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the zones of a provider to what was declared: read, compare, write, read back; zones concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._deps import dns
from .._records.mail_exchangers import exchanges, leaving_exchanges, wanted_hosts
from .._records.names import in_order, name_text
from .._records.rrsets import (
    Change,
    Goal,
    Key,
    alias_conflicts,
    changes_towards,
    name_server_conflicts,
    unaltered,
)
from .base import Provider, ProviderError
from .prune import retire
from .task_result import APPLIED, PREDICTED, ZoneResult
from .write import Writer, ZonePlan, mark

if TYPE_CHECKING:
    from dns.name import Name

# Seconds between two lines about how far it is.
_REPORT_EVERY = 5.0
# Seconds until what was written is looked at again, when a server does not yet answer it.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


@dataclass
class Run:
    """One call: the same options for all zones.

    goals: of each zone; concurrency: zones at once; prune: whether the addresses of a host that is no longer a mail
    exchanger are removed; wait_timeout: seconds to wait for every authoritative server after a write, 0 not to wait;
    report: takes a line about how far it is; former_exchanges: hosts that left their MX RRset in an earlier run;
    rehearsal: nothing is written, as in check mode, but the service is asked whether it would take it.
    """

    provider: Provider
    goals: Mapping[Name, Collection[Goal]]
    check_mode: bool
    concurrency: int
    prune: bool
    wait_timeout: float
    report: Callable[[str], None]
    former_exchanges: frozenset[Name] = frozenset()
    rehearsal: bool = False
    _finished: int = 0

    def __post_init__(self) -> None:
        self._writer = Writer(self.provider, self._planned)
        goals = [goal for goals in self.goals.values() for goal in goals]
        self._wanted_hosts = wanted_hosts(goals)
        types = (dns.rdatatype.A, dns.rdatatype.AAAA)
        self._addressed = {goal.key.name for goal in goals if goal.present and goal.key.rdtype in types}

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
                tasks = [group.create_task(one(zone)) for zone in sorted(self.goals, key=in_order)]
        finally:
            reporter.cancel()
        return [task.result() for task in tasks]

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY)
            self.report(f"{self._finished} of {len(self.goals)} zones done")

    async def _bring_about(self, result: ZoneResult) -> None:
        zone, goals = result.zone, list(self.goals[result.zone])
        plan = await self._planned(zone, goals)
        if hosts := leaving_exchanges(zone, plan.changes, self._wanted_hosts, self.former_exchanges):
            pruning, result.leftover = await retire(self.provider, zone, hosts, plan.changes, self.prune)
            if pruning:
                goals += pruning
                plan = await self._planned(zone, goals)
        if self.check_mode:
            mark(result, plan.changes, PREDICTED)
        elif self.rehearsal:
            await self._writer.rehearse(result, plan)
        elif plan.changes:
            await self._writer.write(result, plan, goals)
        result.unchanged = len(goals) - len(result.changes)
        result.warnings += [warning async for warning in self._aliases_named(result)]

    async def _planned(self, zone: Name, goals: Collection[Goal]) -> ZonePlan:
        state = await self.provider.read(zone, [goal.key for goal in goals])
        changes = changes_towards(goals, state)
        if problems := [
            *await self.provider.obstacles(zone, goals),
            *alias_conflicts(state, changes),
            *name_server_conflicts(zone, changes),
            *self._unsupported(changes),
        ]:
            raise ProviderError(f"zone {name_text(zone)}: {'; '.join(problems)}. Nothing was written in this zone.")
        return ZonePlan(changes, unaltered(goals, state))

    async def _aliases_named(self, result: ZoneResult) -> AsyncIterator[str]:
        """In the MX RRsets that change: an exchanger is the host itself (RFC 2181, section 10.3)."""
        for change, _status in list(result.changes.values()):
            for host in sorted(exchanges(change.after) - self._addressed):
                if not host.is_subdomain(result.zone):
                    continue
                try:
                    state = await self.provider.read(result.zone, [Key(host, dns.rdatatype.A)])
                except ProviderError:
                    # It is in a part of the zone that other servers have.
                    continue
                if alias := state.get(Key(host, dns.rdatatype.CNAME)):
                    yield (
                        f"zone {name_text(result.zone)}: {change.key} names {name_text(host)}, which is an alias "
                        f"(CNAME {alias.texts()[0]}). Not all senders follow it: name the host itself "
                        "(RFC 2181, section 10.3)."
                    )

    def _unsupported(self, changes: Sequence[Change]) -> list[str]:
        return [f"{self.provider.service}: {problem}" for problem in self.provider.capabilities.problems(changes)]

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
