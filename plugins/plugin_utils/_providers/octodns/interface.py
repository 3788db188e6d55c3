# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is used of octoDNS' classes: octodns.record, octodns.zone, octodns.provider.base."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class PresentedRRset(Protocol):
    """octodns.record.rr.Rrset; rdatas: in presentation format."""

    rdatas: list[str]


class OctoDnsRecord(Protocol):
    """All records of a name and type; ttl: seconds."""

    _type: str
    fqdn: str
    ttl: int

    def to_rrset(self) -> PresentedRRset: ...


class OctoDnsZone(Protocol):
    records: Collection[OctoDnsRecord]

    def add_record(self, record: OctoDnsRecord, lenient: bool) -> None: ...


class OctoDnsChange(Protocol):
    """new: the record after the change, None where it is removed."""

    new: OctoDnsRecord | None


class OctoDnsProvider(Protocol):
    SUPPORTS: Collection[str]
    SUPPORTS_ROOT_NS: bool
    apply_disabled: bool

    def __init__(self, identifier: str, /, **keywords: object) -> None: ...

    def populate(self, zone: OctoDnsZone, target: bool, lenient: bool) -> bool | None:
        """Whether the zone exists; None from providers that do not say so."""

    def apply(self, plan: object) -> object: ...

    def _process_desired_zone(self, desired: OctoDnsZone) -> OctoDnsZone: ...

    def _include_change(self, change: OctoDnsChange) -> bool: ...
