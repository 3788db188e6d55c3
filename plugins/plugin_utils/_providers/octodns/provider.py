# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every DNS service for which octoDNS has a provider, through its Python interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from ..._deps import dns, optional_library
from ..._records.mail_exchangers import is_named_by
from ..._records.names import name_text
from ..._records.rrsets import Change, Goal, Key, RRset, State, changes_towards, delegations, is_delegated
from ..._records.values import InvalidValue, type_text
from ..api_base import Hosted
from ..base import Capabilities, Conflict, ProviderError
from .loader import ID, Factory, factory, in_words, quiet
from .records import construction, key_of, name_of, new_zone, to_record, to_rrset

if TYPE_CHECKING:
    from dns.name import Name

    from ..options import ProviderOptions
    from .interface import OctoDnsChange, OctoDnsProvider, OctoDnsRecord, OctoDnsZone

T = TypeVar("T")

# Some providers put all that they are given into one message; a DNS message has 64 KiB.
_BATCH_OCTETS = 32 * 1024


def create(options: ProviderOptions) -> OctoDns:
    """Raises InvalidOptions."""
    make, first = factory(options["options"] or {})
    return OctoDns(make, first, options["timeout"])


class WholeZoneWanted(AttributeError):
    """A provider wants the records of the whole zone, to write them all. (An AttributeError: octoDNS itself looks at
    them too where it describes a plan, and goes on without.)"""


class _ZoneWithoutRecords:
    """What a provider may know of a zone when it applies changes: all but what is in it."""

    _CONTENTS = frozenset({"records", "root_ns", "get", "get_type", "copy", "changes", "apply"})

    def __init__(self, zone: OctoDnsZone) -> None:
        self._zone = zone

    def __getattr__(self, attribute: str) -> object:
        if attribute in self._CONTENTS or attribute.startswith("_"):
            raise WholeZoneWanted(attribute)
        return getattr(self._zone, attribute)


@dataclass
class _Reading:
    """What stood in a zone when it was read.

    provider: who read it, and may remember ids of the records; zone: of octoDNS; records: those of a type that DNS has;
    others: by name, those of a type that only octoDNS or the service has, and those that are more than values.
    """

    provider: OctoDnsProvider
    zone: OctoDnsZone
    records: dict[Key, OctoDnsRecord] = field(default_factory=dict)
    others: dict[Name, list[OctoDnsRecord]] = field(default_factory=dict)

    def rrset(self, key: Key) -> RRset | None:
        """None too for what is more than values. Raises InvalidValue."""
        record = self.records.get(key)
        return None if record is None or construction(record) else to_rrset(key, record)

    def in_place_of(self, key: Key) -> str | None:
        """What is more than values, and would have to go for an RRset of this key."""
        addresses = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME)
        for record in self.others.get(key.name, []):
            other = key_of(record)
            if other is None and key.rdtype in addresses:
                return f"{record._type} {name_text(key.name)} stands in place of {type_text(key.rdtype)} records"
            if other is not None and (other == key or dns.rdatatype.CNAME in (key.rdtype, other.rdtype)):
                return f"{other} is {construction(record)}"
        return None


class OctoDns(Hosted):
    """make: makes providers of the class; first: made by it."""

    service = "octoDNS"
    capabilities = Capabilities(atomic=False, prerequisites=False)

    def __init__(self, make: Factory, first: OctoDnsProvider, timeout: float) -> None:
        super().__init__(timeout)
        self._make = make
        # Providers are not made for several threads at once.
        self._thread = ThreadPoolExecutor(1)
        # They remember what they read. Where a zone is read again, one that has not read it yet is asked.
        self._provider = first
        self._has_read: set[Name] = set()
        self._readings: dict[Name, _Reading] = {}

    async def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
        await super().close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        reading = await self._reading(zone)
        names = {key.name for key in keys}
        # Whatever else stands at a name keeps a CNAME out.
        whole_names = {key.name for key in keys if key.rdtype == dns.rdatatype.CNAME}
        wanted = {*keys, *(Key(name, dns.rdatatype.CNAME) for name in names)}
        found = [key for key in reading.records if key in wanted or key.name in whole_names]
        return {rrset.key: rrset for key in found if (rrset := self._rrset(zone, reading, key)) is not None}

    async def contents(self, zone: Name) -> list[RRset]:
        reading = await self._reading(zone)
        if reading.others:
            names = ", ".join(map(name_text, sorted(reading.others)))
            raise ProviderError(f"zone {name_text(zone)}: what stands at {names} is more than values.")
        return [rrset for key in reading.records if (rrset := self._rrset(zone, reading, key)) is not None]

    async def _reading(self, zone: Name) -> _Reading:
        self.traffic.queries += 1
        self._readings[zone] = await self._ask(zone, "cannot read the zone", lambda: self._populate(zone))
        return self._readings[zone]

    def _populate(self, zone: Name) -> _Reading:
        if zone in self._has_read:
            self._provider = self._make()
            self._has_read.clear()
        self._has_read.add(zone)
        reading = _Reading(self._provider, new_zone(zone))
        exists = self._provider.populate(reading.zone, target=True, lenient=True)
        if not exists and (exists is not None or not reading.zone.records):
            raise ProviderError(
                f"zone {name_text(zone)}: {self._make.name} does not find it at the service. Zones are not created "
                "here: check its name and the options, or create it there."
            )
        for record in reading.zone.records:
            key = key_of(record)
            if key is not None:
                reading.records[key] = record
            if key is None or construction(record):
                reading.others.setdefault(name_of(record), []).append(record)
        return reading

    def _rrset(self, zone: Name, reading: _Reading, key: Key) -> RRset | None:
        try:
            return reading.rrset(key)
        except InvalidValue as error:
            raise ProviderError(
                f"zone {name_text(zone)}: {self._make.name} reads something at {key} that is no record: {error}."
            ) from None

    # What stands in the way

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        return await self._ask(zone, "cannot say what it takes", lambda: self._obstacles(zone, goals))

    def _obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        reading = self._readings[zone]
        state = {goal.key: rrset for goal in goals if (rrset := self._rrset(zone, reading, goal.key)) is not None}
        changes = {change.key: change for change in changes_towards(goals, state)}
        cuts = self._cuts(zone, reading, goals)
        problems, possible = [], []
        for goal in goals:
            change = changes.get(goal.key)
            try:
                if problem := self._obstacle(zone, reading, goal, change) or _hidden(goal, cuts):
                    problems.append(problem)
                elif change is not None:
                    possible.append((change, _octodns_change(zone, reading, change)))
            except InvalidValue as error:
                problems.append(str(error))
        return problems + self._refused(zone, reading.provider, possible)

    def _obstacle(self, zone: Name, reading: _Reading, goal: Goal, change: Change | None) -> str | None:
        """Why the service, as octoDNS shows it, cannot be brought to this goal. change: what that would take."""
        rdtype = goal.key.rdtype
        if type_text(rdtype) not in reading.provider.SUPPORTS:
            # It does not show them either: a wish to remove them would look fulfilled.
            return f"{goal.key}: {self._make.name} knows no {type_text(rdtype)} records"
        if goal.key == (zone, dns.rdatatype.NS) and not reading.provider.SUPPORTS_ROOT_NS:
            return f"{goal.key}: {self._make.name} does not manage the name servers of the zone itself"
        if text := reading.in_place_of(goal.key):
            return f"{text}, which is not replaced: take another name, or remove it at the service"
        if change is not None and (settings := getattr(reading.records.get(goal.key), "octodns", None)):
            return (
                f"{goal.key} has settings of its own at the service ({', '.join(sorted(settings))}), which would be "
                "lost: change it there"
            )
        return None

    def _cuts(self, zone: Name, reading: _Reading, goals: Iterable[Goal]) -> dict[Name, RRset]:
        """The NS RRsets with which parts of the zone are, and shall be, delegated to other servers."""
        found = [self._rrset(zone, reading, Key(name, dns.rdatatype.NS)) for name in delegations(zone, reading.records)]
        cuts = {rrset.key.name: rrset for rrset in found if rrset is not None}
        for goal in goals:
            if delegations(zone, [goal.key]):
                after = goal.applied_to(cuts.pop(goal.key.name, None))
                cuts |= {} if after is None else {after.key.name: after}
        return cuts

    def _refused(
        self, zone: Name, provider: OctoDnsProvider, changes: Iterable[tuple[Change, OctoDnsChange]]
    ) -> list[str]:
        """What the provider itself would leave out or write in another way, which octoDNS would only log."""
        problems = []
        for change, planned in changes:
            try:
                desired = new_zone(zone)
                if planned.new is not None:
                    desired.add_record(planned.new, lenient=True)
                processed = [to_rrset(change.key, record) for record in provider._process_desired_zone(desired).records]
                included = provider._include_change(planned)
            except Exception as error:  # octoDNS has no class for its errors.
                problems.append(
                    f"{change.key}: {self._make.name} does not take it: {str(error).removeprefix(f'{ID}: ')}"
                )
                continue
            if not included:
                problems.append(
                    f"{change.key}: {self._make.name} sees no difference to what is there, and would do nothing"
                )
            elif processed != ([] if change.after is None else [change.after]):
                instead = "\n".join(line for rrset in processed for line in rrset.zone_file_lines()) or "nothing"
                problems.append(f"{change.key}: {self._make.name} would write {instead} instead")
        return problems

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """By octets; and names that only lose something last, when the rest is read back: no MX record names an address
        that is gone."""
        del zone
        groups = [list(group) for _name, group in groupby(changes, key=lambda change: change.key.name)]
        groups.sort(key=_only_removes)
        batches: list[list[Change]] = []
        room = 0
        for group in groups:
            octets = sum(map(_octets, group))
            if octets > room or _only_removes(group) != _only_removes(batches[-1]):
                batches.append([])
                room = _BATCH_OCTETS
            batches[-1] += group
            room -= octets
        return batches

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        reading = self._readings[zone]
        others = [str(change.key) for change in batch if self._rrset(zone, reading, change.key) != change.before]
        if others:
            raise Conflict(f"zone {name_text(zone)}: another client changed {', '.join(others)} in the meantime.")
        self.traffic.messages += 1
        await self._ask(zone, "failed while it made changes", lambda: self._send(zone, reading, batch))

    def _send(self, zone: Name, reading: _Reading, batch: Sequence[Change]) -> None:
        changes = [_octodns_change(zone, reading, change) for change in batch]
        nothing = _ZoneWithoutRecords(reading.zone)
        plan = optional_library("octodns.provider.plan").Plan(nothing, nothing, changes, True)
        try:
            reading.provider.apply(plan)
        except WholeZoneWanted:
            raise ProviderError(
                f"zone {name_text(zone)}: {self._make.name} writes whole zones, not single records: what others have "
                "there could be lost. It was stopped. Take another way to this service."
            ) from None

    # The thread

    async def _ask(self, zone: Name, failure: str, question: Callable[[], T]) -> T:
        """Have it answered in the thread of the providers. Raises ProviderError."""

        def answer() -> T:
            with quiet():
                return question()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, answer)
        except ProviderError:
            raise
        except Exception as error:  # Each package has errors of its own.
            raise ProviderError(
                f"zone {name_text(zone)}: {self._make.name} {failure}: {in_words(error)}. Check options, and what the "
                "credentials may do at the service."
            ) from None


def _octodns_change(zone: Name, reading: _Reading, change: Change) -> OctoDnsChange:
    """Raises InvalidValue."""
    library = optional_library("octodns.record")
    existing = reading.records.get(change.key)
    if change.after is None:
        return library.Delete(existing)
    new = to_record(zone, change.after)
    return library.Create(new) if existing is None else library.Update(existing, new)


def _hidden(goal: Goal, cuts: Mapping[Name, RRset]) -> str | None:
    """Why it would not be seen. The address of a name server below its own delegation is seen: glue (RFC 9471)."""
    is_address = goal.key.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
    for cut, name_servers in cuts.items():
        is_glue = is_address and is_named_by(goal.key.name, [name_servers])
        if goal.present and is_delegated(goal.key, [cut]) and not is_glue:
            return (
                f"{goal.key} would not be seen, since {name_text(cut)} is delegated to other servers (NS): name "
                f"{name_text(cut)} as its zone"
            )
    return None


def _only_removes(changes: Iterable[Change]) -> bool:
    return all(change.after is None for change in changes)


def _octets(change: Change) -> int:
    """What the change takes in a message, with what was there and what comes."""
    fixed = len(change.key.name.to_wire() or b"") + 10
    values = [value for rrset in (change.before, change.after) if rrset is not None for value in rrset.values]
    return 2 * fixed + sum(fixed + len(value) for value in values)
