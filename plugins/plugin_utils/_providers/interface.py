# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every way of writing DNS records has to offer: read RRsets, apply a batch of changes, and little else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from dns.name import Name
    from typing_extensions import Self

    from .._records.rrsets import Change, Key, RRset, State


class ProviderError(Exception):
    """What went wrong in one zone, for the administrator: zone, server, what to do."""


class Conflict(ProviderError):
    """The zone is no longer as it was read: nothing was written. Read again."""


class OutcomeUnknown(ProviderError):
    """The changes were sent, but no answer came: they may have been made or not. Read again."""


@dataclass
class Traffic:
    """queries: questions sent; messages: change requests sent; repetitions are not counted."""

    queries: int = 0
    messages: int = 0


class Provider(ABC):
    """One DNS service. Used inside `async with`; zones are handled concurrently, each by one task at a time."""

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
        """The RRsets of `keys` that exist, and a CNAME that stands at one of their names. Raises ProviderError."""

    @abstractmethod
    async def explicit(self, zone: Name, state: State) -> State:
        """Of what was read, that which stands in the zone and is not made from a wildcard. Raises ProviderError."""

    @abstractmethod
    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """The changes in as few parts as the service takes in one piece. Each part is made whole or not at all."""

    @abstractmethod
    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        """Make the changes if each RRset is still as its `before` says.

        Raises Conflict, OutcomeUnknown, or another ProviderError.
        """

    @abstractmethod
    async def contents(self, zone: Name) -> list[RRset]:
        """Everything in the zone. Raises ProviderError where the service does not hand it out."""

    @abstractmethod
    async def servers(self, zone: Name) -> list[str]:
        """The authoritative servers of the zone, by name. Raises ProviderError."""

    @abstractmethod
    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        """Whether one of `servers` answers what the changes wrote."""
