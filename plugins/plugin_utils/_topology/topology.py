# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second pass: how hosts, devices, domains and zones hang together.

Names that are not in the inventory are left out here; checks/references.py reports them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from ...module_utils._addresses import Address
from .declaration.domains import BACKUP_DISTANCE, DEFAULT_ENDPOINT, INTERNAL, DeclaredZone, Exchanger, MailDomain
from .declaration.model import Declaration, Host
from .declaration.variables import FIREWALLS, GATEWAYS, NAT, RELAY, RELAYS, SERVERS


class Topology:
    """What follows from a declaration about who stands in front of whom."""

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.hosts = declaration.hosts
        self.shared = declaration.shared

    # Domains, servers, relays

    @cached_property
    def all_servers(self) -> list[Host]:
        return [host for host in self.hosts.values() if SERVERS in host.groups]

    @cached_property
    def servers(self) -> dict[str, list[Host]]:
        """Domain -> where its mailboxes are."""
        found: dict[str, list[Host]] = {}
        for domain in self.shared.domains:
            if domain.null_mx:
                found[domain.name] = []
            elif domain.servers is None:
                found[domain.name] = self.all_servers
            else:
                hosts = [self.hosts[name] for name in domain.servers if name in self.hosts]
                found[domain.name] = [host for host in hosts if SERVERS in host.groups]
        return found

    def relays_of(self, server: Host) -> list[Host]:
        if server.topology != RELAY:
            return []
        hosts = [self.hosts[name] for name in server.relays if name in self.hosts]
        return [host for host in hosts if RELAYS in host.groups]

    @cached_property
    def _front_ends(self) -> dict[str, list[Host]]:
        return {name: self._front_ends_of(servers) for name, servers in self.servers.items()}

    def _front_ends_of(self, servers: Iterable[Host]) -> list[Host]:
        found: dict[str, Host] = {}
        for server in servers:
            for host in self.relays_of(server) if server.topology == RELAY else [server]:
                if host.is_front_end:
                    found[host.name] = host
        return list(found.values())

    def front_ends(self, domain: MailDomain) -> list[Host]:
        """The hosts of ours that take the domain's mail from outside, each once; not those that keep it (backups)."""
        return self._front_ends[domain.name]

    @cached_property
    def _relays_by_name(self) -> dict[str, Host]:
        return {host.fqdn: host for host in self.hosts.values() if RELAYS in host.groups and host.fqdn is not None}

    def own_backups(self, domain: MailDomain) -> list[Host]:
        """The relays of ours that keep the domain's mail while its front-ends are away."""
        names = [backup.name for backup in domain.backups if backup.name in self._relays_by_name]
        return [self._relays_by_name[name] for name in dict.fromkeys(names)]

    def is_backup(self, host: Host, domain: MailDomain) -> bool:
        return host in self.own_backups(domain)

    def backups_elsewhere(self, domain: MailDomain) -> list[Exchanger]:
        """The domain's backup exchangers of other operators, each with its preference."""
        return [backup for backup in self.backups(domain) if backup.name not in self._relays_by_name]

    @cached_property
    def _by_name(self) -> dict[str, list[Host]]:
        found: dict[str, list[Host]] = {}
        for host in self.hosts.values():
            if host.is_front_end and host.fqdn is not None:
                found.setdefault(host.fqdn, []).append(host)
        return found

    def sharing(self, front: Host) -> list[Host]:
        """The front-ends behind the same name and public addresses, this one too; the first speaks for all."""
        return self._by_name.get(front.fqdn or "", [front])

    @cached_property
    def domains_of(self) -> dict[str, list[MailDomain]]:
        """Server, front-end or backup -> the domains whose mail it takes. A host that is not here takes none."""
        found: dict[str, list[MailDomain]] = {}
        for domain in self.shared.domains:
            hosts = (*self.servers[domain.name], *self.front_ends(domain), *self.own_backups(domain))
            for name in dict.fromkeys(host.name for host in hosts):
                found.setdefault(name, []).append(domain)
        return found

    @cached_property
    def servers_behind(self) -> dict[str, list[Host]]:
        """Relay -> the servers behind it that take mail for a domain."""
        found: dict[str, list[Host]] = {}
        for server in self.all_servers:
            if server.name in self.domains_of:
                for relay in self.relays_of(server):
                    found.setdefault(relay.name, []).append(server)
        return found

    @cached_property
    def used_front_ends(self) -> list[Host]:
        """All that outsiders hand mail to: front-ends of a domain, and backups."""
        return [host for host in self.hosts.values() if host.is_front_end and host.name in self.domains_of]

    @cached_property
    def used_servers_behind_relays(self) -> list[Host]:
        return [host for host in self.all_servers if host.topology == RELAY and host.name in self.domains_of]

    # Devices

    def gateway_of(self, host: Host) -> Host | None:
        gateway = self.hosts.get(host.gateway) if host.topology == NAT and host.gateway else None
        return gateway if gateway is not None and GATEWAYS in gateway.groups else None

    def filters_of(self, host: Host) -> list[Host]:
        hosts = [self.hosts[name] for name in host.firewalls if name in self.hosts]
        return [device for device in hosts if device.groups & {GATEWAYS, FIREWALLS}]

    def devices_before(self, host: Host) -> list[Host]:
        """Every managed device between the host and the outside, the gateway first, each once."""
        if host.topology == RELAY:
            # One that is behind a relay itself is an error, and may be in a loop.
            relays = [relay for relay in self.relays_of(host) if relay.is_front_end]
            found = self.filters_of(host) or [device for relay in relays for device in self.devices_before(relay)]
        else:
            gateway = self.gateway_of(host)
            found = ([gateway] if gateway else []) + self.filters_of(host)
            # A mail host that is a device itself has its insiders behind it.
            if host.groups & {GATEWAYS, FIREWALLS}:
                found.append(host)
        return list({device.name: device for device in found}.values())

    def devices_between(self, relay: Host, server: Host) -> list[Host]:
        """The managed devices that may lie between the two: rules for both on one too many do no harm."""
        found = [*self.devices_before(server), *self.filters_of(relay)]
        return list({device.name: device for device in found}.values())

    # Zones

    @cached_property
    def zones(self) -> dict[str, DeclaredZone]:
        """Every zone we hold, by name. Where two entries name one zone, the first says where it is."""
        found: dict[str, DeclaredZone] = {}
        entries = [DeclaredZone(domain.zone, domain.endpoints, domain.ttl) for domain in self.shared.domains]
        for zone in (*self.shared.zones, *entries):
            found.setdefault(zone.name, zone)
        return found

    def zone_of(self, name: str) -> DeclaredZone | None:
        """The zone of ours that holds a name: the longest one that it ends with."""
        while name:
            if name in self.zones:
                return self.zones[name]
            name = name.partition(".")[2]
        return None

    @cached_property
    def default_endpoints(self) -> tuple[str, ...]:
        """The endpoints of a zone that names none; empty if that cannot be told."""
        keys = [key for key in self.shared.endpoints if key != INTERNAL]
        if DEFAULT_ENDPOINT in keys:
            return (DEFAULT_ENDPOINT,)
        return tuple(keys) if len(keys) == 1 else ()

    def public_endpoints(self, zone: DeclaredZone) -> list[str]:
        return [
            key for key in zone.endpoints or self.default_endpoints if key != INTERNAL and key in self.shared.endpoints
        ]

    def is_inside_only(self, zone: DeclaredZone) -> bool:
        """Whether the zone is at the endpoint `internal` and nowhere else."""
        return set(zone.endpoints) == {INTERNAL}

    # Mail exchangers

    def backups(self, domain: MailDomain) -> list[Exchanger]:
        """The domain's backup exchangers, each with its preference."""
        last = max((preference for preference, _name in self.primaries(domain)), default=0)
        return [
            Exchanger(
                backup.name,
                last + BACKUP_DISTANCE if backup.preference is None else backup.preference,
                backup.addresses,
            )
            for backup in domain.backups
        ]

    def primaries(self, domain: MailDomain) -> list[tuple[int, str]]:
        """(preference, name) of the domain's MX without its backups, as outsiders see it."""
        if domain.exchangers:
            return [(10 if host.preference is None else host.preference, host.name) for host in domain.exchangers]
        return self.own_exchangers(domain)

    def own_exchangers(self, domain: MailDomain) -> list[tuple[int, str]]:
        exchangers = [(host.preference, host.fqdn) for host in self.front_ends(domain) if host.fqdn]
        return list(dict.fromkeys(exchangers))

    def server_name(self, server: Host) -> str:
        """The name that a server greets with; of one behind relays that declares none, the inventory's."""
        if server.fqdn is not None:
            return server.fqdn
        if "." in server.name:
            return server.name.lower()
        return f"{server.name.lower().replace('_', '-')}.{self.domains_of[server.name][0].name}"


def of_version(addresses: Iterable[Address], version: int) -> list[Address]:
    return [address for address in addresses if address.version == version]
