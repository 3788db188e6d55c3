# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a declared topology to the plan: the one place that says what it means."""

from __future__ import annotations

from collections.abc import Iterable

from ....module_utils._postfix.option_values import VERIFIED
from ..checks.domains import check
from ..declaration.domains import INTERNAL, MailDomain
from ..declaration.model import Host, Inventory, read
from ..declaration.variables import RELAY, RELAYS
from ..plan import (
    FORMAT_VERSION,
    EdgeOption,
    Outgoing,
    Plan,
    PlannedHop,
    PlannedRelay,
    PlannedServer,
    RelayedDomain,
    RelayScanner,
)
from ..problems import Problem, Report
from ..render.foreign_mta import POSTFIX
from ..topology import Links, of_version
from .expectations import expectations
from .flows import PORT, device_flows
from .manual_steps import requests
from .rrsets import by_endpoint, internal_rrsets, public_rrsets


class DeclarationError(Exception):
    """The declaration does not hold together. errors and warnings: everything that was found in it."""

    def __init__(self, errors: list[Problem], warnings: list[Problem]) -> None:
        super().__init__(f"{len(errors)} errors in the declared topology")
        self.errors = errors
        self.warnings = warnings


def compile_plan(inventory: Inventory, known: Iterable[Problem] = ()) -> Plan:
    """The plan, plain data; plugins/modules/plan.py describes it. known: errors that were met before.

    Raises DeclarationError.
    """
    report = Report(errors=list(known))
    links = Links(read(inventory, report))
    check(links, report)
    if report.errors:
        raise DeclarationError(_in_order(report.errors, links), _in_order(report.warnings, links))
    rrsets = public_rrsets(links)
    if INTERNAL in links.shared.endpoints:
        rrsets += internal_rrsets(links)
    dns = by_endpoint(rrsets, links)
    return {
        "format_version": FORMAT_VERSION,
        "dns": {
            key: {zone: [rrset.as_record() for rrset in held] for zone, held in zones.items()}
            for key, zones in dns.items()
        },
        "flows": {device: [flow.as_option() for flow in flows] for device, flows in device_flows(links).items()},
        "relay": {host.name: _relay(host, links) for host in links.used_front_ends if RELAYS in host.groups},
        "server": {
            host.name: _server(host, links)
            for host in links.all_servers
            if host.name in links.domains_of and host.software == POSTFIX
        },
        "expect": expectations(links, rrsets),
        "public_networks": [str(network) for network in links.shared.public_networks],
        "manual": requests(links, dns, rrsets),
        "warnings": [problem.as_result() for problem in _in_order(report.warnings, links)],
    }


def _in_order(problems: list[Problem], links: Links) -> list[Problem]:
    """Those about all hosts first, then host by host."""
    places = {name: place for place, name in enumerate(links.hosts)}
    return sorted(problems, key=lambda problem: places.get(problem.host, -1))


def _relay(relay: Host, links: Links) -> PlannedRelay:
    behind = links.servers_behind.get(relay.name, [])
    hops_of = {server.name: _hops(relay, server, links.server_name(server)) for server in behind}
    domains: list[RelayedDomain] = []
    for domain in links.domains_of[relay.name]:
        if links.is_backup(relay, domain):
            hops = _hops_to_front_ends(relay, domain, links)
        else:
            servers = [server for server in links.servers[domain.name] if server in behind]
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
        "edge": _edge(relay, links, relay_from, accept_from),
    }


def _server(server: Host, links: Links) -> PlannedServer:
    relays = links.relays_of(server)
    accept_from = [str(network) for network in server.accept_from]
    if server.topology == RELAY:
        accept_from = [address for relay in relays for address in _addresses(relay, server)]
    found: PlannedServer = {
        "fqdn": links.server_name(server),
        "domains": [domain.name for domain in links.domains_of[server.name]],
        "accept_from": accept_from,
        "local_delivery": server.local_delivery,
        **_outgoing(server),
        "edge": _edge(server, links, [], accept_from),
    }
    if server.topology == RELAY:
        found["smarthosts"] = [hop for relay in relays for hop in _hops(server, relay, relay.named())]
    return found


def _edge(host: Host, links: Links, inside: list[str], accept_from: list[str]) -> EdgeOption:
    """inside: the servers behind it."""
    known = [*inside, *accept_from, *_backups(host, links)]
    ours = [*inside, *map(str, host.addresses)]
    return host.edge.as_option(links.shared.message_size, known, ours, host.is_front_end)


def _backups(host: Host, links: Links) -> list[str]:
    """Addresses of the exchangers that hand a front-end what they kept for it."""
    if not host.is_front_end:
        return []
    domains = links.domains_of[host.name]
    addresses = [address for domain in domains for backup in domain.backups for address in backup.addresses]
    ours = [backup for domain in domains for backup in links.own_backups(domain) if backup is not host]
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
    hop: PlannedHop = {"host": target, "address": address, "port": PORT}
    if source.tls_verify:
        hop["tls"], hop["tls_name"] = VERIFIED, name
    return hop


def _hops_to_front_ends(backup: Host, domain: MailDomain, links: Links) -> list[PlannedHop]:
    """Where a backup hands over what it kept: the hosts before it in the MX, as the world reaches them.

    Of one site it goes to their own addresses: what a gateway translates from outside, it need not from inside.
    """
    found = []
    for front in sorted(links.front_ends(domain), key=lambda host: host.preference):
        gateway = links.gateway_of(front)
        addresses = front.addresses if gateway and gateway is links.gateway_of(backup) else front.published
        usable = [str(address) for address in addresses if backup.own(address.version)]
        found += [_hop(backup, front.name, address, front.named()) for address in usable]
    return found


def _addresses(host: Host, peer: Host) -> list[str]:
    """The host's own addresses that the peer can use: of a family that it has too."""
    return [str(address) for address in host.addresses if peer.own(address.version)]
