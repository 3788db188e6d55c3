# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An UPDATE message (RFC 2136, section 2), written octet by octet.

dnspython's is a tree of objects that it turns into octets in the end, which took a third of a run that writes many
zones. Here the values are at hand as they are sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._deps import dns

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from .._records.rrsets import Key

_OPCODE = 5 << 11
_TO_ZONE = b"\xc0\x0c"  # a compression pointer to octet 12, where the zone's name is (RFC 1035, section 4.1.4)
_IN, _NONE, _ANY = 1, 254, 255  # classes; 255 is the type ANY too


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
        return (self.zone.to_wire() or b"") + struct.pack("!HH", dns.rdatatype.SOA, _IN)

    def to_wire(self) -> bytes:
        """The message with the identifier 0."""
        header = struct.pack("!6H", 0, _OPCODE, 1, len(self._prerequisites), len(self._updates), 0)
        return b"".join([header, self.zone_section, *self._prerequisites, *self._updates])

    def _record(self, name: Name, rdtype: RdataType | int, rdclass: int, ttl: int = 0, value: bytes = b"") -> bytes:
        own = name.labels[: len(name.labels) - len(self.zone.labels)]
        owner = b"".join([bytes([len(label)]) + label for label in own])
        return owner + _TO_ZONE + struct.pack("!HHIH", rdtype, rdclass, ttl, len(value)) + value
