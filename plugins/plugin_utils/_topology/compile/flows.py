# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows of every device: what each topology means on port 25.

A function for each row of the table in docs/declaration.md. The first flow that matches wins: what may pass is named
before the rest is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ....module_utils._addresses import Address, Network
from ....module_utils._firewall.option_values import OUTSIDE
from ....module_utils._limits import SMTP_PORT
from ..declaration.domains import INTERNAL
from ..declaration.model import Host
from ..declaration.variables import EVEN, NAT
from ..plan import FlowDestination, FlowTarget, PlannedFlow
from ..topology import Topology, of_version

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class DeviceFlow:
    """Who may reach whom; the fields are the options of inbound.mail.firewall's `flows`. None: not part of the flow.

    targets: (address, weight).
    """

    name: str
    action: str
    source: tuple[str, ...]
    destination: tuple[str, ...] | None = None
    public_address: str | None = None
    targets: tuple[tuple[str, int], ...] = ()
    egress_address: str | None = None
    port: int = SMTP_PORT

    def as_option(self) -> PlannedFlow:
        to: FlowDestination = {}
        if self.destination is not None:
            to["destination"] = list(self.destination)
        if self.public_address is not None:
            to["public_address"] = self.public_address
        option: PlannedFlow = {
            "name": self.name,
            "action": self.action,
            "source": list(self.source),
            **to,
            "ports": [self.port],
        }
        if self.targets:
            option["targets"] = [_target(address, weight) for address, weight in self.targets]
            # The source stays, or the receiver could judge no sender; hairpin translates it for insiders alone.
            option["hairpin"], option["translate_source"] = True, False
        if self.egress_address is not None:
            option["egress_address"] = self.egress_address
        return option


def _target(address: str, weight: int) -> FlowTarget:
    return {"address": address} if weight == EVEN else {"address": address, "weight": weight}


def device_flows(topology: Topology) -> dict[str, list[DeviceFlow]]:
    """Device -> its flows. A device that no mail host is behind has none and is not there."""
    fronts: dict[str, list[Host]] = {}
    servers: dict[str, list[Host]] = {}
    pairs: dict[str, list[tuple[Host, Host]]] = {}
    for front in topology.used_front_ends:
        for device in topology.devices_before(front):
            behind = fronts.setdefault(device.name, [])
            # What a device sends itself, or takes itself, it does not route.
            if device is not front:
                behind.append(front)
    for server in topology.used_servers_behind_relays:
        for device in topology.devices_before(server):
            servers.setdefault(device.name, []).append(server)
        for relay in topology.relays_of(server):
            for device in topology.devices_between(relay, server):
                if device not in (relay, server):
                    pairs.setdefault(device.name, []).append((relay, server))
    return {
        device.name: _flows_of(
            device, fronts.get(device.name, []), servers.get(device.name, []), pairs.get(device.name, []), topology
        )
        for device in topology.hosts.values()
        if device.name in fronts or device.name in servers or device.name in pairs
    }


def _flows_of(
    device: Host, fronts: list[Host], servers: list[Host], pairs: list[tuple[Host, Host]], topology: Topology
) -> list[DeviceFlow]:
    translated = [host for host in fronts if topology.gateway_of(host) is device]
    flows = [flow for host in translated for flow in forwards(host, topology)]
    flows += [flow for host in translated for flow in leave_from_public_address(host)]
    flows += [flow for host in fronts for flow in inwards(host, translates=host in translated)]
    flows += [flow for relay, server in pairs for flow in between(relay, server)]
    flows += [flow for host in fronts for flow in from_balancer(host)]
    flows += [outwards(host) for host in fronts]
    flows += insiders_to_exchangers(device, fronts, servers, topology)
    flows += [flow for host in fronts for flow in shut_to_others(host)]
    flows += [shut(server) for server in servers]
    flows += [shut_in(server) for server in servers]
    if device.restrict_egress:
        flows.append(shut_in_everybody(device.inside_sets))
    return list(_named_apart(flows))


def unmanaged_gateway_flows(hosts: list[Host], inside: Iterable[Network], topology: Topology) -> list[DeviceFlow]:
    """What to ask the operator of the NAT device before hosts with one public address, and its IPv6 filter."""
    # A load balancer makes connections of its own.
    flows = [flow for host in hosts if not host.edge.load_balancer for flow in forwards(host, topology)]
    flows += [flow for host in hosts if not host.edge.load_balancer for flow in leave_from_public_address(host)]
    flows += [flow for host in hosts for flow in inwards(host, translates=True)]
    flows += [flow for host in hosts for flow in from_balancer(host)]
    flows += [outwards(host) for host in hosts]
    flows += [flow for host in hosts for flow in shut_to_others(host)]
    return [*flows, shut_in_everybody(_texts(inside) or ("any",))]


def unmanaged_firewall_flows(server: Host, topology: Topology) -> list[DeviceFlow]:
    """What to ask the operator of the firewall before a server behind relays."""
    flows = [flow for relay in topology.relays_of(server) for flow in between(relay, server)]
    return [*flows, shut(server), shut_in(server)]


# outside -> direct, nat, relay


def forwards(host: Host, topology: Topology) -> list[DeviceFlow]:
    """IPv4 to each public address goes to the host, or to those that share it by weight, from who may reach them."""
    sharing = topology.sharing(host)
    sources = _sources(host, 4)
    if not sources or host is not sharing[0]:
        return []
    behind = [zip(_behind_public_addresses(one), [one.weight] * len(one.public_addresses)) for one in sharing]
    return [
        DeviceFlow(
            f"mx-{host.name}" + (f"-{number}" if number > 1 else ""),
            "forward",
            sources,
            public_address=str(public),
            targets=tuple((str(address), weight) for address, weight in targets),
        )
        for number, (public, targets) in enumerate(zip(host.public_addresses, zip(*behind)), start=1)
    ]


def _behind_public_addresses(host: Host) -> list[Address]:
    """As many addresses of its own as public ones: one for one. Otherwise the first takes all."""
    own = host.own(4)
    return own if len(own) == len(host.public_addresses) else [own[0]] * len(host.public_addresses)


def inwards(host: Host, translates: bool) -> list[DeviceFlow]:
    """Outsiders reach the host's own addresses; not the IPv4 ones where the device translates to them, nor those to
    which a load balancer connects.
    """
    is_through = translates or bool(host.edge.load_balancer)
    versions = [
        version for version in ((6,) if is_through else (4, 6)) if _sources(host, version) and _reached(host, version)
    ]
    if not versions:
        return []
    sources = (
        (OUTSIDE,) if not host.accept_from else tuple(str(net) for net in host.accept_from if net.version in versions)
    )
    reached = [address for version in versions for address in _reached(host, version)]
    return [DeviceFlow(f"in{'6' if is_through else ''}-{host.name}", "accept", sources, _texts(reached))]


def shut_to_others(host: Host) -> list[DeviceFlow]:
    """Where only some may reach the host, or a load balancer on a port of its own, the rest of the outside may not."""
    if host.accept_from:
        return [DeviceFlow(f"shut-{host.name}", "drop", (OUTSIDE,), _texts(host.addresses))]
    if host.edge.load_balancer:
        return [DeviceFlow(f"shut-{host.name}", "drop", (OUTSIDE,), _texts(host.own(4)))]
    return []


def from_balancer(host: Host) -> list[DeviceFlow]:
    """The balancer alone reaches the port on which it vouches for clients' addresses."""
    if not host.edge.load_balancer:
        return []
    port, balancer = host.edge.load_balancer["port"], host.edge.load_balancer["addresses"]
    return [
        DeviceFlow(f"balancer-{host.name}", "accept", _texts(balancer), _texts(host.addresses), port=port),
        DeviceFlow(f"shut-proxy-{host.name}", "drop", (OUTSIDE,), _texts(host.addresses), port=port),
    ]


# relay <-> server


def between(relay: Host, server: Host) -> list[DeviceFlow]:
    versions = [version for version in (4, 6) if relay.own(version) and server.own(version)]
    relay_addresses = _texts(address for version in versions for address in relay.own(version))
    server_addresses = _texts(address for version in versions for address in server.own(version))
    return [
        DeviceFlow(f"{relay.name}-to-{server.name}", "accept", relay_addresses, server_addresses),
        DeviceFlow(f"{server.name}-to-{relay.name}", "accept", server_addresses, relay_addresses),
    ]


def shut(server: Host) -> DeviceFlow:
    """Hosts outside do not reach a server behind relays."""
    return DeviceFlow(f"shut-{server.name}", "drop", (OUTSIDE,), _texts(server.addresses))


def shut_in(server: Host) -> DeviceFlow:
    """A server behind relays sends nothing past them."""
    return DeviceFlow(f"no-egress-{server.name}", "drop", _texts(server.addresses), (OUTSIDE,))


# direct, nat, relay -> outside


def outwards(host: Host) -> DeviceFlow:
    return DeviceFlow(f"egress-{host.name}", "accept", _texts(host.addresses), (OUTSIDE,))


def leave_from_public_address(host: Host) -> list[DeviceFlow]:
    """Its mail leaves from the address that its MX has, or receivers would find a stranger's."""
    own = _texts(host.own(4))
    return [DeviceFlow(f"out-{host.name}", "snat", own, (OUTSIDE,), egress_address=str(host.public_addresses[0]))]


# inside clients -> public name, other hosts inside -> outside


def insiders_to_exchangers(
    device: Host, fronts: list[Host], servers: list[Host], topology: Topology
) -> list[DeviceFlow]:
    """Insiders reach our own exchangers by their public names, also where the way there leads out of the device."""
    exchangers = {host.name: host for host in fronts}
    exchangers |= {relay.name: relay for server in servers for relay in topology.relays_of(server)}
    # What the device itself forwards goes back in by hairpin.
    reached = [
        address
        for host in exchangers.values()
        if host is not device
        for address in host.published
        if not (host.topology == NAT and address.version == 4 and topology.gateway_of(host) is device)
    ]
    if INTERNAL in topology.shared.endpoints:
        # There the names lead to the addresses that hosts have inside.
        own = [address for host in exchangers.values() if host is not device for address in host.addresses]
        reached = list(dict.fromkeys([*reached, *own]))
    if not reached or not device.inside_sets:
        return []
    return [DeviceFlow("inside-to-mx", "accept", device.inside_sets, _texts(reached))]


def shut_in_everybody(inside: tuple[str, ...]) -> DeviceFlow:
    return DeviceFlow("no-egress", "drop", inside, (OUTSIDE,))


def _named_apart(flows: Iterable[DeviceFlow]) -> Iterator[DeviceFlow]:
    """With names that the firewall takes, each once: a host may be called otherwise than in letters of ASCII."""
    taken: set[str] = set()
    for flow in flows:
        name = stem = _NOT_IN_NAMES.sub("-", flow.name)[:60]
        number = 2
        while name in taken:
            name = f"{stem}-{number}"
            number += 1
        taken.add(name)
        yield replace(flow, name=name)


def _sources(host: Host, version: int) -> tuple[str, ...]:
    """Who outside may reach the host over one family: any, or the networks it accepts from."""
    if not host.accept_from:
        return (OUTSIDE,)
    return tuple(str(net) for net in host.accept_from if net.version == version)


def _reached(host: Host, version: int) -> list[Address]:
    """Its own addresses that outsiders are let through to: after translation for IPv4, its public ones for IPv6."""
    if version == 4:
        return host.own(4)
    return of_version(host.published, 6)


def _texts(values: Iterable[Address | Network]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
