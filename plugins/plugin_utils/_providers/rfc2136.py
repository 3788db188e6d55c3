# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS UPDATE (RFC 2136), as nsupdate speaks it, with TSIG (RFC 8945): BIND, Knot, PowerDNS and others."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._deps import dns
from .._records.names import name_text
from .._records.rrsets import Change, Key, RRset, State
from .._records.values import to_rdata
from .exchange import (
    UPDATE_OCTETS,
    ConnectionClosed,
    Exchange,
    ExchangeError,
    KeyRefused,
    NoAnswer,
    Server,
    Unreachable,
)
from .interface import Conflict, OutcomeUnknown, Provider, ProviderError, Traffic
from .reply import Reply

if TYPE_CHECKING:
    import dns.tsig
    from dns.name import Name

PROTOCOLS = ("udp", "tcp", "tls")
DEFAULT_PORTS = {"udp": 53, "tcp": 53, "tls": 853}


@dataclass(frozen=True)
class Rfc2136Options:
    """server: name or address of the primary, None to ask for the one in each zone's SOA; timeout: seconds an answer."""

    server: str | None
    port: int
    protocol: str
    key: dns.tsig.Key | None = field(repr=False)
    timeout: float
    ca_path: str | None = None


class Rfc2136(Provider):
    def __init__(self, options: Rfc2136Options) -> None:
        self.traffic = Traffic()
        self._options = options
        self._tls = ssl.create_default_context(cafile=options.ca_path) if options.protocol == "tls" else None
        # One conversation with each server, made by whoever needs it first.
        self._primaries: dict[str, asyncio.Task[Exchange]] = {}
        self._secondaries: dict[Server, Exchange] = {}

    async def close(self) -> None:
        opened = [task.result() for task in self._primaries.values() if task.done() and task.exception() is None]
        for exchange in (*opened, *self._secondaries.values()):
            await exchange.close()

    # Reading

    async def read(self, zone: Name, keys: Collection[Key]) -> State:
        exchange = await self._primary(zone)
        answers = await asyncio.gather(*(self._read_one(exchange, zone, key) for key in keys))
        return {rrset.key: rrset for rrsets in answers for rrset in rrsets}

    async def _read_one(self, exchange: Exchange, zone: Name, key: Key) -> list[RRset]:
        reply = await self._query(exchange, zone, key.name, key.rdtype)
        if not reply.authoritative:
            delegation = reply.rrset(reply.authority, key)
            if delegation is not None and key.rdtype == dns.rdatatype.NS:
                return [delegation]
            raise ProviderError(_not_authoritative(exchange, zone, key.name))
        rrset = reply.rrset(reply.answer, key) or reply.rrset(reply.answer, Key(key.name, dns.rdatatype.CNAME))
        if rrset is not None:
            return [rrset]
        for record in reply.authority:
            if record.rdtype == dns.rdatatype.SOA and (other := reply.owner(record)) != zone:
                raise ProviderError(
                    f"{exchange.server} has no zone {name_text(zone)}: for it, {name_text(key.name)} is in the zone "
                    f"{name_text(other)}. Name the right zone, or the server that has it."
                )
        if key.rdtype == dns.rdatatype.CNAME and reply.rcode == dns.rcode.NOERROR:
            # The name exists: other records that stand there would silently keep a CNAME out.
            return (await self._query(exchange, zone, key.name, dns.rdatatype.ANY)).rrsets_of(key.name)
        return []

    async def explicit(self, zone: Name, state: State) -> State:
        """Below a name that exists no wildcard from above applies (RFC 4592, section 3.3.1), so `*.name` does not exist.

        If it does, it is either there itself, and then nothing is below it, or it too is made from that wildcard.
        """
        exchange = await self._primary(zone)

        async def stands(name: Name) -> bool:
            below = dns.name.Name((b"*", *name.labels))
            for probe in (below, dns.name.Name((b"*", *below.labels))):
                if (await self._query(exchange, zone, probe, dns.rdatatype.A)).rcode == dns.rcode.NXDOMAIN:
                    return True
            return False

        names = list({key.name for key in state} - {zone})
        standing = dict(zip(names, await asyncio.gather(*map(stands, names)), strict=True))
        return {key: rrset for key, rrset in state.items() if standing.get(key.name, True)}

    async def _query(self, exchange: Exchange, zone: Name, name: Name, rdtype: dns.rdatatype.RdataType) -> Reply:
        self.traffic.queries += 1
        try:
            reply = await exchange.query(name, rdtype)
        except ExchangeError as error:
            raise ProviderError(self._explain(exchange, zone, error)) from None
        rcode = reply.rcode
        if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return reply
        if rcode == dns.rcode.REFUSED:
            who = f"the key {name_text(self._options.key.name)}" if self._options.key else "this host"
            raise ProviderError(
                f"{exchange.server} refuses to answer questions about zone {name_text(zone)} (REFUSED). Either it does not "
                f"have the zone, or it does not let {who} ask (BIND: allow-query)."
            )
        if rcode == dns.rcode.NOTAUTH:
            raise ProviderError(_not_authoritative(exchange, zone, name))
        raise ProviderError(
            f"{exchange.server} cannot answer questions about zone {name_text(zone)} ({dns.rcode.to_text(rcode)}). "
            "Look in the server's log: a zone that did not load or has expired answers SERVFAIL."
        )

    # Writing

    def batches(self, zone: Name, changes: Sequence[Change]) -> list[list[Change]]:
        """By octets, counted without name compression: never too few, at most about twice too many."""
        empty = 12 + len(zone.to_wire()) + 4
        batches: list[list[Change]] = []
        size = UPDATE_OCTETS
        for change in changes:
            octets = _octets(change)
            if size + octets > UPDATE_OCTETS:
                batches.append([])
                size = empty
            batches[-1].append(change)
            size += octets
        return batches

    async def apply(self, zone: Name, batch: Sequence[Change]) -> None:
        exchange = await self._primary(zone)
        self.traffic.messages += 1
        try:
            reply = await exchange.update(_update_message(zone, batch))
        except (NoAnswer, ConnectionClosed) as error:
            raise OutcomeUnknown(self._explain(exchange, zone, error)) from None
        except ExchangeError as error:
            raise ProviderError(self._explain(exchange, zone, error)) from None
        rcode = reply.rcode
        if rcode == dns.rcode.NOERROR:
            return
        where = f"zone {name_text(zone)}"
        if rcode in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
            raise Conflict(
                f"{where}: somebody else changed these records at {exchange.server} in between; nothing was written. Run it again."
            )
        raise ProviderError(self._explain_rcode(exchange, zone, batch, rcode))

    def _explain_rcode(self, exchange: Exchange, zone: Name, batch: Sequence[Change], rcode: dns.rcode.Rcode) -> str:
        key = self._options.key
        what = f"zone {name_text(zone)}"
        first = f"{batch[0].key}" + (f" and {len(batch) - 1} more RRsets" if len(batch) > 1 else "")
        if rcode == dns.rcode.REFUSED:
            who = f"the key {name_text(key.name)}" if key else "an update without a key"
            return (
                f"{exchange.server} refuses the update of {what} (REFUSED): {who} may not change {first}. Allow it there "
                "(BIND: update-policy or allow-update), or use a key that may."
            )
        if rcode == dns.rcode.NOTAUTH:
            return _not_authoritative(exchange, zone, zone)
        if rcode == dns.rcode.NOTZONE:
            return f"{exchange.server} says that {first} is not in {what} (NOTZONE). Name the zone that holds it."
        if rcode == dns.rcode.NOTIMP:
            return (
                f"{exchange.server} does not take updates for {what} (NOTIMP). Name the primary server, and allow "
                "dynamic updates there (PowerDNS: dnsupdate=yes)."
            )
        if rcode == dns.rcode.FORMERR:
            return f"{exchange.server} does not understand the update of {first} in {what} (FORMERR): it may not know the type."
        return (
            f"{exchange.server} failed to update {what} ({dns.rcode.to_text(rcode)}). Look in its log: often it may not "
            "write the zone's file or journal."
        )

    async def contents(self, zone: Name) -> list[RRset]:
        raise NotImplementedError

    async def lagging_servers(self, zone: Name, changes: Sequence[Change]) -> list[str]:
        raise NotImplementedError

    # Servers

    async def _primary(self, zone: Name) -> Exchange:
        """The conversation with the zone's primary server."""
        host = self._options.server or await self._primary_name(zone)
        if host not in self._primaries:
            self._primaries[host] = asyncio.create_task(self._connect(host))
        try:
            return await asyncio.shield(self._primaries[host])
        except Unreachable as error:
            raise ProviderError(f"zone {name_text(zone)}: the server {host} cannot be reached: {error}.") from None

    async def _primary_name(self, zone: Name) -> str:
        try:
            answer = await dns.asyncresolver.resolve(zone, dns.rdatatype.SOA, lifetime=self._options.timeout)
        except dns.exception.DNSException as error:
            raise ProviderError(
                f"zone {name_text(zone)}: no option server, and the resolver of this host does not know the zone's SOA "
                f"({type(error).__name__}). Name the primary in server."
            ) from None
        return name_text(answer[0].mname)

    async def _connect(self, host: str) -> Exchange:
        """The first address of the host that answers anything at all."""
        exchanges = [
            Exchange(server, self._options.key, self._options.timeout, self._options.protocol, self._tls)
            for server in await _addresses(host, self._options.port)
        ]
        for exchange in exchanges[:-1]:
            try:
                await asyncio.wait_for(
                    exchange.query(dns.name.root, dns.rdatatype.SOA), self._options.timeout / len(exchanges)
                )
            except (ExchangeError, asyncio.TimeoutError):
                await exchange.close()
            else:
                return exchange
        return exchanges[-1]

    def _explain(self, exchange: Exchange, zone: Name, error: ExchangeError) -> str:
        key = self._options.key
        key_name = name_text(key.name) if key is not None else ""
        where = f"zone {name_text(zone)}: {exchange.server}"
        if isinstance(error, KeyRefused):
            reasons = {
                "BADKEY": f"does not know the key {key_name} (BADKEY). Check key_name and key_algorithm against the key "
                "in the server's configuration.",
                "BADSIG": f"does not accept the signature made with the key {key_name} (BADSIG). The name is right, the secret is "
                "another one there: check key_secret.",
                "BADTIME": "does not accept the time of the signature (BADTIME). Set the clocks of the controller and of the "
                "server: they may differ by 5 minutes.",
                "BADTRUNC": f"does not accept a shortened signature with the key {key_name} (BADTRUNC). Choose the "
                "key_algorithm without a length.",
            }
            return f"{where} {reasons.get(error.reason, f'does not accept the signature: {error.reason}')}"
        if isinstance(error, NoAnswer):
            hint = f"; {error}" if str(error) else ""
            return (
                f"{where} did not answer within {self._options.timeout:g} s ({self._options.protocol.upper()}){hint}. Check "
                "that it runs, that server and port are right, and that no firewall drops DNS from here."
            )
        if isinstance(error, ConnectionClosed):
            return f"{where} ended the connection before it answered: {error}. Run it again; look in the server's log if it stays so."
        return f"{where} cannot be reached ({self._options.protocol.upper()}): {error}. Check server and port, and that it runs."


async def _addresses(host: str, port: int) -> list[Server]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise Unreachable(f"its name has no address ({error.strerror})") from None
    return [Server(address[0], port, host) for _, _, _, _, address in found]


def _not_authoritative(exchange: Exchange, zone: Name, name: Name) -> str:
    return (
        f"{exchange.server} is not authoritative for zone {name_text(zone)} (asked about {name_text(name)}). Name the zone's "
        "primary server in server, and the zone as it is delegated."
    )


def _update_message(zone: Name, batch: Sequence[Change]) -> dns.update.UpdateMessage:
    """Prerequisites on what was read (RFC 2136, sections 2.4.2 and 2.4.3), then the changes (section 2.5)."""
    message = dns.update.UpdateMessage(zone)
    for change in batch:
        if change.before is None:
            message.absent(change.key.name, change.key.rdtype)
        else:
            for value in change.before.values:
                message.present(change.key.name, to_rdata(change.key.rdtype, value))
    # What goes first goes first: a name gives up its CNAME before it gets an address.
    for change in batch:
        if change.before is not None and not _is_apex_ns(zone, change):
            message.delete(change.key.name, change.key.rdtype)
    for change in batch:
        if change.after is not None:
            for value in change.after.values:
                message.add(change.key.name, change.after.ttl, to_rdata(change.key.rdtype, value))
        if change.before is not None and _is_apex_ns(zone, change):
            # The NS RRset of a zone is not deleted as a whole (section 3.4.2.3): its values are, after the new ones came.
            for value in change.before.values - (change.after.values if change.after else frozenset()):
                message.delete(change.key.name, to_rdata(change.key.rdtype, value))
    return message


def _is_apex_ns(zone: Name, change: Change) -> bool:
    return change.key == (zone, dns.rdatatype.NS)


def _octets(change: Change) -> int:
    """The most that the change takes in an update: what was read as a prerequisite and to delete, what comes."""
    fixed = len(change.key.name.to_wire()) + 10
    rrsets = [rrset for rrset in (change.before, change.before, change.after) if rrset is not None]
    return fixed + sum(fixed + len(value) for rrset in rrsets for value in rrset.values)
