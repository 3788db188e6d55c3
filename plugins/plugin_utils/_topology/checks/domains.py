# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between hosts and domains: names that lead nowhere, addresses that two claim."""

from __future__ import annotations

from ....module_utils._addresses import Address, special_purpose
from ..declaration.domains import DEFAULT_ENDPOINT, INTERNAL, Exchanger, MailDomain
from ..declaration.model import Host
from ..declaration.readers import MAX_PREFERENCE
from ..declaration.variables import FIREWALLS, GATEWAYS, NAT, RELAY, RELAYS, SERVERS
from ..problems import Report
from ..topology import Links, of_version
from .addresses import check_own_addresses
from .backups import check_own_backups
from .hosts import check_host
from .loops import check_loops
from .names import check_names
from .split_horizon import check_views


def check(links: Links, report: Report) -> None:
    for host in links.hosts.values():
        check_host(host, links.shared, report)
    for host in links.declaration.mail_hosts():
        _check_references(host, links, report)
    check_loops(links, report)
    _check_public_addresses(links, report)
    check_own_addresses(links, report)
    _check_way_back(links, report)
    _check_endpoints(links, report)
    check_names(links, report)
    for domain in links.shared.domains:
        _check_servers(domain, links, report)
        _check_exchangers(domain, links, report)
        check_own_backups(domain, links, report)
    if not report.errors:
        _warn_of_idle_hosts(links, report)
    _warn_of_what_is_for_relays(links, report)
    _warn_of_ways_around(links, report)
    check_views(links, report)


def _check_references(host: Host, links: Links, report: Report) -> None:
    def check_each(variable: str, names: tuple[str, ...], groups: tuple[str, ...]) -> None:
        wanted = " or ".join(groups)
        for name in names:
            known = links.hosts.get(name)
            if known is None:
                report.error(
                    host.name,
                    variable,
                    f"'{name}' is not in the inventory, or in none of our groups",
                    f"Put {name} into the group {wanted}, or correct the name",
                )
            elif not known.groups & set(groups):
                report.error(
                    host.name,
                    variable,
                    f"{name} is not in the group {wanted}",
                    f"Put {name} into the group {groups[0]}, or name another host",
                )

    if host.topology == NAT and host.gateway:
        check_each("mail_gateway", (host.gateway,), (GATEWAYS,))
    if host.topology == RELAY:
        check_each("mail_relays", host.relays, (RELAYS,))
    check_each("mail_firewalls", host.firewalls, (FIREWALLS, GATEWAYS))
    if host.topology == RELAY and host.groups & {GATEWAYS, FIREWALLS}:
        report.error(
            host.name,
            "mail_topology",
            "a server behind relays cannot be a gateway or firewall as well: a device filters what it routes, not its "
            "own port 25",
            "Put the mailboxes on a host behind it, or write mail_topology: direct",
        )
    if host.groups >= {SERVERS, RELAYS} and host.topology != RELAY:
        report.error(
            host.name,
            "mail_topology",
            "the host is in mail_servers and mail_relays, and one Postfix cannot be both",
            "Take it out of one of the groups: a server with mailboxes of its own is a mail_server",
        )


def _check_public_addresses(links: Links, report: Report) -> None:
    """A public address leads to one host: that of a device may be forwarded, but not be a host's own as well."""
    claimed: dict[Address, tuple[str, str]] = {}
    for host in links.declaration.mail_hosts():
        for address in host.published:
            variable = "mail_public_addresses" if address in host.public_addresses else "mail_addresses"
            other = links.hosts[claimed[address][0]] if address in claimed else host
            if other not in links.sharing(host):
                report.error(
                    host.name,
                    variable,
                    f"{address} is already the public address of {other.name}: port 25 of it can lead to one host only",
                    "Give each its own, or put a relay in front of both; several behind one address have one mail_fqdn",
                )
            claimed.setdefault(address, (host.name, variable))
    for device in links.hosts.values():
        for address in device.addresses:
            owner, variable = claimed.get(address, (device.name, ""))
            if owner != device.name and variable == "mail_addresses":
                report.error(
                    device.name,
                    "mail_addresses",
                    f"{address} is also an address of {owner}",
                    "Correct the one that is wrong",
                )


def _check_way_back(links: Links, report: Report) -> None:
    """Return traffic must leave through the device that translated the request, or the client drops it."""
    owners: dict[Address, list[Host]] = {}
    for device in links.hosts.values():
        if device.groups & {GATEWAYS, FIREWALLS}:
            for address in device.addresses:
                owners.setdefault(address, []).append(device)
    for host in links.declaration.mail_hosts():
        gateway = links.gateway_of(host)
        if gateway is None or gateway is host:
            continue
        for address in host.public_addresses:
            others = [device.name for device in owners.get(address, []) if device.name != gateway.name]
            if others and address not in gateway.addresses:
                report.error(
                    host.name,
                    "mail_gateway",
                    f"its way back is not through {gateway.name}: mail for {address} comes in at {others[0]}, "
                    "which has that address",
                    f"Write mail_gateway: {others[0]}, or a public address of {gateway.name}",
                )
        inside = [address for address in gateway.own(4) if address not in host.public_addresses]
        if gateway.own(4) and not inside:
            report.error(
                host.name,
                "mail_gateway",
                f"its way back is not through {gateway.name}, which has no IPv4 address inside",
                f"Add the inside address of {gateway.name} to its mail_addresses, or name the device that leads inside",
            )


def _check_endpoints(links: Links, report: Report) -> None:
    known = links.shared.endpoints
    entries = [("mail_zones", zone.name, zone.name, zone.endpoints) for zone in links.shared.zones]
    entries += [("mail_domains", domain.name, domain.zone, domain.endpoints) for domain in links.shared.domains]
    for variable, name, zone, endpoints in entries:
        for key in endpoints:
            if key not in known:
                report.error(
                    "",
                    variable,
                    f"{name}: mail_dns has no '{key}'",
                    f"Write one of its keys: {', '.join(known) or 'it has none'}",
                )
        if not endpoints and known and not links.default_endpoints:
            if list(known) == [INTERNAL]:
                remedy = (
                    f"Add an endpoint '{DEFAULT_ENDPOINT}' to mail_dns, or write dns: {INTERNAL} for a domain that is "
                    "known inside only"
                )
            else:
                keys = " or ".join(key for key in known if key != INTERNAL)
                remedy = f"Write dns: {keys}, or call one of them '{DEFAULT_ENDPOINT}'"
            report.error(
                "", variable, f"{name}: does not say who hosts it, and mail_dns has no '{DEFAULT_ENDPOINT}'", remedy
            )
        first = links.zones[zone].endpoints
        if (endpoints or links.default_endpoints) != (first or links.default_endpoints):
            report.error(
                "",
                variable,
                f"{name}: the zone {zone} is said to be hosted elsewhere by another entry",
                "Write the same dns in both",
            )
    names = set(links.zones)
    for domain in links.shared.domains:
        if domain.name != domain.zone and not domain.name.endswith(f".{domain.zone}"):
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: is not in the zone {domain.zone}",
                "Write the zone that the domain is in, or leave 'zone' out",
            )
        above = domain.name.partition(".")[2]
        while above and above not in names:
            above = above.partition(".")[2]
        if above and not domain.zone_declared:
            report.warning(
                "",
                "mail_domains",
                f"{domain.name}: is taken for a zone of its own, beside {above}",
                f"If its records are in {above}, write zone: {above}; if not, write zone: {domain.name}",
            )


def _check_servers(domain: MailDomain, links: Links, report: Report) -> None:
    for name in domain.servers or ():
        host = links.hosts.get(name)
        if host is None or SERVERS not in host.groups:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: '{name}' is no mail server",
                f"Put {name} into the group mail_servers, or correct the name",
            )
    if domain.null_mx:
        others = [
            key
            for key, value in (
                ("servers", domain.servers),
                ("backup_mx", domain.backups),
                ("exchangers", domain.exchangers),
            )
            if value
        ]
        if others:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: a null MX says that the domain takes no mail, and {' and '.join(others)} that it does "
                "(RFC 7505)",
                f"Take out null_mx, or {' and '.join(others)}",
            )
    elif not links.servers[domain.name] and not domain.servers and not domain.exchangers and links.all_servers:
        report.error(
            "",
            "mail_domains",
            f"{domain.name}: has no server",
            "Name its servers, or write null_mx: true if it takes no mail",
        )
    elif {server.topology for server in links.servers[domain.name]} > {RELAY}:
        direct = [server.name for server in links.servers[domain.name] if server.topology != RELAY]
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: mail can come past its relays, straight to {', '.join(direct)}",
            f"Put {', '.join(direct)} behind the relays too, or name the domain's servers",
        )


def _check_exchangers(domain: MailDomain, links: Links, report: Report) -> None:
    primaries, backups = links.primaries(domain), links.backups(domain)
    last = max((preference for preference, _name in primaries), default=None)
    for backup in backups:
        if backup.preference is None or last is None:
            continue
        if backup.preference > MAX_PREFERENCE:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: no preference is left for the backup MX {backup.name}",
                f"Lower mail_preference of the servers: they have up to {last}",
            )
        elif backup.preference <= last:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: the backup MX {backup.name} ({backup.preference}) does not come after the primaries "
                f"({last})",
                f"Give it a preference above {last}",
            )
    names = [exchanger.name for exchanger in (*domain.exchangers, *domain.backups)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        report.error("", "mail_domains", f"{domain.name}: {name} is an MX twice", "Name it once")
    for exchanger in (*links.backups_elsewhere(domain), *domain.exchangers):
        _check_addresses(domain, exchanger, links, report)
    if domain.exchangers:
        _warn_of_open_front_ends(domain, links, report)


def _check_addresses(domain: MailDomain, exchanger: Exchanger, links: Links, report: Report) -> None:
    zone = links.zone_of(exchanger.name)
    if zone is not None and not exchanger.addresses:
        report.error(
            "",
            "mail_domains",
            f"{domain.name}: the MX {exchanger.name} has no address, although its zone {zone.name} is ours",
            "Add its 'addresses'",
        )
    for address in exchanger.addresses:
        meaning = special_purpose(address, links.shared.public_networks)
        if meaning is not None:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: the MX {exchanger.name} has {address}, which is {meaning}",
                "Write the addresses that the world reaches it by",
            )


def _warn_of_open_front_ends(domain: MailDomain, links: Links, report: Report) -> None:
    for host in links.front_ends(domain):
        if not host.accept_from:
            report.warning(
                host.name,
                "mail_accept_from",
                f"any host can deliver mail for {domain.name} past {domain.exchangers[0].name}",
                "Write the networks of the service that stands in front",
            )
    if INTERNAL in links.shared.endpoints and links.front_ends(domain):
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: mail from inside goes straight to the server, past {domain.exchangers[0].name}",
            "Leave it so, or take 'internal' out of mail_dns",
        )


def _warn_of_idle_hosts(links: Links, report: Report) -> None:
    busy = {device.name for host in links.used_front_ends for device in links.devices_before(host)}
    busy |= {device.name for host in links.used_servers_behind_relays for device in links.devices_before(host)}
    for host in links.hosts.values():
        if SERVERS in host.groups and host.name not in links.domains_of:
            report.warning(
                host.name,
                "mail_domains",
                "the server takes mail for no domain: nothing is opened for it",
                "Name it in the 'servers' of a domain, or take it out of mail_servers",
            )
        elif RELAYS in host.groups and host.name not in links.domains_of:
            report.warning(
                host.name,
                "mail_relays",
                "no server that takes mail is behind the relay: nothing is opened for it",
                "Name it in the mail_relays of a server, or take it out of the group mail_relays",
            )
        elif not host.groups & {SERVERS, RELAYS} and host.name not in busy:
            report.warning(
                host.name,
                "mail_firewalls",
                "no mail host is behind the device: it stays as it is",
                "Name it in the mail_gateway or mail_firewalls of a host, or take it out of its group",
            )


def _warn_of_what_is_for_relays(links: Links, report: Report) -> None:
    for domain in links.shared.domains:
        fronts = [*links.front_ends(domain), *links.own_backups(domain)]
        if not fronts or any(RELAYS in host.groups for host in fronts):
            continue
        for key, is_set in (("recipients", domain.validates_recipients), ("queue_lifetime", domain.queue_lifetime)):
            if is_set:
                report.warning(
                    "",
                    "mail_domains",
                    f"{domain.name}: {key} has no effect, as no relay is in front of its servers",
                    f"Leave {key} out, or put a relay in front",
                )


def _warn_of_ways_around(links: Links, report: Report) -> None:
    for server in links.used_servers_behind_relays:
        public = [
            address for address in server.addresses if special_purpose(address, links.shared.public_networks) is None
        ]
        if public and not links.devices_before(server):
            report.warning(
                server.name,
                "mail_firewalls",
                f"no device that Ansible manages keeps outsiders from {', '.join(map(str, public))}",
                "Name the firewall in front of the server, or see to it as the plan's list 'manual' says",
            )
    for server in links.used_servers_behind_relays:
        for relay in links.relays_of(server):
            if any(report.concerns(host.name, "mail_addresses") for host in (server, relay)):
                continue
            if not any(of_version(relay.addresses, version) and server.own(version) for version in (4, 6)):
                report.error(
                    server.name,
                    "mail_relays",
                    f"the server and its relay {relay.name} have no address family in common",
                    "Give both an IPv4 or both an IPv6 address in mail_addresses",
                )
