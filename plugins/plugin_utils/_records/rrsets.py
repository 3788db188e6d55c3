# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RRsets, and what is wanted of them: the algebra of records, without any input or output.

The unit is the RRset (RFC 2181, section 5): all records of one name and type, with one TTL. A `Goal` says what shall be
true of an RRset; applied to the one that is there it gives the one that shall be there, and the two make a `Change`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .._deps import dns
from .names import in_order, name_text
from .values import is_null_mx, joined_text, policy_tag, type_text, value_text

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

# Seconds; for a new RRset whose declaration names none. An existing RRset keeps its own.
DEFAULT_TTL = 3600


class Key(NamedTuple):
    """What identifies an RRset in a zone; the name is in lower case."""

    name: Name
    rdtype: RdataType

    def __hash__(self) -> int:
        # That of a dnspython name goes through all its octets in Python, which took a tenth of a run.
        return hash((self.name.labels, self.rdtype))

    def __str__(self) -> str:
        return f"{type_text(self.rdtype)} {name_text(self.name)}"


@dataclass(frozen=True)
class RRset:
    """An RRset that exists: at least one value, each in canonical form (see values.py).

    serves: what else it is there for, '' if it is not known.
    """

    key: Key
    ttl: int
    values: frozenset[bytes]
    serves: ClassVar[str] = ""

    def texts(self) -> list[str]:
        """The values in presentation format and canonical order: an MX of lower preference first."""
        return [value_text(self.key.rdtype, value) for value in sorted(self.values)]

    def as_result(self) -> dict[str, object]:
        return {"ttl": self.ttl, "values": self.texts()}

    def zone_file_lines(self) -> list[str]:
        name, rdtype = self.key.name.to_text(), type_text(self.key.rdtype)
        return [f"{name} {self.ttl} IN {rdtype} {text}" for text in self.texts()]


# The RRsets of a zone that were looked at and are there.
State = Mapping[Key, RRset]


@dataclass(frozen=True)
class Goal:
    """What shall be true of one RRset.

    present: values that shall be in it; absent: values that shall not; exclusive: nothing but `present` shall be in it
    (with nothing present: the RRset shall not exist); ttl: seconds, None to keep the one that is there.
    """

    key: Key
    present: frozenset[bytes] = frozenset()
    absent: frozenset[bytes] = frozenset()
    exclusive: bool = False
    ttl: int | None = None

    def applied_to(self, current: RRset | None) -> RRset | None:
        kept: frozenset[bytes] = frozenset()
        present = self.present
        if current is not None:
            present = frozenset(self._as_it_is(value, current.values) for value in self.present)
        if current is not None and not self.exclusive:
            absent = frozenset(self._as_it_is(value, current.values) for value in self.absent)
            kept = frozenset(value for value in current.values - absent if not self._supersedes(value))
        values = kept | present
        if not values:
            return None
        current_ttl = current.ttl if current is not None else DEFAULT_TTL
        ttl = current_ttl if self.ttl is None else self.ttl
        if current is not None and not self.present:
            # Who only takes values away does not say what the others should be like.
            return replace(current, ttl=ttl, values=values)
        return RRset(self.key, ttl, values)

    def _supersedes(self, value: bytes) -> bool:
        """Whether the value cannot stand beside those that shall be there."""
        rdtype = self.key.rdtype
        if rdtype == dns.rdatatype.MX:
            return any(is_null_mx(rdtype, value) != is_null_mx(rdtype, wanted) for wanted in self.present)
        tag = policy_tag(rdtype, value)
        return tag is not None and any(policy_tag(rdtype, wanted) == tag for wanted in self.present)

    def _as_it_is(self, value: bytes, there: Collection[bytes]) -> bytes:
        """The value as it is there already: a text that is cut into strings elsewhere is the same text."""
        text = joined_text(self.key.rdtype, value)
        if text is None or value in there:
            return value
        return next((other for other in sorted(there) if joined_text(self.key.rdtype, other) == text), value)


@dataclass(frozen=True)
class Change:
    """An RRset before and after, None where it does not exist.

    Where the two are the same there is nothing to do, but what is done beside it may rest on it.
    """

    key: Key
    before: RRset | None
    after: RRset | None

    @property
    def alters(self) -> bool:
        return self.before != self.after

    @property
    def action(self) -> str:
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"


def changes_towards(goals: Iterable[Goal], state: State) -> list[Change]:
    """What has to change so that the goals are true, in the canonical order of names."""
    changes = [Change(goal.key, state.get(goal.key), goal.applied_to(state.get(goal.key))) for goal in goals]
    return _sorted(change for change in changes if change.alters)


def unaltered(goals: Iterable[Goal], state: State) -> list[Change]:
    """What is as the goals want it."""
    changes = [Change(goal.key, state.get(goal.key), goal.applied_to(state.get(goal.key))) for goal in goals]
    return _sorted(change for change in changes if not change.alters)


def _sorted(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: (in_order(change.key.name), type_text(change.key.rdtype)))


def state_after(state: State, changes: Iterable[Change]) -> dict[Key, RRset]:
    result = dict(state)
    for change in changes:
        if change.after is None:
            result.pop(change.key, None)
        else:
            result[change.key] = change.after
    return result


# They may stand beside a CNAME (RFC 4034, sections 3 and 4; RFC 2931, section 4; RFC 5155).
_BESIDE_CNAME = frozenset({"CNAME", "RRSIG", "NSEC", "NSEC3", "KEY"})


def alias_conflicts(state: State, changes: Iterable[Change]) -> list[str]:
    """Why the changes cannot be: a name with a CNAME can have nothing else (RFC 1034, section 3.6.2).

    Servers take such an update, answer NOERROR and leave the records out (RFC 2136, section 3.4.2.2).
    """
    changes = list(changes)
    result = state_after(state, changes)
    if not any(key.rdtype == dns.rdatatype.CNAME for key in result):
        return []
    types_of: dict[Name, set[str]] = {}
    for key in result:
        types_of.setdefault(key.name, set()).add(type_text(key.rdtype))
    problems = []
    for name in sorted({change.key.name for change in changes if change.after is not None}):
        others = sorted(types_of[name] - _BESIDE_CNAME)
        if "CNAME" not in types_of[name] or not others:
            continue
        target = result[Key(name, dns.rdatatype.CNAME)].texts()[0]
        problems.append(
            f"{name_text(name)} is an alias (CNAME {target}) and cannot have {', '.join(others)} records as well: "
            "remove the CNAME, or take another name"
        )
    return problems


def delegations(zone: Name, keys: Iterable[Key]) -> set[Name]:
    """The names at which parts of the zone are handed to other servers (RFC 1034, section 4.2.1)."""
    return {key.name for key in keys if key.rdtype == dns.rdatatype.NS and key.name != zone}


def is_delegated(key: Key, delegated: Collection[Name]) -> bool:
    """Whether the RRset would stand in one of the parts. What a part itself has in the zone is its NS and DS."""
    own = (dns.rdatatype.NS, dns.rdatatype.DS)
    return any(key.name.is_subdomain(part) and not (key.name == part and key.rdtype in own) for part in delegated)


def name_server_conflicts(zone: Name, changes: Iterable[Change]) -> list[str]:
    """Why the changes cannot be: a zone has name servers. A DNS update keeps the last one, and says NOERROR (RFC 2136,
    section 3.4.2.4)."""
    if any(change.key == (zone, dns.rdatatype.NS) and change.after is None for change in changes):
        return [f"no name server (NS) would be left for {name_text(zone)}: name at least one"]
    return []


def zone_file(rrsets: Iterable[RRset | None]) -> str:
    """The records as lines of a zone file (RFC 1035, section 5.1), each with its full name and TTL."""
    lines = [line for rrset in rrsets if rrset is not None for line in rrset.zone_file_lines()]
    return "".join(f"{line}\n" for line in lines)
