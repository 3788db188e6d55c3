# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads RRsets from a primary server, without those that the server makes from wildcards."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ....module_utils._dns.wire import Malformed
from ..._deps import dns
from ..._records.names import name_text
from ..._records.rrsets import Key, RRset, State
from ..base import ProviderError, Traffic
from . import rcodes
from .connection import ServerConnection
from .errors import RequestFailed
from .response import VerifiedResponse

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType


class Reader:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        # Labels of names below which no wildcard was when this run looked.
        self._without_wildcard: set[tuple[bytes, ...]] = set()

    def forget_wildcards_of(self, names: Iterable[Name]) -> None:
        """Those of the names that are wildcards may begin to exist."""
        self._without_wildcard -= {name.labels[1:] for name in names if name.is_wild()}

    def forget_wildcards(self) -> None:
        self._without_wildcard.clear()

    async def read(self, connection: ServerConnection, zone: Name, keys: Collection[Key]) -> State:
        answers = await asyncio.gather(*(self.read_one(connection, zone, key) for key in keys))
        rrsets = [rrset for answer in answers for rrset in answer]
        # By their labels: the hash of a name takes long.
        names = {rrset.key.name.labels: rrset.key.name for rrset in rrsets}
        names.pop(zone.labels, None)
        made = await self._made_from_wildcards(connection, zone, names.values())
        return {rrset.key: rrset for rrset in rrsets if rrset.key.name not in made}

    async def read_one(self, connection: ServerConnection, zone: Name, key: Key) -> list[RRset]:
        reply = await self.query(connection, zone, key.name, key.rdtype)
        try:
            if not reply.authoritative:
                delegation = reply.rrset(reply.authority, key)
                if delegation is not None and key.rdtype == dns.rdatatype.NS:
                    return [delegation]
                raise ProviderError(rcodes.not_authoritative(connection, zone, key.name))
            if redirected := [owner for owner in reply.owners(dns.rdatatype.DNAME) if owner != key.name]:
                raise ProviderError(rcodes.below_dname(connection, zone, key.name, redirected[0]))
            rrset = reply.rrset(reply.answer, key) or reply.rrset(reply.answer, Key(key.name, dns.rdatatype.CNAME))
            if rrset is not None:
                return [rrset]
            if reply.rcode == dns.rcode.NXDOMAIN:
                self._without_wildcard.add(key.name.labels[1:])
            for record in reply.authority:
                if record.rdtype == dns.rdatatype.SOA and not reply.is_owner(zone, record):
                    raise ProviderError(rcodes.in_another_zone(connection, zone, key.name, reply.owner(record)))
            if key.rdtype == dns.rdatatype.CNAME and reply.rcode == dns.rcode.NOERROR:
                # The name exists: other records that stand there would silently keep a CNAME out.
                return (await self.query(connection, zone, key.name, dns.rdatatype.ANY)).rrsets_of(key.name)
        except Malformed as error:
            raise ProviderError(f"zone {name_text(zone)}: {connection.server}: {error}.") from None
        return []

    async def _made_from_wildcards(
        self, connection: ServerConnection, zone: Name, names: Collection[Name]
    ) -> set[Name]:
        """Those of the names, which all have an answer, that do not exist: a wildcard answers for them (RFC 4592).

        One question for all names of a level: while `*.example.org` does not exist, no wildcard answers for any name
        right below example.org. None at all where a name was found not to exist, before it was written.
        """

        async def exists(name: Name) -> VerifiedResponse | None:
            reply = await self.query(connection, zone, dns.name.Name((b"*", *name.labels)), dns.rdatatype.A)
            return None if reply.rcode == dns.rcode.NXDOMAIN else reply

        async def stands(name: Name) -> bool:
            """Below a name that exists no wildcard from above applies (section 3.3.1): `*.name` does not exist.

            If it does, it is either there itself, and then nothing is below it, or it too is made from that wildcard.
            """
            for below in (name, dns.name.Name((b"*", *name.labels))):
                try:
                    reply = await exists(below)
                except dns.name.NameTooLong:
                    return True
                # Nor does one apply where another zone begins or a DNAME is.
                if reply is None or not reply.authoritative or reply.owners(dns.rdatatype.DNAME):
                    return True
            return False

        levels = {name.labels[1:] for name in names} - self._without_wildcard
        wildcards = await asyncio.gather(*(exists(dns.name.Name(labels)) for labels in levels))
        covered = {labels for labels, wildcard in zip(levels, wildcards, strict=True) if wildcard is not None}
        suspects = [name for name in names if name.labels[1:] in covered]
        standing = await asyncio.gather(*map(stands, suspects))
        return {name for name, stands in zip(suspects, standing, strict=True) if not stands}

    async def query(self, connection: ServerConnection, zone: Name, name: Name, rdtype: RdataType) -> VerifiedResponse:
        self._traffic.queries += 1
        try:
            reply = await connection.query(name, rdtype)
        except RequestFailed as error:
            raise ProviderError(rcodes.no_reply(connection, zone, error)) from None
        if reply.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise ProviderError(rcodes.query_refused(connection, zone, name, reply.rcode))
        return reply
