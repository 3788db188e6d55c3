# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a declared topology to the plan: the one place that says what it means."""

from __future__ import annotations

from collections.abc import Iterable

from ....module_utils._limits import SMTP_PORT
from ....module_utils._postfix.option_values import VERIFIED
from ..declaration.domains import INTERNAL, MailDomain
from ..declaration.model import Host
from ..declaration.variables import RELAY, RELAYS
from ..plan import (
    FORMAT_VERSION,
    Outgoing,
    Plan,
    PlannedEdge,
    PlannedHop,
    PlannedRelay,
    PlannedServer,
    RelayedDomain,
    RelayScanner,
)
from ..problems import DeclarationProblem
from ..software import POSTFIX
from ..topology import Topology, of_version
from .expectations import expectations
from .flows import device_flows
from .manual_steps import requests
from .rrsets import by_endpoint, internal_rrsets, public_rrsets


def plan_of(topology: Topology, warnings: Iterable[DeclarationProblem]) -> Plan:
    """The plan of a declaration in which nothing is wrong; warnings go with it."""
    rrsets = public_rrsets(topology)
    if INTERNAL in topology.shared.endpoints:
        rrsets += internal_rrsets(topology)
    dns = by_endpoint(rrsets, topology)
    return {
        "format_version": FORMAT_VERSION,
        "dns": {
            key: {zone: [rrset.as_record() for rrset in held] for zone, held in zones.items()}
            for key, zones in dns.items()
        },
        "flows": {device: [flow.as_option() for flow in flows] for device, flows in device_flows(topology).items()},
        "relay": {host.name: _relay(host, topology) for host in topology.used_front_ends if RELAYS in host.groups},
        "server": {
            host.name: _server(host, topology)
            for host in topology.all_servers
            if host.name in topology.domains_of and host.software == POSTFIX
        },
        "expect": expectations(topology, rrsets),
        "public_networks": [str(network) for network in topology.shared.public_networks],
        "manual": requests(topology, dns, rrsets),
        "warnings": [problem.as_result() for problem in warnings],
    }


def _relay(relay: Host, topology: Topology) -> PlannedRelay:
    behind = topology.servers_behind.get(relay.name, [])
    hops_of = {server.name: _hops(relay, server, topology.server_name(server)) for server in behind}
    domains: list[RelayedDomain] = []
    for domain in topology.domains_of[relay.name]:
        if topology.is_backup(relay, domain):
            hops = _hops_to_front_ends(relay, domain, topology)
        else:
            servers = [server for server in topology.servers[domain.name] if server in behind]
            hops = [hop for server in servers for hop in hops_of[server.name]]
        entry: RelayedDomain = {"name": domain.name, "next_hops": hops}
        if domain.recipients is not None:
            entry["recipients"] = domain.recipients.as_option()
        if domain.queue_lifetime:
            entry["queue_lifetime"] = domain.queue_lifetime
        domains.append(entry)
    relay_from = [address for server in behind for address in _addresses(server, relay)]
    accept_from = [str(network) for network in relay.accept_from]
    scanner: RelayScanner = {"scanner": relay.scanner.as_option()} if relay.scanner else {}
    return {
        "fqdn": relay.named(),
        "domains": domains,
        **scanner,
        "relay_from": relay_from,
        "accept_from": accept_from,
        **_outgoing(relay),
        "edge": _edge(relay, topology, relay_from, accept_from),
    }


def _server(server: Host, topology: Topology) -> PlannedServer:
    relays = topology.relays_of(server)
    accept_from = [str(network) for network in server.accept_from]
    if server.topology == RELAY:
        accept_from = [address for relay in relays for address in _addresses(relay, server)]
    found: PlannedServer = {
        "fqdn": topology.server_name(server),
        "domains": [domain.name for domain in topology.domains_of[server.name]],
        "accept_from": accept_from,
        "local_delivery": server.local_delivery,
        **_outgoing(server),
        "edge": _edge(server, topology, [], accept_from),
    }
    if server.topology == RELAY:
        found["smarthosts"] = [hop for relay in relays for hop in _hops(server, relay, relay.named())]
    return found


def _edge(host: Host, topology: Topology, inside: list[str], accept_from: list[str]) -> PlannedEdge:
    """inside: the servers behind it."""
    known = [*inside, *accept_from, *_backups(host, topology)]
    ours = [*inside, *map(str, host.addresses)]
    return host.edge.as_option(topology.shared.message_size, known, ours, host.is_front_end)


def _backups(host: Host, topology: Topology) -> list[str]:
    """Addresses of the exchangers that hand a front-end what they kept for it."""
    if not host.is_front_end:
        return []
    domains = topology.domains_of[host.name]
    addresses = [address for domain in domains for backup in domain.backups for address in backup.addresses]
    ours = [backup for domain in domains for backup in topology.own_backups(domain) if backup is not host]
    # It may come from an address that the world does not see.
    addresses += [address for backup in ours for address in (*backup.published, *backup.addresses)]
    return list(dict.fromkeys(map(str, addresses)))


def _outgoing(host: Host) -> Outgoing:
    """How the host sends; a front-end's mail leaves from an address that its MX has, or that its gateway translates."""
    send_from = [own[0] for own in (host.own(4), of_version(host.published, 6)) if own] if host.is_front_end else []
    return {
        "smarthosts": [hop.as_hop() for hop in host.smarthosts],
        "sender_smarthosts": [
            {"domain": entry.domain, "smarthosts": [hop.as_hop() for hop in entry.smarthosts]}
            for entry in host.sender_smarthosts
        ],
        "send_from": [str(address) for address in send_from],
        "tls_ca": host.tls_ca,
        "tls_certificate": host.tls_certificate,
        "tls_key": host.tls_key,
    }


def _hops(source: Host, target: Host, name: str) -> list[PlannedHop]:
    """name: what the target's certificate is for."""
    return [_hop(source, target.name, address, name) for address in _addresses(target, source)]


def _hop(source: Host, target: str, address: str, name: str) -> PlannedHop:
    hop: PlannedHop = {"host": target, "address": address, "port": SMTP_PORT}
    if source.tls_verify:
        hop["tls"], hop["tls_name"] = VERIFIED, name
    return hop


def _hops_to_front_ends(backup: Host, domain: MailDomain, topology: Topology) -> list[PlannedHop]:
    """Where a backup hands over what it kept: the hosts before it in the MX, as the world reaches them.

    Of one site it goes to their own addresses: what a gateway translates from outside, it need not from inside.
    """
    found = []
    for front in sorted(topology.front_ends(domain), key=lambda host: host.preference):
        gateway = topology.gateway_of(front)
        addresses = front.addresses if gateway and gateway is topology.gateway_of(backup) else front.published
        usable = [str(address) for address in addresses if backup.own(address.version)]
        found += [_hop(backup, front.name, address, front.named()) for address in usable]
    return found


def _addresses(host: Host, peer: Host) -> list[str]:
    """The host's own addresses that the peer can use: of a family that it has too."""
    return [str(address) for address in host.addresses if peer.own(address.version)]
