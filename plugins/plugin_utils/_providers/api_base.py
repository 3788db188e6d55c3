# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS service that is written through an interface of its own, and whose name servers are asked like any other."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from .._deps import dns
from .._records.names import name_text
from .._records.rrsets import Change, Key
from .._records.values import type_text
from .base import Provider, Traffic
from .propagation import NameServers, delegated_to
from .rfc2136.server import Server

if TYPE_CHECKING:
    from dns.name import Name


_ADDRESSES = ("A", "AAAA")


class Hosted(Provider):
    """timeout: seconds for one answer."""

    def __init__(self, timeout: float) -> None:
        self.traffic = Traffic()
        self.timeout = timeout
        self._name_servers = NameServers(timeout, self.traffic)
        self._servers: dict[tuple[Name, str], list[Server]] = {}

    async def close(self) -> None:
        await self._name_servers.close()

    async def servers(self, zone: Name) -> list[str]:
        names = []
        for host in await self._hosts(zone):
            names.append(name_text(host))
            self._servers[zone, names[-1]] = await self._addresses_of(zone, host)
        return names

    async def _hosts(self, zone: Name) -> list[Name]:
        """Those of the zone's NS RRset at the service, or else those to which the world sees it delegated."""
        return await self.name_servers(zone) or await delegated_to(zone, self.timeout)

    async def _addresses_of(self, zone: Name, host: Name) -> list[Server]:
        """As the service has them, or else as this host's resolver knows them."""
        if host.is_subdomain(zone):
            there = await self.read(zone, [Key(host, dns.rdatatype.A), Key(host, dns.rdatatype.AAAA)])
            if found := [
                text for key, rrset in there.items() if type_text(key.rdtype) in _ADDRESSES for text in rrset.texts()
            ]:
                return [Server(address, 53, name_text(host)) for address in found]
        return await self._name_servers.addresses_of([host])

    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        return await self._name_servers.show(self._servers[zone, server], changes)
