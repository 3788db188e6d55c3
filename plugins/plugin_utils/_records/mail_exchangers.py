# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail exchanges that leave service: what an MX RRset no longer names, and whether something else still does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._deps import dns
from .names import name_text
from .rrsets import Change, Goal, RRset
from .values import host_in, joined_text

if TYPE_CHECKING:
    from dns.name import Name


def exchanges(rrset: RRset | None) -> set[Name]:
    """The hosts that an MX RRset names; none for any other."""
    if rrset is None or rrset.key.rdtype != dns.rdatatype.MX:
        return set()
    return {host_in(rrset.key.rdtype, value) for value in rrset.values}


def wanted_hosts(goals: Iterable[Goal]) -> set[Name]:
    """Hosts that are declared: with an address of their own, or as the exchange of an MX."""
    hosts: set[Name] = set()
    for goal in goals:
        if not goal.present:
            continue
        if goal.key.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME):
            hosts.add(goal.key.name)
        hosts |= exchanges(RRset(goal.key, 0, goal.present))
    return hosts


def leaving_exchanges(
    zone: Name, changes: Iterable[Change], wanted: set[Name], former: Iterable[Name] = ()
) -> set[Name]:
    """Hosts of the zone that the changes take out of an MX RRset, or that left before; not those that are declared."""
    gone = set(former)
    still: set[Name] = set()
    for change in changes:
        gone |= exchanges(change.before)
        still |= exchanges(change.after)
    return {host for host in gone - still - wanted if host != zone and host.is_subdomain(zone)}


def is_named_by(host: Name, rrsets: Iterable[RRset]) -> bool:
    """Whether a record of any type has the host's name in its data: rather one too many than one too few. Only NSEC,
    which signers make, names whatever comes next (RFC 4034, section 4.1.1)."""
    wire, text = host.canonicalize().to_wire() or b"", name_text(host).encode()
    for rrset in rrsets:
        if rrset.key.rdtype == dns.rdatatype.NSEC:
            continue
        for value in rrset.values:
            # An SPF policy names hosts in its text (RFC 7208, section 5).
            if wire in value.lower() or text in (joined_text(rrset.key.rdtype, value) or b"").lower():
                return True
    return False
