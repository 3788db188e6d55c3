# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First pass: every host by itself, from its variables to a typed Host, and what all hosts share."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils._addresses import SHARED_ADDRESS_SPACE, Address, Network, special_purpose
from .domains import MailDomain, Zone
from .edge import Edge
from .edge_checks import check_edge
from .entries import Several
from .other_servers import EXCHANGE, POSTFIX
from .problems import Report, Unfit
from .scanners import Scanner
from .smarthosts import VERIFIED, SenderSmarthosts, Smarthost
from .variables import (
    BY_NAME,
    DIRECT,
    FIREWALLS,
    GATEWAYS,
    GROUPS,
    INSIDERS,
    NAT,
    RELAY,
    RELAYS,
    SERVERS,
    SHARED,
    TOPOLOGY_CHOICE,
    VANTAGES,
    Variable,
)

ROLE_PREFIXES = tuple(
    f"mail_{role}_" for role in ("dns", "nat_gateway", "dmz_firewall", "relay", "server", "verify", "cutover", "plan")
)
"""Inputs of the collection's roles and playbooks, which are not declarations."""


@dataclass(frozen=True)
class Inventory:
    """hosts: inventory host -> its variables whose name begins with mail_, templated. groups: group -> its hosts.

    Both in the order of the inventory.
    """

    hosts: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Iterable[str]]

    def members(self, *groups: str) -> list[str]:
        """The hosts of the groups, each once, in the inventory's order."""
        return list(dict.fromkeys(name for group in groups for name in self.groups.get(group, ())))


@dataclass(frozen=True)
class Host:
    """One host as declared. published: the addresses that the world reaches it by (mail hosts that are no `relay`)."""

    name: str
    groups: frozenset[str]
    topology: str | None
    fqdn: str | None
    addresses: tuple[Address, ...]
    public_addresses: tuple[Address, ...]
    published: tuple[Address, ...]
    gateway: str | None
    relays: tuple[str, ...]
    firewalls: tuple[str, ...]
    accept_from: tuple[Network, ...]
    scanner: Scanner | None
    preference: int
    weight: int
    local_delivery: bool
    software: str
    tls_certificate: str
    tls_key: str
    tls_ca: str
    tls_verify: bool
    smarthosts: tuple[Smarthost, ...]
    sender_smarthosts: tuple[SenderSmarthosts, ...]
    credentials: tuple[str, ...]
    edge: Edge
    inside_sets: tuple[str, ...]
    restrict_egress: bool

    @property
    def is_front_end(self) -> bool:
        return self.topology in (DIRECT, NAT)

    def own(self, version: int) -> list[Address]:
        return [address for address in self.addresses if address.version == version]

    def named(self) -> str:
        """The name that it greets with."""
        if self.fqdn is None:
            raise ValueError(f"{self.name} has no mail_fqdn")
        return self.fqdn


@dataclass(frozen=True)
class Shared:
    """What must be the same on all hosts. endpoints: key of mail_dns -> provider."""

    domains: tuple[MailDomain, ...]
    zones: tuple[Zone, ...]
    endpoints: Mapping[str, str]
    public_networks: tuple[Network, ...]
    inside_networks: tuple[Network, ...]
    message_size: int | None


@dataclass(frozen=True)
class Declaration:
    """hosts: those of the four groups, in the inventory's order; vantages, insiders: host -> its addresses."""

    hosts: Mapping[str, Host]
    shared: Shared
    vantages: Mapping[str, tuple[Address, ...]]
    insiders: Mapping[str, tuple[Address, ...]]

    def mail_hosts(self) -> list[Host]:
        return [host for host in self.hosts.values() if host.groups & {SERVERS, RELAYS}]


def read(inventory: Inventory, report: Report) -> Declaration:
    shared = _read_shared(inventory, report)
    members = {group: frozenset(inventory.members(group)) for group in GROUPS}
    hosts = {}
    for name in inventory.members(*GROUPS):
        groups = frozenset(group for group in GROUPS if name in members[group])
        _look_for_misspellings(name, inventory.hosts[name], report)
        hosts[name] = _read_host(name, groups, inventory, shared, report)
    if not inventory.members(SERVERS, RELAYS):
        report.error("", SERVERS, "the group has no host", "Put the mail servers into the group mail_servers")
    return Declaration(
        hosts,
        shared,
        {name: _value(name, BY_NAME["mail_addresses"], inventory, report) for name in inventory.members(VANTAGES)},
        {name: _value(name, BY_NAME["mail_addresses"], inventory, report) for name in inventory.members(INSIDERS)},
    )


def _read_shared(inventory: Inventory, report: Report) -> Shared:
    values = {}
    names = inventory.members(*GROUPS)
    for variable in SHARED:
        values[variable.name] = variable.default
        if names:
            model = _model(variable.name, names, inventory, report)
            values[variable.name] = _value(model, variable, inventory, report, says="")
    missing = [
        name for name in ("mail_domains", "mail_dns") if not any(name in inventory.hosts[host] for host in names)
    ]
    remedies = {
        "mail_domains": "Write the domains that mail is taken for, as [{name: example.org}]",
        "mail_dns": "Write who hosts the zones, as {default: {provider: rfc2136, server: 192.0.2.53}}; with "
        "{default: {provider: manual}} the plan says what to ask for",
    }
    for name in missing if names else ():
        report.error("", name, "is not set", f"{remedies[name]}; in group_vars/all.yml, so that every host has it")
    return Shared(
        domains=values["mail_domains"],
        zones=values["mail_zones"],
        endpoints=values["mail_dns"],
        public_networks=values["mail_public_networks"],
        inside_networks=values["mail_inside_networks"],
        message_size=values["mail_message_size"],
    )


def _model(variable: str, names: list[str], inventory: Inventory, report: Report) -> str:
    """The host whose value of a shared variable most hosts have; every other host is an error."""
    kinds: list[Any] = []
    kind_of: dict[str, int] = {}
    for name in names:
        value = inventory.hosts[name].get(variable)
        for number, known in enumerate(kinds):
            # Most hosts have the same object: no need to look into it a thousand times.
            if value is known or value == known:
                kind_of[name] = number
                break
        else:
            kind_of[name] = len(kinds)
            kinds.append(value)
    common = Counter(kind_of.values()).most_common(1)[0][0]
    model = next(name for name in names if kind_of[name] == common)
    for name in names:
        if kind_of[name] != common:
            where = _difference(inventory.hosts[name].get(variable), inventory.hosts[model].get(variable))
            report.error(
                name,
                variable,
                f"differs from that of {model}{where}",
                "It must be the same on every host: set it once, in group_vars/all.yml",
            )
    return model


def _difference(one: object, other: object, path: str = "") -> str:
    """Where two values differ. The values themselves are not shown: they may be secret."""
    if one is None or other is None:
        return f" in {path}" if path else f" (it is not set {'here' if one is None else 'there'})"
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            if one.get(key) != other.get(key):
                return _difference(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other)):
            if mine != theirs:
                return _difference(mine, theirs, f"{path}[{index}]")
    return f" in {path}" if path else ""


def _value(name: str, variable: Variable, inventory: Inventory, report: Report, says: str | None = None) -> Any:
    """The typed value of a host's variable, its default if it is not set or unfit.

    says: the host that a problem names, if it is not this one.
    """
    raw = inventory.hosts[name].get(variable.name)
    if raw is None:
        return variable.default
    host = name if says is None else says
    try:
        return variable.read(raw)
    except Several as several:
        for unfit in several.problems:
            report.error(host, variable.name, unfit.message, unfit.remedy)
    except Unfit as unfit:
        report.error(host, variable.name, unfit.message, unfit.remedy)
    return variable.default


def _look_for_misspellings(name: str, variables: Iterable[str], report: Report) -> None:
    for variable in variables:
        if variable in BY_NAME or not variable.startswith("mail_") or variable.startswith(ROLE_PREFIXES):
            continue
        # Two letters of sixteen: 0.86 and up.
        near = difflib.get_close_matches(variable, BY_NAME, n=1, cutoff=0.85)
        if near:
            report.warning(
                name, variable, "nothing reads this variable", f"Did you mean {near[0]}? Otherwise take another name"
            )


def _read_host(name: str, groups: frozenset[str], inventory: Inventory, shared: Shared, report: Report) -> Host:
    values = {
        variable.name: _value(name, variable, inventory, report)
        if groups.intersection(variable.groups)
        else variable.default
        for variable in BY_NAME.values()
        if not variable.shared
    }
    topology = values["mail_topology"]
    published: list[Address] = []
    if topology == NAT:
        published += values["mail_public_addresses"]
    if topology in (DIRECT, NAT):
        published += [
            address
            for address in values["mail_addresses"]
            if (topology == DIRECT or address.version == 6) and special_purpose(address, shared.public_networks) is None
        ]
    host = Host(
        name=name,
        groups=groups,
        topology=topology,
        fqdn=values["mail_fqdn"],
        addresses=values["mail_addresses"],
        public_addresses=values["mail_public_addresses"],
        published=tuple(published),
        gateway=values["mail_gateway"],
        relays=values["mail_relays"],
        firewalls=values["mail_firewalls"],
        accept_from=values["mail_accept_from"],
        scanner=values["mail_scanner"],
        preference=values["mail_preference"],
        weight=values["mail_weight"],
        local_delivery=values["mail_local_delivery"],
        software=values["mail_software"],
        tls_certificate=values["mail_tls_certificate"],
        tls_key=values["mail_tls_key"],
        tls_ca=values["mail_tls_ca"],
        tls_verify=values["mail_tls_verify"],
        smarthosts=values["mail_smarthosts"],
        sender_smarthosts=values["mail_sender_smarthosts"],
        credentials=values["mail_credentials"],
        edge=Edge.of(values),
        inside_sets=tuple(side for side in values["mail_interfaces"] or () if side != "wan"),
        restrict_egress=values["mail_restrict_egress"],
    )
    if groups & {SERVERS, RELAYS}:
        _check_mail_host(host, shared, report)
    if groups & {GATEWAYS, FIREWALLS}:
        _need(
            host,
            "mail_interfaces",
            values["mail_interfaces"],
            report,
            f"the {'gateway' if GATEWAYS in groups else 'firewall'} has no interfaces",
            "Write the interfaces of each side, as {wan: [eth0], lan: [eth1]}",
        )
    return host


def _need(host: Host, variable: str, value: object, report: Report, message: str, remedy: str) -> None:
    """An error if a variable has no value, unless one that cannot be read was reported already."""
    if not value and not report.concerns(host.name, variable):
        report.error(host.name, variable, message, remedy)


def _check_mail_host(host: Host, shared: Shared, report: Report) -> None:
    if host.tls_key:
        what = "is not set, but mail_tls_key is"
        remedy = "Write the path of the key's certificate, or leave mail_tls_key out"
        _need(host, "mail_tls_certificate", host.tls_certificate, report, what, remedy)
    _check_smarthosts(host, report)
    if host.software != POSTFIX:
        _check_other_software(host, report)
    _need(host, "mail_topology", host.topology, report, "is not set", f"Write {TOPOLOGY_CHOICE}")
    addresses = "Write the host's own addresses, as [192.168.0.10]"
    _need(host, "mail_addresses", host.addresses, report, "is not set", addresses)
    check_edge(host, report)
    if host.is_front_end:
        what = "is not set, and no MX can point to the host"
        _need(host, "mail_fqdn", host.fqdn, report, what, "Write its public name, as mail.example.org")
    if host.topology == DIRECT:
        _check_direct(host, shared, report)
    elif host.topology == NAT:
        _check_nat(host, shared, report)
    elif host.topology == RELAY:
        _check_behind_relay(host, report)


def _check_other_software(host: Host, report: Report) -> None:
    if host.topology in (DIRECT, NAT):
        what = f"is {host.software}, and only a server behind relays can be anything but {POSTFIX}"
        report.error(host.name, "mail_software", what, "Put a relay in front of it, and write mail_topology: relay")
    if host.tls_verify and host.software != EXCHANGE:
        what = f"is not among the settings that the plan has for {host.software}"
        report.warning(
            host.name, "mail_tls_verify", what, "Set it up there yourself; the relay's side is not concerned"
        )


def _check_smarthosts(host: Host, report: Report) -> None:
    lists = {"mail_smarthosts": list(host.smarthosts)}
    lists["mail_sender_smarthosts"] = [hop for entry in host.sender_smarthosts for hop in entry.smarthosts]
    for variable, hops in lists.items():
        for name in sorted({hop.credentials for hop in hops if hop.credentials} - set(host.credentials)):
            if not report.concerns(host.name, "mail_credentials"):
                what = f"names the credentials '{name}', which are not in mail_credentials"
                report.error(host.name, variable, what, "Add an entry of that name there: 'username:password'")
        if hops and host.topology == RELAY:
            what = "is set, but a server behind relays sends through them"
            report.error(host.name, variable, what, "Set it on the relays")
    verifies = host.tls_verify or any(hop.tls == VERIFIED for hops in lists.values() for hop in hops)
    if verifies:
        what = "is not set, so nobody is trusted to say whose certificate it is"
        remedy = "Write the path of a PEM file on the host, as /etc/ssl/certs/ca-certificates.crt"
        _need(host, "mail_tls_ca", host.tls_ca, report, what, remedy)


def _check_direct(host: Host, shared: Shared, report: Report) -> None:
    for address in host.addresses:
        meaning = special_purpose(address, shared.public_networks)
        if meaning is None:
            continue
        remedy = (
            f"Take {address} out if the host has a public address too; behind a device that translates write "
            "mail_topology: nat"
        )
        report.error(
            host.name,
            "mail_addresses",
            f"{address} is {meaning}, and a direct host is reached by its own addresses",
            _or_elsewhere(address, remedy),
        )
    if host.public_addresses:
        report.warning(
            host.name,
            "mail_public_addresses",
            "is not used: a direct host is reached by its own addresses",
            "Take it out, or write mail_topology: nat if a device translates",
        )


def _or_elsewhere(address: Address, remedy: str) -> str:
    if address not in SHARED_ADDRESS_SPACE:
        return remedy
    return (
        "Behind a provider's carrier-grade NAT nobody can reach the host. A relay elsewhere is the way: put a host "
        "with a public address into mail_relays and write mail_topology: relay here; or ask the provider for a public "
        "address"
    )


def _check_nat(host: Host, shared: Shared, report: Report) -> None:
    def error(variable: str, message: str, remedy: str) -> None:
        report.error(host.name, variable, message, remedy)

    outside = "Write the device's outside IPv4 addresses that are forwarded to the host, as [192.0.2.1]"
    what = "is not set, and nobody outside can reach a host behind NAT without"
    _need(host, "mail_public_addresses", host.public_addresses, report, what, outside)
    for address in host.public_addresses:
        meaning = special_purpose(address, shared.public_networks)
        if address.version == 6:
            error(
                "mail_public_addresses",
                f"{address} is IPv6, which is never translated",
                "Name it in mail_addresses if it is the host's own, otherwise take it out",
            )
        elif address in host.addresses:
            error(
                "mail_public_addresses",
                f"{address} is the host's own address",
                "Write mail_topology: direct: nothing is translated",
            )
        elif meaning is not None:
            error(
                "mail_public_addresses",
                f"{address} is {meaning}, and nobody outside can reach it",
                _or_elsewhere(address, outside),
            )
    if host.addresses and not host.own(4):
        error(
            "mail_addresses",
            "has no IPv4 address, and only IPv4 is translated",
            "Add the IPv4 address that the device forwards to; for a host with IPv6 alone write mail_topology: direct",
        )
    if host.gateway == host.name:
        error(
            "mail_gateway",
            "the host is named as its own gateway",
            "Write mail_topology: direct: it has the public address itself",
        )


def _check_behind_relay(host: Host, report: Report) -> None:
    if RELAYS in host.groups:
        report.error(
            host.name,
            "mail_topology",
            "a relay is not itself behind a relay",
            "Write direct or nat, as mail from outside reaches it",
        )
    else:
        remedy = "Write the relays in front of the server, as [relay]; they are hosts of the group mail_relays"
        _need(host, "mail_relays", host.relays, report, "is not set", remedy)
    if host.accept_from:
        report.warning(
            host.name,
            "mail_accept_from",
            "is not used: only its relays reach a server behind relays",
            "Set it on the relays",
        )
