# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS UPDATE (RFC 2136), as nsupdate speaks it, with TSIG (RFC 8945): BIND, Knot, PowerDNS and others."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ....module_utils._dns.wire import Malformed
from ..._deps import dns
from ..._records.names import name_text
from ..._records.rrsets import Change, Goal, Key, RRset, State, delegations, is_delegated
from ..._records.values import host_in
from ..base import Capabilities, Conflict, InvalidOptions, OutcomeUnknown, Provider, ProviderError, Traffic
from ..options import GSS, ProviderOptions
from ..propagation import NameServers
from . import rcodes
from .connection import ServerConnection
from .errors import Lost, RequestFailed
from .primaries import Primaries, Rfc2136Options
from .reader import Reader
from .response import VerifiedResponse
from .server import Server
from .transfer import transferred
from .tsig import make_key
from .update import Update, batches_of, futile_update, update_of

if TYPE_CHECKING:
    from dns.name import Name

_DEFAULT_PORTS = {"udp": 53, "tcp": 53, "tls": 853}


def create(options: ProviderOptions) -> Rfc2136:
    """Raises InvalidOptions, tsig.InvalidKey."""
    if options["key_algorithm"] == GSS and options["protocol"] == "tls":
        raise InvalidOptions([f"protocol: tls cannot be used with key_algorithm: {GSS}, which is negotiated over TCP"])
    return Rfc2136(
        Rfc2136Options(
            server=options["server"],
            port=options["port"] or _DEFAULT_PORTS[options["protocol"]],
            protocol=options["protocol"],
            key=make_key(options["key_name"], options["key_secret"], options["key_algorithm"]),
            timeout=options["timeout"],
            ca_path=options["ca_path"],
            kerberos=options["key_algorithm"] == GSS,
        )
    )


class Rfc2136(Provider):
    service = "RFC 2136"
    # Batches are counted by octets.
    capabilities = Capabilities(atomic=True, prerequisites=True, guards=True)

    def __init__(self, options: Rfc2136Options) -> None:
        self.traffic = Traffic()
        self._primaries = Primaries(options)
        self._reader = Reader(self.traffic)
        self._name_servers = NameServers(options.timeout, self.traffic)
        self._servers: dict[Name, list[Server]] = {}

    async def close(self) -> None:
        await self._primaries.close()
        await self._name_servers.close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        return await self._reader.read(await self._primaries.of(zone), zone, keys)

    async def obstacles(self, zone: Name, goals: Collection[Goal]) -> list[str]:
        """What stands below a delegation no question reaches: not in the update that makes the delegation either."""
        parts = delegations(zone, (goal.key for goal in goals if goal.present))
        hidden = sorted(goal.key for goal in goals if is_delegated(goal.key, parts))
        if not hidden:
            return []
        return [
            f"{', '.join(map(str, hidden))}: in a part of the zone that the declared NS records hand to other servers; "
            "name that part as the zone"
        ]

    async def contents(self, zone: Name) -> list[RRset]:
        return await transferred(await self._primaries.of(zone), zone, self.traffic)

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        return batches_of(zone, changes)

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        connection = await self._primaries.of(zone)
        self.traffic.messages += 1
        self._reader.forget_wildcards_of(change.key.name for change in batch)
        reply = await self._send(connection, zone, update_of(zone, batch), batch)
        if reply.rcode in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
            await self._check_zones(connection, zone, batch)
            # Another client may make wildcards.
            self._reader.forget_wildcards()
            message = rcodes.overtaken(connection, zone, batch)
            # An update that was sent twice may have been made the first time, and met itself the second.
            raise OutcomeUnknown(message) if reply.repeated else Conflict(message)
        if reply.rcode != dns.rcode.NOERROR:
            raise ProviderError(rcodes.update_refused(connection, zone, batch, reply.rcode))
        await self._add_aliases_left_out(connection, zone, batch)

    async def _add_aliases_left_out(self, connection: ServerConnection, zone: Name, batch: Sequence[Change]) -> None:
        """Knot takes the signatures of records that go for other records at the name, leaves the CNAME out that comes
        in their place, and says NOERROR: the name would have nothing."""
        cleared = {change.key.name.labels for change in batch if change.alters and change.after is None}
        aliases = [
            change
            for change in batch
            if change.key.rdtype == dns.rdatatype.CNAME and change.before is None and change.key.name.labels in cleared
        ]
        if not aliases:
            return
        state = await self.read(zone, [change.key for change in aliases])
        if left_out := [change for change in aliases if change.key not in state]:
            self.traffic.messages += 1
            # Whatever it answers, what stands there is read back.
            await self._send(connection, zone, update_of(zone, left_out), left_out)

    async def rehearse(self, zone: Name, batch: Sequence[Change]) -> None:
        """By the same update with a prerequisite that is never met. Servers that look at who may write first refuse it;
        others, as RFC 2136 has it (sections 3.2 and 3.3), say the same to every client, and nothing is known."""
        connection = await self._primaries.of(zone)
        await self._check_zones(connection, zone, batch)
        # A server that ignores prerequisites would make the changes, so none gets them before it was tried without any.
        for changes in ((), batch):
            self.traffic.queries += 1
            reply = await self._send(connection, zone, futile_update(zone, changes), batch)
            if reply.rcode == dns.rcode.NOERROR or (reply.rcode == dns.rcode.FORMERR and not changes):
                return
            if reply.rcode != dns.rcode.YXRRSET:
                raise ProviderError(rcodes.update_refused(connection, zone, batch, reply.rcode))

    async def _check_zones(self, connection: ServerConnection, zone: Name, batch: Sequence[Change]) -> None:
        """What was read may be from a zone below that the server has too; an update is about this one. Raises
        ProviderError."""

        async def check(name: Name) -> None:
            reply = await self._reader.query(connection, zone, name, dns.rdatatype.SOA)
            records = [record for record in (*reply.answer, *reply.authority) if record.rdtype == dns.rdatatype.SOA]
            try:
                owners = {reply.owner(record) for record in records}
            except Malformed as error:
                raise ProviderError(f"zone {name_text(zone)}: {connection.server}: {error}.") from None
            for owner in owners - {zone}:
                # An alias may have led elsewhere.
                if name.is_subdomain(owner) and owner.is_subdomain(zone):
                    raise ProviderError(rcodes.in_another_zone(connection, zone, name, owner))

        # A DS is in the zone above (RFC 4035, section 2.4).
        read = {
            change.key.name for change in batch if change.before is not None and change.key.rdtype != dns.rdatatype.DS
        }
        await asyncio.gather(*(check(name) for name in sorted(read - {zone})))

    async def _send(
        self, connection: ServerConnection, zone: Name, update: Update, batch: Sequence[Change]
    ) -> VerifiedResponse:
        """Raises ProviderError: OutcomeUnknown if it was sent."""
        try:
            return await connection.update(update)
        except Lost as error:
            raise OutcomeUnknown(rcodes.no_reply_to_update(connection, zone, batch, error)) from None
        except RequestFailed as error:
            raise ProviderError(rcodes.no_reply_to_update(connection, zone, batch, error)) from None
        except dns.exception.TooBig:
            raise ProviderError(rcodes.too_big(zone, batch)) from None

    # The other servers

    async def servers(self, zone: Name) -> list[str]:
        """The names in the zone's NS RRset, with the addresses that the primary knows, or else this host's resolver."""
        connection = await self._primaries.of(zone)
        key = Key(zone, dns.rdatatype.NS)
        found = await self._reader.read_one(connection, zone, key)
        names = [host_in(key.rdtype, value) for rrset in found for value in sorted(rrset.values)]
        found_for = await asyncio.gather(*(self._server_addresses(connection, name) for name in names))
        self._servers[zone] = [server for servers in found_for for server in servers]
        return [name_text(name) for name in names]

    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        """The primary is asked as always: its key may decide which view of the zone it shows."""
        of_the_name = [address for address in self._servers[zone] if address.name == server]
        for primary in self._primaries.begun():
            if primary.server.address in {address.address for address in of_the_name}:
                return bool(await self._name_servers.shows(primary, changes))
        return await self._name_servers.show(of_the_name, changes)

    async def _server_addresses(self, primary: ServerConnection, name: Name) -> list[Server]:
        found: set[str] = set()
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            try:
                authoritative, rrset = await self._name_servers.answer(primary, Key(name, rdtype))
            except (RequestFailed, Malformed):
                continue
            found |= {*(rrset.texts() if rrset is not None and authoritative else [])}
        if found:
            return [Server(address, 53, name_text(name)) for address in sorted(found)]
        return await self._name_servers.addresses_of([name])
