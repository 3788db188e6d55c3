# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every way of writing DNS records has to offer: read RRsets, apply a batch of changes, and little else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

from .._deps import dns
from .._records.names import name_text
from .._records.rrsets import Key
from .._records.values import host_in, type_text

if TYPE_CHECKING:
    from types import TracebackType

    from dns.name import Name
    from typing_extensions import Self

    from .._records.rrsets import Change, Goal, RRset, State


# A line names each of the RRsets that it is about, which may be hundreds.
_LONGEST_LINE = 20_000


class InvalidOptions(ValueError):
    """problems: a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ProviderError(Exception):
    """What went wrong in one zone, for the administrator: zone, server, what to do. A line for each argument.

    Services have their words in it, so each line is made harmless for a terminal.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(harmless(line, _LONGEST_LINE) for line in lines))


class Conflict(ProviderError):
    """The zone is no longer as it was read: nothing was written. Read again."""


class OutcomeUnknown(ProviderError):
    """The changes were sent, but no answer came: they may have been made or not. Read again."""


@dataclass
class Traffic:
    """queries: questions sent; messages: change requests sent; repetitions are not counted."""

    queries: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Capabilities:
    """What a DNS service can do.

    atomic: a batch is made whole or not at all; prerequisites: a batch is refused if something that it changes is no
    longer as it was read; guards: and also if something in it is not that alters nothing, so that what was declared and
    is to stay as it is goes with the changes, and two who write at the same moment do not mix; types: the record types
    that the service has, None for all; minimum_ttl: seconds; batch: how many changes it takes in one piece, None for
    any number.
    """

    atomic: bool
    prerequisites: bool
    guards: bool = False
    types: frozenset[str] | None = None
    minimum_ttl: int = 0
    batch: int | None = None

    def problems(self, changes: Sequence[Change]) -> list[str]:
        """Which of the changes the service cannot hold."""
        problems = []
        for change in changes:
            if change.after is None:
                continue
            if self.types is not None and type_text(change.key.rdtype) not in self.types:
                problems.append(f"it has no {type_text(change.key.rdtype)} records ({name_text(change.key.name)})")
            elif change.after.ttl < self.minimum_ttl:
                problems.append(
                    f"{change.key} has a TTL of {change.after.ttl} s, it takes {self.minimum_ttl} s or more"
                )
        return problems


class Provider(ABC):
    """One DNS service. Used inside `async with`; zones are handled concurrently, each by one task at a time.

    service: what the administrator calls it; lag_hint: what to look at when its servers stay behind.
    """

    service: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    lag_hint: ClassVar[str] = "Check that the zone is transferred there (NOTIFY, allow-transfer, the logs)."
    traffic: Traffic

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""

    @abstractmethod
    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        """The RRsets of `keys` that stand in the zone, and a CNAME that stands at one of their names.

        What a server makes from a wildcard does not stand there. Raises ProviderError.
        """

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        """Of what was read for the goals: why some of them cannot be brought about, though the service would take the
        changes or does not show them. Writes nothing. Raises ProviderError."""
        del zone, goals
        return []

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """The changes in as few parts as the service takes in one piece. What is at one name goes together: a CNAME,
        say, with the address that takes its place. `changes` has such that alter nothing only with `guards`."""
        del zone
        size = self.capabilities.batch or len(changes)
        batches: list[list[Change]] = []
        for _name, group in groupby(changes, key=lambda change: change.key.name):
            together = list(group)
            if not batches or len(batches[-1]) + len(together) > size:
                batches.append([])
            batches[-1] += together
        return batches

    @abstractmethod
    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        """Make the changes, as `capabilities` says whole or in parts, and only over what was read (`before`) or not.

        Raises Conflict, OutcomeUnknown, or another ProviderError.
        """

    async def rehearse(self, zone: Name, batch: Sequence[Change]) -> None:
        """Ask the service whether it would take the batch, and change nothing. Where it cannot be asked, nothing is
        known. Raises ProviderError as `apply` would."""
        del zone, batch

    @abstractmethod
    async def contents(self, zone: Name) -> list[RRset]:
        """Everything in the zone. Raises ProviderError where the service does not hand it out."""

    async def name_servers(self, zone: Name) -> list[Name]:
        """The hosts that the service itself has for the zone, wherever it is delegated to. Raises ProviderError."""
        key = Key(zone, dns.rdatatype.NS)
        rrset = (await self.read(zone, [key])).get(key)
        return [] if rrset is None else [host_in(key.rdtype, value) for value in sorted(rrset.values)]

    @abstractmethod
    async def servers(self, zone: Name) -> list[str]:
        """The authoritative servers of the zone, by name. Raises ProviderError."""

    @abstractmethod
    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        """Whether one of `servers` answers what the changes wrote."""


def turn(group: Sequence[Change]) -> int:
    """Where more than one message is needed: an address comes before the records that name its host, and goes after
    them; what only has to stay as it is takes the room that is left."""
    if not any(change.alters for change in group):
        return 3
    addresses = [change for change in group if change.key.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)]
    if any(change.before is None and change.after is not None for change in addresses):
        return 0
    return 2 if any(change.after is None for change in addresses) else 1
