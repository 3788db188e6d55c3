# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An UPDATE message (RFC 2136, section 2), put together of records on the wire.

dnspython's is a tree of objects that it turns into octets in the end, which took a third of a run that writes many
zones. Here the values are at hand as they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ....module_utils._dns.wire import encode_header, encode_question, encode_record
from ..._deps import dns
from ..._records.names import in_order
from ..._records.rrsets import Key
from ..base import turn

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from ..._records.rrsets import Change

_OPCODE = 5 << 11
_TO_ZONE = b"\xc0\x0c"  # a compression pointer to octet 12, where the zone's name is (RFC 1035, section 4.1.4)
_IN, _NONE, _ANY = 1, 254, 255  # classes; 255 is the type ANY too

# Octets of an update that fit in any message beside the longest signature: two names of 255 octets and a MAC of 64.
UPDATE_OCTETS = 65535 - (255 + 10 + 255 + 16 + 64)


class Update:
    """Values are octets in canonical form."""

    def __init__(self, zone: Name) -> None:
        self.zone = zone
        self._prerequisites: list[bytes] = []
        self._updates: list[bytes] = []

    # Prerequisites (section 2.4)

    def present(self, key: Key, values: Iterable[bytes]) -> None:
        """The RRset has these values and no others."""
        self._prerequisites += [self._record(key.name, key.rdtype, _IN, 0, value) for value in values]

    def absent(self, key: Key) -> None:
        self._prerequisites.append(self._record(key.name, key.rdtype, _NONE))

    def name_absent(self, name: Name) -> None:
        """Nothing is at the name."""
        self._prerequisites.append(self._record(name, _ANY, _NONE))

    # Updates (section 2.5)

    def add(self, key: Key, ttl: int, values: Iterable[bytes]) -> None:
        self._updates += [self._record(key.name, key.rdtype, _IN, ttl, value) for value in values]

    def delete(self, key: Key) -> None:
        """The RRset."""
        self._updates.append(self._record(key.name, key.rdtype, _ANY))

    def delete_values(self, key: Key, values: Iterable[bytes]) -> None:
        self._updates += [self._record(key.name, key.rdtype, _NONE, 0, value) for value in values]

    @property
    def zone_section(self) -> bytes:
        return encode_question(self.zone.to_wire() or b"", dns.rdatatype.SOA)

    def to_wire(self) -> bytes:
        """The message with the identifier 0."""
        header = encode_header(0, _OPCODE, (1, len(self._prerequisites), len(self._updates), 0))
        return b"".join([header, self.zone_section, *self._prerequisites, *self._updates])

    def _record(self, name: Name, rdtype: RdataType | int, rdclass: int, ttl: int = 0, value: bytes = b"") -> bytes:
        own = name.labels[: len(name.labels) - len(self.zone.labels)]
        owner = b"".join([bytes([len(label)]) + label for label in own])
        return encode_record(owner + _TO_ZONE, rdtype, rdclass, ttl, value)


def batches_of(zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
    """By octets, counted without name compression: never too many in one, at most about twice too many parts.

    What stays as it is goes with the first, as far as there is room.
    """
    changes = sorted(changes, key=lambda change: in_order(change.key.name))
    groups = [list(group) for _labels, group in groupby(changes, key=lambda change: change.key.name.labels)]
    groups.sort(key=turn)
    empty = 12 + _octets_of_name(zone) + 4
    batches: list[list[Change]] = []
    sizes: list[int] = []
    for group in groups:
        octets = sum(map(_octets, group))
        if any(change.alters for change in group):
            if not batches or sizes[-1] + octets > UPDATE_OCTETS:
                batches.append([])
                sizes.append(empty)
            batches[-1] += group
            sizes[-1] += octets
        elif sizes[0] + octets <= UPDATE_OCTETS:
            batches[0] += group
            sizes[0] += octets
    return batches


def update_of(zone: Name, batch: Sequence[Change]) -> Update:
    """Prerequisites on what was read, then the changes."""
    update = Update(zone)
    for change in batch:
        if change.before is None:
            update.absent(change.key)
        else:
            update.present(change.key, sorted(change.before.values))
    for _labels, group in groupby(batch, key=lambda change: change.key.name.labels):
        _add_alias_prerequisites(update, list(group))
    _add_changes(update, batch)
    return update


def futile_update(zone: Name, batch: Sequence[Change] = ()) -> Update:
    """The changes behind a prerequisite that no zone meets: that there is no SOA at its apex. They are never made by
    a server that checks prerequisites first (section 3.2)."""
    update = Update(zone)
    update.absent(Key(zone, dns.rdatatype.SOA))
    _add_changes(update, batch)
    return update


def _add_changes(update: Update, batch: Sequence[Change]) -> None:
    # What goes first goes first: a name gives up its CNAME before it gets an address.
    changes = [change for change in batch if change.alters]
    for change in changes:
        if change.before is not None and not _is_apex_ns(update.zone, change):
            update.delete(change.key)
    for change in changes:
        if change.after is not None:
            update.add(change.key, change.after.ttl, sorted(change.after.values))
        if _is_apex_ns(update.zone, change):
            # A zone's own NS RRset cannot be deleted whole (section 3.4.2.3): old values go once the new are there.
            before = change.before.values if change.before is not None else frozenset()
            after = change.after.values if change.after is not None else frozenset()
            update.delete_values(change.key, sorted(before - after))


def _add_alias_prerequisites(update: Update, group: Sequence[Change]) -> None:
    """Servers leave out, in silence, a CNAME at a name with other records, and others at a name with a CNAME (section
    3.4.2.2): none may have been made since the name was read."""
    name = group[0].key.name
    if any(change.before is not None for change in group):
        return
    created = {change.key.rdtype for change in group if change.after is not None}
    if dns.rdatatype.CNAME in created:
        update.name_absent(name)
    elif created:
        update.absent(Key(name, dns.rdatatype.CNAME))


def _is_apex_ns(zone: Name, change: Change) -> bool:
    return change.key == (zone, dns.rdatatype.NS)


def _octets(change: Change) -> int:
    """The most that the change takes in an update: what was read, as prerequisite and to delete, and what comes."""
    fixed = _octets_of_name(change.key.name) + 10
    rrsets = [change.before, change.before, change.after] if change.alters else [change.before]
    # Beside them a prerequisite that the RRset is absent, and one about a CNAME.
    return 2 * fixed + sum(fixed + len(value) for rrset in rrsets if rrset is not None for value in rrset.values)


def _octets_of_name(name: Name) -> int:
    return len(name.labels) + sum(map(len, name.labels))
