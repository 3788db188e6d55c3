# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the addresses of a host that is no longer a mail exchanger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .._deps import dns
from .._records.mail_exchangers import is_named_by
from .._records.rrsets import Change, Goal, Key, RRset, delegations, is_delegated, state_after
from .base import Provider, ProviderError

if TYPE_CHECKING:
    from dns.name import Name


class Leftover(NamedTuple):
    """An address that stays, and why."""

    rrset: RRset
    reason: str


async def retire(
    provider: Provider, zone: Name, hosts: Collection[Name], changes: Sequence[Change], prune: bool
) -> tuple[list[Goal], list[Leftover]]:
    """Goals that remove the addresses of `hosts`, which the changes take out of service; and the addresses that stay.

    An address is removed only with `prune`, and if nothing else in the zone names its host. Raises ProviderError.
    """
    types = (dns.rdatatype.A, dns.rdatatype.AAAA)
    addresses = []
    for host in sorted(hosts):
        try:
            state = await provider.read(zone, [Key(host, rdtype) for rdtype in types])
        except ProviderError:
            # It is in a part of the zone that other servers have: its addresses are theirs.
            continue
        addresses += [rrset for key, rrset in sorted(state.items()) if key.rdtype in types]
    if not addresses:
        return [], []
    if not prune:
        return [], [Leftover(rrset, "prune is off") for rrset in addresses]
    try:
        contents = {rrset.key: rrset for rrset in await provider.contents(zone)}
    except ProviderError as error:
        why = f"it is not known whether something else in the zone names the host: {error}"
        return [], [Leftover(rrset, why) for rrset in addresses]
    after = state_after(contents, changes)
    named = {host for host in hosts if is_named_by(host, after.values())}
    # The server may also answer from another zone that it has, or from one that these changes hand to other servers.
    delegated = delegations(zone, after)
    addresses = [rrset for rrset in addresses if rrset.key in contents and not is_delegated(rrset.key, delegated)]
    goals, leftover = [], []
    for rrset in addresses:
        if rrset.key.name in named:
            leftover.append(Leftover(rrset, "other records in the zone name the host"))
        elif rrset.serves:
            leftover.append(Leftover(rrset, f"it serves {rrset.serves}"))
        else:
            goals.append(Goal(rrset.key, exclusive=True))
    return goals, leftover
