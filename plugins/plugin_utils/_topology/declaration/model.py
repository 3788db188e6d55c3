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

from ....module_utils._addresses import Address, Network, special_purpose
from ....module_utils._firewall.option_values import OUTSIDE
from ..problems import Report, Several, Unfit
from .domains import DeclaredZone, MailDomain
from .edge import Edge
from .scanners import Scanner
from .smarthosts import SenderSmarthosts, Smarthost
from .variables import (
    BY_NAME,
    DIRECT,
    GROUPS,
    INSIDERS,
    NAT,
    RELAYS,
    RETIRED,
    SERVERS,
    SHARED,
    VANTAGES,
    Variable,
)

ROLE_PREFIXES = tuple(
    f"mail_{role}_" for role in ("dns", "nat_gateway", "dmz_firewall", "relay", "server", "verify", "cutover", "plan")
)
"""Inputs of the collection's roles and playbooks, which are not declarations."""


@dataclass(frozen=True)
class Inventory:
    """hosts: inventory host -> its variables whose name begins with mail_, templated. groups: group -> its hosts, also
    of groups that are none of ours.

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
    interface_sets: tuple[str, ...]
    restrict_egress: bool

    @property
    def is_front_end(self) -> bool:
        return self.topology in (DIRECT, NAT)

    @property
    def inside_sets(self) -> tuple[str, ...]:
        return tuple(side for side in self.interface_sets if side != OUTSIDE)

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
    zones: tuple[DeclaredZone, ...]
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
    _look_for_misspelt_groups(inventory, report)
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
    remedies = {
        "mail_domains": "Write the domains that mail is taken for, as [{name: example.org}]",
        "mail_dns": "Write who hosts the zones, as {default: {provider: rfc2136, server: 192.0.2.53}}; with "
        "{default: {provider: manual}} the plan says what to ask for",
    }
    for name, remedy in remedies.items():
        found = [inventory.hosts[host][name] for host in names if name in inventory.hosts[host]]
        if names and not any(found) and not any(problem.option == name for problem in report.errors):
            what = "is empty" if found else "is not set"
            report.error("", name, what, f"{remedy}; in group_vars/all.yml, so that every host has it")
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


def _look_for_misspelt_groups(inventory: Inventory, report: Report) -> None:
    """A group that is not read leaves its hosts out in silence, above all a vantage."""
    ours = (*GROUPS, VANTAGES, INSIDERS, RETIRED)
    read_hosts = set(inventory.members(*ours))
    for group, members in inventory.groups.items():
        near = difflib.get_close_matches(group, ours, n=1, cutoff=0.85)
        if near and not read_hosts.issuperset(members):
            what = "nothing reads this group, and its name is nearly that of one that is read"
            report.warning("", group, what, f"Did you mean {near[0]}? Otherwise take another name")


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
    return Host(
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
        interface_sets=tuple(values["mail_interfaces"] or ()),
        restrict_egress=values["mail_restrict_egress"],
    )
