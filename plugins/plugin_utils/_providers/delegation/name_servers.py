# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name servers of the services that a zone goes to."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..._deps import dns
from ..._records.names import name_text
from ..._records.rrsets import Key
from ..base import Provider, ProviderError

if TYPE_CHECKING:
    from dns.name import Name


@dataclass(frozen=True)
class NewServers:
    """Host -> its addresses, of the services that a zone goes to."""

    addresses: Mapping[Name, tuple[str, ...]]

    def __or__(self, others: NewServers) -> NewServers:
        return NewServers({**self.addresses, **others.addresses})

    def glue(self, zone: Name) -> dict[Name, tuple[str, ...]]:
        """What the parent has to say too, as it could not be looked up (RFC 1034, section 4.2.1)."""
        return {host: found for host, found in self.addresses.items() if host.is_subdomain(zone)}


async def new_servers(zone: Name, provider: Provider) -> NewServers:
    """Raises ProviderError if the service does not have the zone, or does not say by which servers."""
    hosts = await provider.name_servers(zone)
    if not hosts:
        raise ProviderError(
            f"zone {name_text(zone)}: {provider.service} does not say which name servers it has for the zone. "
            "Enter its NS records there."
        )
    found: dict[Name, tuple[str, ...]] = {}
    for host in hosts:
        there: list[str] = []
        if host.is_subdomain(zone):
            keys = [Key(host, dns.rdatatype.A), Key(host, dns.rdatatype.AAAA)]
            state = await provider.read(zone, keys)
            there = [text for key in keys if key in state for text in state[key].texts()]
        found[host] = tuple(there) or tuple(addresses_of(host))
    return NewServers(found)


def addresses_of(host: Name) -> list[str]:
    """As this host's resolver knows them."""
    try:
        found = socket.getaddrinfo(name_text(host), 53, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
