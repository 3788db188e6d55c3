# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have to be asked for, because Ansible cannot do it: the plan's list `manual`."""

from __future__ import annotations

from ..declaration.domains import INTERNAL, MANUAL, MailDomain
from ..declaration.model import Host
from ..declaration.variables import NAT
from ..plan import Request
from ..render.foreign_mta import RENDERERS, RelayOfServer, ServerBehindRelays
from ..software import POSTFIX
from ..topology import Topology, of_version
from .flows import unmanaged_firewall_flows, unmanaged_gateway_flows
from .rrsets import PUBLIC, PlannedRRset


def records_owner(key: str) -> str:
    """Who enters the records of an endpoint that Ansible does not write."""
    return f"dns: {key}"


def addresses_owner(name: str) -> str:
    return f"dns: the zone of {name}"


def nat_owner(host: Host) -> str:
    return f"device: NAT of {host.name}"


def firewall_owner(server: Host) -> str:
    return f"device: firewall of {server.name}"


def requests(
    topology: Topology, dns: dict[str, dict[str, list[PlannedRRset]]], rrsets: list[PlannedRRset]
) -> list[Request]:
    return [
        *_records_by_hand(topology, dns),
        *_addresses_elsewhere(rrsets, topology),
        *[
            _gateway(host, topology)
            for host in topology.used_front_ends
            if gateway_is_elsewhere(host, topology) and host is topology.sharing(host)[0]
        ],
        *[
            _firewall(server, topology)
            for server in topology.used_servers_behind_relays
            if not topology.devices_before(server)
        ],
        *[
            _other_server(server, topology)
            for server in topology.used_servers_behind_relays
            if server.software != POSTFIX
        ],
        *[request for domain in topology.shared.domains for request in _others(domain, topology)],
    ]


def gateway_is_elsewhere(host: Host, topology: Topology) -> bool:
    """Whether a device that Ansible does not manage forwards to the host."""
    return host.topology == NAT and topology.gateway_of(host) is None


def _records_by_hand(topology: Topology, dns: dict[str, dict[str, list[PlannedRRset]]]) -> list[Request]:
    return [
        {
            "owner": records_owner(key),
            "what": f"Publish these records in {', '.join(zones)}, and no other MX for these names"
            + (", for inside resolvers only" if key == INTERNAL else ""),
            "why": "the provider of this endpoint is 'manual'",
            "records": [{"zone": zone, **rrset.as_record()} for zone, held in zones.items() for rrset in held],
        }
        for key, zones in dns.items()
        if topology.shared.endpoints[key] == MANUAL
    ]


def _addresses_elsewhere(rrsets: list[PlannedRRset], topology: Topology) -> list[Request]:
    ours = {host.named(): host.name for host in topology.used_front_ends}
    found: list[Request] = []
    for name, host in ours.items():
        records = [
            rrset.as_record() for rrset in rrsets if rrset.name == name and rrset.zone is None and rrset.view == PUBLIC
        ]
        if records:
            found.append(
                {
                    "owner": addresses_owner(name),
                    "what": f"Let {name} have the addresses of {host}",
                    "why": "an MX points to the name, and its zone is in neither mail_domains nor mail_zones",
                    "records": records,
                }
            )
    return found


def _gateway(host: Host, topology: Topology) -> Request:
    sharing, public = topology.sharing(host), [str(address) for address in host.public_addresses]
    own = " and ".join(str(one.own(4)[0]) for one in sharing)
    in_turn = " in turn" if len(sharing) > 1 else ""
    balancer = host.edge.load_balancer
    wishes = [
        f"Forward TCP 25 of {' and '.join(public)} to {own}"
        + (
            f" port {balancer['port']}{in_turn} with the PROXY protocol (send-proxy in HAProxy)"
            if balancer
            else f"{in_turn} and leave the sender's address as it is"
        ),
        # It need not be what routes the host's mail to the outside.
        f"let {own} send to TCP 25 outside, {'best ' if balancer else ''}from {public[0]}"
        + (", the address that its name has" if balancer else ""),
    ]
    ipv6 = [address for one in sharing for address in of_version(one.published, 6)]
    if ipv6:
        wishes.append(f"let TCP 25 through to and from {' and '.join(map(str, ipv6))}, which is not translated")
    wishes.append("let no other host inside send to TCP 25 outside")
    return {
        "owner": nat_owner(host),
        "device": f"NAT of {host.name}",
        "what": "; ".join(wishes),
        "why": f"{host.name} has no mail_gateway: Ansible does not manage the device",
        "flows": [
            flow.as_option() for flow in unmanaged_gateway_flows(sharing, topology.shared.inside_networks, topology)
        ],
    }


def _firewall(server: Host, topology: Topology) -> Request:
    relays = " and ".join(relay.name for relay in topology.relays_of(server))
    return {
        "owner": firewall_owner(server),
        "device": f"firewall of {server.name}",
        "what": f"On TCP 25 let {server.name} and {relays} reach one another; "
        f"shut it between {server.name} and the outside",
        "why": f"neither {server.name} nor its relays have a device that Ansible manages",
        "flows": [flow.as_option() for flow in unmanaged_firewall_flows(server, topology)],
    }


def _other_server(server: Host, topology: Topology) -> Request:
    relays = topology.relays_of(server)
    usable = [tuple(address for address in relay.addresses if server.own(address.version)) for relay in relays]
    seen = ServerBehindRelays(
        topology.server_name(server),
        server.addresses,
        tuple(domain.name for domain in topology.domains_of[server.name]),
        tuple(RelayOfServer(relay.named(), addresses) for relay, addresses in zip(relays, usable) if addresses),
        server.tls_verify,
        topology.shared.message_size,
    )
    names = " and ".join(relay.name for relay in relays)
    return {
        "owner": f"server: {server.name}",
        "what": f"Let {server.name} take mail from {names} only, and send everything for the outside through {names}",
        "why": f"it runs {server.software}, which Ansible does not configure",
        "steps": RENDERERS[server.software](seen),
    }


def _others(domain: MailDomain, topology: Topology) -> list[Request]:
    fronts = [host.named() for host in topology.front_ends(domain)]
    if not fronts:
        return []
    found: list[Request] = []
    if domain.exchangers:
        found.append(
            {
                "owner": f"service in front: {' and '.join(exchanger.name for exchanger in domain.exchangers)}",
                "what": f"Take mail for {domain.name} and deliver it to {' and '.join(fronts)}",
                "why": "it is the MX of the domain",
            }
        )
    found += [
        {
            "owner": f"backup MX: {backup.name}",
            "what": f"Take mail for {domain.name} while our hosts are away, and for no domain that is not ours",
            "why": "it is an MX of the domain",
        }
        for backup in topology.backups_elsewhere(domain)
    ]
    return found
