# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `records` that a user declares, checked and turned into goals; all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._deps import dns
from .names import InvalidName, name_text, parse_name
from .rrsets import Goal, Key
from .values import InvalidValue, host_text, is_null_mx, parse_type, parse_value, type_text, value_text

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

# RFC 2181, section 8.
_MAX_TTL = 2**31 - 1
# Types of which a name has one record.
_SINGLE = frozenset({"CNAME", "DNAME"})


@dataclass
class Declared:
    """zones: the goals of each zone; problems: what is wrong, a sentence each, with the place in the list."""

    zones: dict[Name, dict[Key, Goal]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def declare(records: Mapping[str, Mapping[str, Any]]) -> Declared:
    """Records by their place in the task, 'records[3]': dicts with zone, name, type, values, ttl, state, exclusive."""
    declared = Declared()
    for place, record in records.items():
        try:
            zone, goal = _goal(record)
            goals = declared.zones.setdefault(zone, {})
            other = goals.get(goal.key)
            goals[goal.key] = goal if other is None else _both(other, goal)
        except (InvalidName, InvalidValue) as error:
            declared.problems.append(f"{place} ({record['type']} {record['name']}): {error}")
    if not declared.problems:
        for zone, goals in declared.zones.items():
            declared.problems += [f"zone {name_text(zone)}: {problem}" for problem in _contradictions(zone, goals)]
    return declared


def _goal(record: Mapping[str, Any]) -> tuple[Name, Goal]:
    zone, name = parse_name(record["zone"]), parse_name(record["name"])
    if not name.is_subdomain(zone):
        raise InvalidName(
            f"the name is not in the zone {name_text(zone)}; write it with the zone, as in mail.{name_text(zone)}"
        )
    rdtype = parse_type(record["type"])
    values = frozenset(parse_value(rdtype, value) for value in record.get("values") or [])
    ttl = record.get("ttl")
    if ttl is not None and not 0 <= ttl <= _MAX_TTL:
        raise InvalidValue(f"a TTL is 0 to {_MAX_TTL} seconds, not {ttl}")
    if record.get("state", "present") == "absent":
        if values:
            return zone, Goal(Key(name, rdtype), absent=values)
        return zone, Goal(Key(name, rdtype), exclusive=True)
    if not values:
        raise InvalidValue("no values: name at least one, or remove the records with state: absent")
    for text in record["values"]:
        _check_host(rdtype, text)
    exclusive = record.get("exclusive")
    if type_text(rdtype) in _SINGLE:
        exclusive = True
    elif exclusive is None:
        # Many services share the TXT records of a name: proof of ownership, SPF and others. But a DKIM selector has one
        # key (RFC 6376, section 3.6.2.2).
        exclusive = rdtype != dns.rdatatype.TXT or b"_domainkey" in name.labels[1:]
    _check_values(name, rdtype, values)
    return zone, Goal(Key(name, rdtype), present=values, exclusive=exclusive, ttl=ttl)


def _check_host(rdtype: RdataType, text: str) -> None:
    """Most who write `mail` mean a host of the zone, and would get one of the top level, which is not there."""
    host = host_text(rdtype, text)
    if host is not None and not host.endswith(".") and len(parse_name(host).labels) == 2:
        raise InvalidName(
            f"'{host}' is no full name, and none is taken as relative to the zone: write it whole, as "
            f"{host}.example.org, or as {host}. if a top-level domain is meant"
        )


def _check_values(name: Name, rdtype: RdataType, values: frozenset[bytes]) -> None:
    if rdtype == dns.rdatatype.NS and name.is_wild():
        raise InvalidValue("a wildcard has no name servers (RFC 4592, section 4.2): delegate each name")
    if type_text(rdtype) in _SINGLE and len(values) > 1:
        raise InvalidValue(f"a name has only one {type_text(rdtype)}, not {len(values)}")
    null = [value for value in values if is_null_mx(rdtype, value)]
    if null and len(values) > 1:
        raise InvalidValue("a null MX ('0 .', the domain takes no mail) stands alone")
    if null and value_text(rdtype, null[0]) != "0 .":
        raise InvalidValue("a null MX (the domain takes no mail) has the preference 0: '0 .' (RFC 7505, section 3)")


def _both(first: Goal, second: Goal) -> Goal:
    """Two declarations of one RRset are one, unless each wants to be all there is."""
    if first == second:
        return first
    if first.exclusive or second.exclusive:
        raise InvalidValue("declared twice for the same zone: put all values into one entry")
    if first.present & second.absent or first.absent & second.present:
        raise InvalidValue("the same value is declared present and absent")
    if None not in (first.ttl, second.ttl) and first.ttl != second.ttl:
        raise InvalidValue(f"two TTLs for one RRset ({first.ttl} and {second.ttl} s): it has only one")
    return Goal(
        first.key,
        first.present | second.present,
        first.absent | second.absent,
        ttl=first.ttl if first.ttl is not None else second.ttl,
    )


def _contradictions(zone: Name, goals: Mapping[Key, Goal]) -> list[str]:
    problems = []
    for key, goal in goals.items():
        if key.rdtype != dns.rdatatype.CNAME or not goal.present:
            continue
        if key.name == zone:
            problems.append(f"{name_text(zone)} cannot be an alias (CNAME): it has the zone's own SOA and NS records")
        others = [
            other for other in goals.values() if other.key.name == key.name and other.present and other is not goal
        ]
        if others:
            types = ", ".join(sorted(type_text(other.key.rdtype) for other in others))
            problems.append(
                f"{name_text(key.name)} is declared as an alias (CNAME) and with {types} records: it can be only one"
            )
    return problems
