# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as the administrator declares them, checked and in one form that every backend renders from."""

from __future__ import annotations

import difflib
import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Union

from ansible_collections.inbound.mail.plugins.module_utils._firewall.option_values import ACTIONS, INTERFACE, OUTSIDE
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_FLOW_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# An address comes up several times in a list of flows, and to read it is half of what a flow costs here.
_ADDRESSES = 65536
_RATE = re.compile(r"([1-9][0-9]{0,6})/(second|minute|hour|day)")

_REQUIRED = {"forward": ("public_address", "targets"), "snat": ("source", "egress_address")}
_ACTIONS_OF = {
    "targets": ("forward",),
    "public_address": ("forward",),
    "hairpin": ("forward",),
    "translate_source": ("forward",),
    "egress_address": ("snat",),
    "limits": ("forward", "accept"),
    "log": ("forward", "accept", "drop", "reject"),
    "destination": ("accept", "drop", "reject", "snat"),
}


class FlowsError(InvalidError):
    """The flows cannot be applied."""


@dataclass(frozen=True)
class Peer:
    """One end of a flow: an interface, a network (of one address or many), or anybody.

    Anybody of one family (``0.0.0.0/0``) has the family and no network.
    """

    interface: str = ""
    network: Network | None = None
    family: int = 0

    @cached_property
    def kind(self) -> str:
        """``interface``, ``host``, ``network`` or ``any``."""
        if self.interface:
            return "interface"
        if self.network is None:
            return "any"
        return "host" if self.network.prefixlen == self.network.max_prefixlen else "network"

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        if self.network is None:
            return self.interface
        text = network_text(self.network)
        return text.partition("/")[0] if self.kind == "host" else text

    def covers(self, other: Peer) -> bool:
        """Whether everything that comes from the other one is known to come from this one."""
        if self.kind == "any":
            return self.family in (0, other.family)
        if self.network is not None and other.network is not None:
            mine, theirs = self.network, other.network
            return mine.version == theirs.version and theirs.subnet_of(mine)  # type: ignore[arg-type]
        return self.kind == "interface" and self.interface == other.interface


ANYBODY = Peer()


def network_text(network: Network) -> str:
    """The network as nft and iptables list it, which Python may write otherwise where IPv4 is embedded in IPv6."""
    if network.version == 4:
        return str(network)
    return f"{socket.inet_ntop(socket.AF_INET6, network.network_address.packed)}/{network.prefixlen}"


@lru_cache(maxsize=_ADDRESSES)
def host_peer(address: str) -> Peer:
    """The peer of one address, which has been read before. Raises ValueError if it is none."""
    network = _network(address)
    if network is None:
        raise ValueError(f"{address!r} is no address")
    return Peer(network=network, family=network.version)


@dataclass(frozen=True)
class Limits:
    """What one client may do: new connections per unit of time (``10/minute``), and connections at one time."""

    rate: str = ""
    connections: int = 0


@dataclass(frozen=True)
class Target:
    """A server that connections are forwarded to, and its share of them."""

    address: str
    weight: int = 1


@dataclass(frozen=True)
class Flow:
    """One declared flow after every check. The first one that matches a connection decides on it."""

    name: str
    action: str
    sources: tuple[Peer, ...] = (ANYBODY,)
    destinations: tuple[Peer, ...] = (ANYBODY,)
    ports: tuple[int, ...] = (25,)
    targets: tuple[Target, ...] = ()
    public_address: str = ""
    egress_address: str = ""
    hairpin: bool = False
    translate_source: bool = False
    limits: Limits = Limits()
    log: bool = False

    def pairs(self) -> Iterator[tuple[Peer, Peer, int]]:
        """Every combination of source and destination of one family, with that family (0: both)."""
        for source in self.sources:
            for destination in self.destinations:
                if not source.family or not destination.family or source.family == destination.family:
                    yield source, destination, source.family or destination.family

    @property
    def families(self) -> set[int]:
        """The IP versions that the flow is about."""
        if self.action in ("forward", "snat"):
            return {4}
        found = {family for _source, _destination, family in self.pairs()}
        return {4, 6} if 0 in found else found


@dataclass(frozen=True)
class Policy:
    """All flows of a table, and the interfaces that lead outside."""

    flows: tuple[Flow, ...] = ()
    outside: tuple[str, ...] = ()

    def routed_families(self) -> set[int]:
        """The IP versions that the host has to route for these flows."""
        passing = [flow for flow in self.flows if flow.action in ("forward", "accept", "snat")]
        return {family for flow in passing for family in flow.families}


def policy(declared: Sequence[Mapping[str, Any]], interfaces: Mapping[str, Sequence[str]]) -> Policy:
    """Check the module's options ``flows`` and ``interfaces``; raises FlowsError with all that is wrong."""
    reader = _Reader(interfaces)
    flows = [reader.flow(number, flow) for number, flow in enumerate(declared, 1)]
    reader.check_together(flows)
    if reader.problems:
        raise FlowsError(reader.problems)
    outside = _outside(flows, interfaces)
    return Policy(tuple(flows), tuple(sorted(outside)))


class _Reader:
    """Turns declared values into checked ones and collects what is wrong with them."""

    def __init__(self, interfaces: Mapping[str, Sequence[str]]) -> None:
        self.problems: list[Problem] = []
        self._interfaces = interfaces
        self._members: dict[str, list[Peer]] = {}
        self._names: set[str] = set()
        for name, members in interfaces.items():
            where = f"interfaces.{name}"
            if name == "any" or _network(name) is not None:
                self._report(where, f"{name!r} means something else in a flow", "Give the interface set another name")
            self._members[name] = []
            if not (isinstance(members, list) and members and all(isinstance(member, str) for member in members)):
                self._report(where, "not a list of interface names", "Write it as in wan: [eth0]")
                continue
            self._members[name] = [Peer(interface=member) for member in members]
            for member in members:
                if not INTERFACE.fullmatch(member):
                    remedy = "Names have at most 15 characters and no wildcard"
                    self._report(where, f"{member!r} is no name of an interface", remedy)

    def _report(self, flow: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(flow, message, remedy))

    def flow(self, number: int, declared: Mapping[str, Any]) -> Flow:
        given = {key: value for key, value in declared.items() if value is not None}
        name = str(given.get("name", f"flow-{number}"))
        if not _FLOW_NAME.fullmatch(name):
            remedy = "Use 1 to 64 letters, digits and the characters . _ -"
            self._report(f"flow {number}", f"{name!r} is no name for a flow", remedy)
        if name in self._names:
            self._report(name, f"flow {number} has the name of an earlier one", "Give every flow a name of its own")
        self._names.add(name)
        action = given.get("action")
        if action not in ACTIONS:
            self._report(name, f"the action {action!r} is unknown", f"Use one of {', '.join(ACTIONS)}")
            return Flow(name, "accept")
        self._check_options(name, action, given)
        flow = Flow(
            name=name,
            action=action,
            sources=self._peers(name, "source", given),
            destinations=self._peers(name, "destination", given),
            ports=self._ports(name, given.get("ports", [25])),
            targets=self._targets(name, given.get("targets", [])),
            public_address=self._ipv4(name, "public_address", given.get("public_address")),
            egress_address=self._ipv4(name, "egress_address", given.get("egress_address")),
            hairpin=self._hairpin(name, action, given),
            translate_source=bool(given.get("translate_source", False)),
            limits=self._limits(name, given.get("limits") or {}),
            log=bool(given.get("log", False)),
        )
        self._check_families(flow)
        return flow

    def _check_options(self, name: str, action: str, given: Mapping[str, Any]) -> None:
        """Each action has options of its own; one that means nothing is refused, not ignored."""
        for option in _REQUIRED.get(action, ()):
            if not given.get(option):
                self._report(name, f"{action} needs '{option}'", f"Add {option}")
        for option, allowed in _ACTIONS_OF.items():
            if action not in allowed and given.get(option):
                remedy = f"It belongs to {', '.join(allowed)}: leave it out here"
                self._report(name, f"{option!r} means nothing with the action {action}", remedy)

    def _check_families(self, flow: Flow) -> None:
        if not list(flow.pairs()):
            message = "source and destination have no address family in common"
            self._report(flow.name, message, "Name IPv4 with IPv4 and IPv6 with IPv6")
        if flow.action in ("forward", "snat"):
            for peer in (*flow.sources, *flow.destinations):
                if peer.family == 6:
                    remedy = "Leave it out: IPv6 is never translated; use accept for it"
                    self._report(flow.name, f"{peer} is IPv6, which {flow.action} does not touch", remedy)
        for target in flow.targets:
            if target.address == flow.public_address:
                message = f"the target {target.address} is the public address itself"
                self._report(flow.name, message, "Name the address of the server behind this host")

    def _peers(self, name: str, option: str, given: Mapping[str, Any]) -> tuple[Peer, ...]:
        if option not in given:
            return (ANYBODY,)
        declared = given[option]
        values = [declared] if isinstance(declared, str) else declared
        if not values:
            self._report(name, f"'{option}' is an empty list", "Write any, or leave it out, if anybody is meant")
            return (ANYBODY,)
        found = [peer for value in values for peer in self._peer(name, option, str(value))]
        return tuple(dict.fromkeys(found)) or (ANYBODY,)

    def _peer(self, name: str, option: str, value: str) -> list[Peer]:
        if value == "any":
            return [ANYBODY]
        if value in self._members:
            return self._members[value]
        network = _network(value)
        if network is not None:
            return [Peer(network=network if network.prefixlen else None, family=network.version)]
        address, slash, length = value.partition("/")
        if slash and _network(address) is not None and length.isdigit():
            loose = _network(value, strict=False)
            remedy = f"Write {loose} for the network" if loose else "Correct the prefix length"
            self._report(name, f"{option} {value!r} is no network", remedy)
            return []
        sets = ", ".join(sorted(self._interfaces)) or "none"
        close = difflib.get_close_matches(value, self._interfaces, 1)
        remedy = f"Did you mean {close[0]}?" if close else "Name an interface set, an address, a network or any"
        message = f"{option} {value!r} is no interface set (there are: {sets}), no address and no network"
        self._report(name, message, remedy)
        return []

    def _ports(self, name: str, declared: Any) -> tuple[int, ...]:
        values = declared if isinstance(declared, (list, tuple)) else [declared]
        wrong = [value for value in values if not (str(value).isdigit() and 1 <= int(value) <= 65535)]
        if wrong or not values:
            what = f"{wrong[0]!r} is no TCP port" if wrong else "'ports' is an empty list"
            self._report(name, what, "Write numbers from 1 to 65535, as in ports: [25]")
            return (25,)
        return tuple(dict.fromkeys(int(value) for value in values))

    def _targets(self, name: str, declared: Sequence[Mapping[str, Any]]) -> tuple[Target, ...]:
        targets: list[Target] = []
        for target in declared:
            address = self._ipv4(name, "target", target.get("address"))
            if not target.get("address"):
                self._report(name, "a target has no address", "Write the IPv4 address of the server behind this host")
            weight = int(1 if target.get("weight") is None else target["weight"])
            if not 1 <= weight <= 1000:
                self._report(name, f"the weight {weight} of target {address} is out of range", "Use 1 to 1000")
                weight = 1
            if address in [other.address for other in targets]:
                self._report(name, f"the target {address} is named twice", "Name it once, with a weight")
            targets.append(Target(address, weight))
        return tuple(targets)

    def _ipv4(self, name: str, option: str, value: Any) -> str:
        if not value:
            return ""
        network = _network(str(value))
        if network is None or "/" in str(value):
            self._report(name, f"{option} {value!r} is no address", "Write an IPv4 address")
            return ""
        if network.version == 6:
            remedy = "IPv6 is never translated: publish the server's own address and let it through with accept"
            self._report(name, f"{option} {value} is IPv6", remedy)
            return ""
        # It has one spelling only.
        text = str(value)
        first = int(text.partition(".")[0])
        if first in (0, 127) or first >= 224:
            self._report(name, f"{option} {text} is no address of a host on a network", "Name the host's own address")
        return text

    def _hairpin(self, name: str, action: str, given: Mapping[str, Any]) -> bool:
        """Inside clients are known by not coming from outside, so something must say which interfaces are outside."""
        if action != "forward":
            return False
        sources = [given["source"]] if isinstance(given.get("source"), str) else given.get("source") or []
        known = OUTSIDE in self._interfaces or any(source in self._interfaces for source in sources)
        wanted = given.get("hairpin")
        if wanted and not known:
            remedy = f"Name the outer interface set in 'source', or call it {OUTSIDE}"
            self._report(name, "hairpin needs to know which interfaces lead outside", remedy)
        return known if wanted is None else bool(wanted)

    def _limits(self, name: str, declared: Mapping[str, Any]) -> Limits:
        rate, connections = declared.get("rate") or "", declared.get("connections") or 0
        if rate and not _RATE.fullmatch(str(rate)):
            self._report(name, f"the rate {rate!r} is not understood", "Write it as 10/second, minute, hour or day")
        if not 0 <= int(connections) <= 1000000:
            self._report(name, f"{connections} connections is out of range", "Use 1 to 1000000")
        return Limits(str(rate), int(connections))

    def check_together(self, flows: Sequence[Flow]) -> None:
        forwards: dict[tuple[str, int], list[Flow]] = {}
        for flow in flows:
            if flow.action == "forward" and flow.public_address:
                for port in flow.ports:
                    self._check_reachable(flow, port, forwards.setdefault((flow.public_address, port), []))
                    forwards[flow.public_address, port].append(flow)
        public = {address: found[0].name for (address, _port), found in forwards.items()}
        for flow in flows:
            for peer in flow.destinations:
                if flow.action in ("accept", "drop", "reject") and str(peer) in public:
                    message = f"the destination {peer} is the public address that {public[str(peer)]} forwards"
                    self._report(flow.name, message, "Name the address of the server behind it, or 'source' there")

    def _check_reachable(self, flow: Flow, port: int, earlier: Sequence[Flow]) -> None:
        """An earlier forward that takes all that comes from one source leaves nothing for this one."""
        for other in earlier:
            for source in flow.sources:
                if any(taken.covers(source) for taken in other.sources):
                    message = f"{other.name} forwards {flow.public_address} port {port} already"
                    remedy = "Give one of them another public address, port or source, or put the narrower one first"
                    self._report(flow.name, message, remedy)
                    return


@lru_cache(maxsize=_ADDRESSES)
def _network(value: str, strict: bool = True) -> Network | None:
    if "%" in value:
        # An address of one link, which is never routed.
        return None
    try:
        # What most are. inet_pton(3) takes the same spellings as ipaddress, in a third of the time.
        return ipaddress.IPv4Network(socket.inet_pton(socket.AF_INET, value))
    except (OSError, ValueError):
        pass
    try:
        return ipaddress.ip_network(value, strict=strict)
    except ValueError:
        return None


def _outside(flows: Iterable[Flow], interfaces: Mapping[str, Sequence[str]]) -> set[str]:
    """The interfaces that forwards take from, and those of the set ``wan``: who comes from another one is inside."""
    forwards = [flow for flow in flows if flow.action == "forward"]
    named = {source.interface for flow in forwards for source in flow.sources if source.interface}
    return named | set(interfaces.get(OUTSIDE) or ())
