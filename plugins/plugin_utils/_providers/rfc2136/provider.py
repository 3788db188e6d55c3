# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS UPDATE (RFC 2136), as nsupdate speaks it, with TSIG (RFC 8945): BIND, Knot, PowerDNS and others."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....module_utils._dns.wire import Malformed
from ..._deps import dns, optional_library
from ..._records.names import name_text
from ..._records.rrsets import Change, Goal, Key, RRset, State, delegations, is_delegated
from ..._records.values import host_in
from ..base import Capabilities, Conflict, InvalidOptions, OutcomeUnknown, Provider, ProviderError, Traffic
from ..options import GSS, ProviderOptions
from ..propagation import NameServers, addresses
from . import rcodes
from .connection import ServerConnection
from .errors import KeyRefused, Lost, RequestFailed, Unreachable
from .gss_tsig import GssFailed, negotiate
from .response import VerifiedResponse
from .server import Server
from .tsig import make_key
from .update import Update, batches_of, futile_update, update_of

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.tsig import Key as TsigKey

# Seconds for a whole zone.
_TRANSFER_LIMIT = 60.0
_DEFAULT_PORTS = {"udp": 53, "tcp": 53, "tls": 853}


@dataclass(frozen=True)
class Rfc2136Options:
    """server: name or address of the primary, None for the one in each zone's SOA; timeout: seconds for an answer."""

    server: str | None
    port: int
    protocol: str
    key: TsigKey | None = field(repr=False)
    timeout: float
    ca_path: str | None = None
    kerberos: bool = False


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
        self._options = options
        self._tls = ssl.create_default_context(cafile=options.ca_path) if options.protocol == "tls" else None
        # One connection to each server, begun when it is first needed.
        self._primary_names: dict[Name, str] = {}
        self._primaries: dict[str, asyncio.Task[ServerConnection]] = {}
        self._name_servers = NameServers(options.timeout, self.traffic)
        self._servers: dict[Name, list[Server]] = {}
        # Labels of names below which no wildcard was when this run looked.
        self._without_wildcard: set[tuple[bytes, ...]] = set()

    async def close(self) -> None:
        for connection in self._begun():
            await connection.close()
        await self._name_servers.close()

    def _begun(self) -> list[ServerConnection]:
        return [task.result() for task in self._primaries.values() if task.done() and task.exception() is None]

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        connection = await self._primary(zone)
        answers = await asyncio.gather(*(self._read_one(connection, zone, key) for key in keys))
        rrsets = [rrset for answer in answers for rrset in answer]
        # By their labels: the hash of a name takes long.
        names = {rrset.key.name.labels: rrset.key.name for rrset in rrsets}
        names.pop(zone.labels, None)
        made = await self._made_from_wildcards(connection, zone, names.values())
        return {rrset.key: rrset for rrset in rrsets if rrset.key.name not in made}

    async def _read_one(self, connection: ServerConnection, zone: Name, key: Key) -> list[RRset]:
        reply = await self._query(connection, zone, key.name, key.rdtype)
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
                return (await self._query(connection, zone, key.name, dns.rdatatype.ANY)).rrsets_of(key.name)
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
            reply = await self._query(connection, zone, dns.name.Name((b"*", *name.labels)), dns.rdatatype.A)
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
        """By zone transfer (RFC 5936)."""
        connection = await self._primary(zone)
        where = f"zone {name_text(zone)}: {connection.server}"
        if connection.protocol == "tls":
            raise ProviderError(f"{where} is asked over TLS, where zone transfers are not supported.")
        content = dns.zone.Zone(zone, relativize=False)
        query = dns.message.make_query(zone, dns.rdatatype.AXFR)
        if connection.key is not None:
            query.use_tsig(connection.key)
        self.traffic.queries += 1
        try:
            await asyncio.to_thread(
                dns.query.inbound_xfr,
                connection.server.address,
                content,
                query,
                port=connection.server.port,
                timeout=connection.timeout,
                lifetime=max(_TRANSFER_LIMIT, connection.timeout),
            )
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise ProviderError(
                f"{where} does not hand out the whole zone ({type(error).__name__}; BIND: allow-transfer)."
            ) from None
        return [
            RRset(
                Key(name.canonicalize(), rdataset.rdtype),
                rdataset.ttl,
                frozenset(rdata.to_digestable(dns.name.root) for rdata in rdataset),
            )
            for name, rdataset in content.iterate_rdatasets()
        ]

    async def _query(self, connection: ServerConnection, zone: Name, name: Name, rdtype: RdataType) -> VerifiedResponse:
        self.traffic.queries += 1
        try:
            reply = await connection.query(name, rdtype)
        except RequestFailed as error:
            raise ProviderError(rcodes.no_reply(connection, zone, error)) from None
        if reply.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise ProviderError(rcodes.query_refused(connection, zone, name, reply.rcode))
        return reply

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        return batches_of(zone, changes)

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        connection = await self._primary(zone)
        self.traffic.messages += 1
        self._without_wildcard -= {change.key.name.labels[1:] for change in batch if change.key.name.is_wild()}
        reply = await self._send(connection, zone, update_of(zone, batch), batch)
        if reply.rcode in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
            await self._check_zones(connection, zone, batch)
            # Another client may make wildcards.
            self._without_wildcard.clear()
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
        connection = await self._primary(zone)
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
            reply = await self._query(connection, zone, name, dns.rdatatype.SOA)
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
        connection = await self._primary(zone)
        key = Key(zone, dns.rdatatype.NS)
        found = await self._read_one(connection, zone, key)
        names = [host_in(key.rdtype, value) for rrset in found for value in sorted(rrset.values)]
        found_for = await asyncio.gather(*(self._server_addresses(connection, name) for name in names))
        self._servers[zone] = [server for servers in found_for for server in servers]
        return [name_text(name) for name in names]

    async def shows(self, zone: Name, server: str, changes: Collection[Change]) -> bool:
        """The primary is asked as always: its key may decide which view of the zone it shows."""
        of_the_name = [address for address in self._servers[zone] if address.name == server]
        for primary in self._begun():
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

    # The primary

    async def _primary(self, zone: Name) -> ServerConnection:
        """The connection to the zone's primary server."""
        host = self._options.server or await self._primary_name(zone)
        if host not in self._primaries:
            self._primaries[host] = asyncio.create_task(self._connect(host))
        try:
            return await asyncio.shield(self._primaries[host])
        except GssFailed as error:
            raise ProviderError(f"zone {name_text(zone)}: {error}.") from None
        except Unreachable as error:
            raise ProviderError(
                f"zone {name_text(zone)}: the server {host} cannot be reached: {error}. Check the option server."
            ) from None

    async def _primary_name(self, zone: Name) -> str:
        if zone in self._primary_names:
            return self._primary_names[zone]
        try:
            resolver = optional_library("dns.asyncresolver")
            answer = await resolver.resolve(zone, dns.rdatatype.SOA, lifetime=self._options.timeout)
        except dns.exception.DNSException as error:
            raise ProviderError(
                f"zone {name_text(zone)}: no server is named, and the resolver of this host knows no SOA of the zone "
                f"({type(error).__name__}). Name the primary in server."
            ) from None
        self._primary_names[zone] = name_text(answer[0].mname)
        return self._primary_names[zone]

    async def _connect(self, host: str) -> ServerConnection:
        """With the first address of the host that answers anything at all. Raises Unreachable, GssFailed."""
        servers = await addresses(host, self._options.port)
        if self._options.kerberos:
            return await self._connect_with_ticket(servers)
        connections = [
            ServerConnection(server, self._options.key, self._options.timeout, self._options.protocol, self._tls)
            for server in servers
        ]
        for connection in connections[:-1]:
            limit = self._options.timeout / len(connections)
            try:
                await asyncio.wait_for(connection.query(dns.name.root, dns.rdatatype.SOA), limit)
            except KeyRefused:
                return connection
            except (RequestFailed, asyncio.TimeoutError):
                await connection.close()
            else:
                return connection
        return connections[-1]

    async def _connect_with_ticket(self, servers: Sequence[Server]) -> ServerConnection:
        """One key serves all messages; over UDP a repeated one would look like a replay to the server."""
        for last, server in enumerate(servers, 1 - len(servers)):
            try:
                key = await asyncio.to_thread(negotiate, server, self._options.timeout)
            except GssFailed:
                if last == 0:
                    raise
                continue
            protocol = "tcp" if self._options.protocol == "udp" else self._options.protocol
            return ServerConnection(server, key, self._options.timeout, protocol, self._tls)
        raise Unreachable("its name has no address")
