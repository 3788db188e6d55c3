# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as the administrator declares them: read, checked, and made one form of."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, TypedDict, cast

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import (
    ANY_HOST,
    Flow,
    FlowList,
    Limits,
    Peer,
    Target,
    parse_network,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.option_values import ACTIONS, INTERFACE, OUTSIDE
from ansible_collections.inbound.mail.plugins.module_utils._limits import is_tcp_port
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FLOW_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RATE = re.compile(r"([1-9][0-9]{0,6})/(second|minute|hour|day)")


class DeclaredTarget(TypedDict, total=False):
    """An entry of the option ``targets``."""

    address: str | None
    weight: int | None


class DeclaredLimits(TypedDict, total=False):
    """The option ``limits`` of a flow."""

    rate: str | None
    connections: int | None


class DeclaredFlow(TypedDict, total=False):
    """An entry of the option ``flows``; what is not given is None or missing."""

    name: str | None
    action: str | None
    source: list[str] | str | None
    destination: list[str] | str | None
    ports: list[int] | None
    public_address: str | None
    targets: list[DeclaredTarget] | None
    hairpin: bool | None
    translate_source: bool | None
    egress_address: str | None
    limits: DeclaredLimits | None
    log: bool | None


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


def read_flows(declared: Sequence[DeclaredFlow], interfaces: Mapping[str, Sequence[str]]) -> FlowList:
    """Read the module's options ``flows`` and ``interfaces``; raises InvalidError with all that is wrong."""
    reader = _FlowReader(interfaces)
    flows = [reader.flow(number, flow) for number, flow in enumerate(declared, 1)]
    reader.check_together(flows)
    reader.problems.finish()
    outside = _outside(flows, interfaces)
    inside = {member for members in interfaces.values() for member in members} - outside
    return FlowList(tuple(flows), tuple(sorted(outside)), tuple(sorted(inside)))


class _FlowReader:
    """Turns declared values into checked ones and collects what is wrong with them."""

    def __init__(self, interfaces: Mapping[str, Sequence[str]]) -> None:
        self.problems = Problems()
        self._interfaces = interfaces
        self._members: dict[str, list[Peer]] = {}
        self._names: set[str] = set()
        for name, members in interfaces.items():
            where = f"interfaces.{name}"
            if name == "any" or parse_network(name) is not None:
                self.problems.report(
                    where, f"{name!r} means something else in a flow", "Give the interface set another name"
                )
            self._members[name] = []
            if not (isinstance(members, list) and members and all(isinstance(member, str) for member in members)):
                self.problems.report(where, "not a list of interface names", "Write it as in wan: [eth0]")
                continue
            self._members[name] = [Peer(interface=member) for member in members]
            for member in members:
                if not INTERFACE.fullmatch(member):
                    remedy = "Names have at most 15 characters and no wildcard"
                    self.problems.report(where, f"{member!r} is not an interface name", remedy)

    def flow(self, number: int, declared: DeclaredFlow) -> Flow:
        given = cast("DeclaredFlow", {key: value for key, value in declared.items() if value is not None})
        name = str(given.get("name", f"flow-{number}"))
        if not _FLOW_NAME.fullmatch(name):
            remedy = "Use 1 to 64 letters, digits and the characters . _ -"
            self.problems.report(f"flow {number}", f"{name!r} is not a flow name", remedy)
        if name in self._names:
            self.problems.report(
                name, f"flow {number} has the name of an earlier one", "Give every flow a name of its own"
            )
        self._names.add(name)
        action = given.get("action")
        if action not in ACTIONS:
            self.problems.report(name, f"the action {action!r} is unknown", f"Use one of {', '.join(ACTIONS)}")
            return Flow(name, "accept")
        self._check_options(name, action, given)
        flow = Flow(
            name=name,
            action=action,
            sources=self._peers(name, "source", given.get("source")),
            destinations=self._peers(name, "destination", given.get("destination")),
            ports=self._ports(name, [25] if given.get("ports") is None else given["ports"] or []),
            targets=self._targets(name, given.get("targets") or []),
            public_address=self._ipv4(name, "public_address", given.get("public_address")),
            egress_address=self._ipv4(name, "egress_address", given.get("egress_address")),
            hairpin=self._hairpin(name, action, given),
            translate_source=bool(given.get("translate_source", False)),
            limits=self._limits(name, given.get("limits") or {}),
            log=bool(given.get("log", False)),
        )
        self._check_families(flow)
        return flow

    def _check_options(self, name: str, action: str, given: DeclaredFlow) -> None:
        """Each action has options of its own; one that means nothing is refused, not ignored."""
        for option in _REQUIRED.get(action, ()):
            if not given.get(option):
                self.problems.report(name, f"{action} needs '{option}'", f"Add {option}")
        for option, allowed in _ACTIONS_OF.items():
            if action not in allowed and given.get(option):
                remedy = f"It belongs to {', '.join(allowed)}: leave it out here"
                self.problems.report(name, f"{option!r} has no effect with the action {action}", remedy)

    def _check_families(self, flow: Flow) -> None:
        if not list(flow.pairs()):
            message = "source and destination have no address family in common"
            self.problems.report(flow.name, message, "Name IPv4 with IPv4 and IPv6 with IPv6")
        if flow.action in ("forward", "snat"):
            for peer in (*flow.sources, *flow.destinations):
                if peer.family == 6:
                    remedy = "Leave it out: IPv6 is never translated; use accept for it"
                    self.problems.report(flow.name, f"{peer} is IPv6, which {flow.action} does not touch", remedy)
        for target in flow.targets:
            if target.address == flow.public_address:
                message = f"the target {target.address} is the public address itself"
                self.problems.report(flow.name, message, "Name the address of the server behind this host")

    def _peers(self, name: str, option: str, declared: list[str] | str | None) -> tuple[Peer, ...]:
        if declared is None:
            return (ANY_HOST,)
        values = [declared] if isinstance(declared, str) else declared
        if not values:
            self.problems.report(
                name, f"'{option}' is an empty list", "Write any, or leave it out, if any host is meant"
            )
            return (ANY_HOST,)
        found = [peer for value in values for peer in self._peer(name, option, str(value))]
        return tuple(dict.fromkeys(found)) or (ANY_HOST,)

    def _peer(self, name: str, option: str, value: str) -> list[Peer]:
        if value == "any":
            return [ANY_HOST]
        if value in self._members:
            return self._members[value]
        network = parse_network(value)
        if network is not None:
            return [Peer(network=network if network.prefixlen else None, family=network.version)]
        address, slash, length = value.partition("/")
        if slash and parse_network(address) is not None and length.isdigit():
            loose = parse_network(value, strict=False)
            remedy = f"Write {loose} for the network" if loose else "Correct the prefix length"
            self.problems.report(name, f"{option} {value!r} is not a network", remedy)
            return []
        sets = ", ".join(sorted(self._interfaces)) or "none"
        close = difflib.get_close_matches(value, self._interfaces, 1)
        remedy = f"Did you mean {close[0]}?" if close else "Name an interface set, an address, a network or any"
        message = f"{option} {value!r} is neither an interface set (there are: {sets}) nor an address nor a network"
        self.problems.report(name, message, remedy)
        return []

    def _ports(self, name: str, declared: Sequence[int]) -> tuple[int, ...]:
        wrong = [value for value in declared if not is_tcp_port(value)]
        if wrong or not declared:
            what = f"{wrong[0]!r} is not a TCP port" if wrong else "'ports' is an empty list"
            self.problems.report(name, what, "Write numbers from 1 to 65535, as in ports: [25]")
            return (25,)
        return tuple(dict.fromkeys(declared))

    def _targets(self, name: str, declared: Sequence[DeclaredTarget]) -> tuple[Target, ...]:
        targets: list[Target] = []
        for target in declared:
            address = self._ipv4(name, "target", target.get("address"))
            if not target.get("address"):
                self.problems.report(
                    name, "a target has no address", "Write the IPv4 address of the server behind this host"
                )
            declared_weight = target.get("weight")
            weight = 1 if declared_weight is None else declared_weight
            if not 1 <= weight <= 1000:
                self.problems.report(name, f"the weight {weight} of target {address} is out of range", "Use 1 to 1000")
                weight = 1
            if address in [other.address for other in targets]:
                self.problems.report(name, f"the target {address} is named twice", "Name it once, with a weight")
            targets.append(Target(address, weight))
        return tuple(targets)

    def _ipv4(self, name: str, option: str, value: str | None) -> str:
        if not value:
            return ""
        network = parse_network(str(value))
        if network is None or "/" in str(value):
            self.problems.report(name, f"{option} {value!r} is not an address", "Write an IPv4 address")
            return ""
        if network.version == 6:
            remedy = "IPv6 is never translated: publish the server's own address and let it through with accept"
            self.problems.report(name, f"{option} {value} is IPv6", remedy)
            return ""
        # It has one spelling only.
        text = str(value)
        first = int(text.partition(".")[0])
        if first in (0, 127) or first >= 224:
            self.problems.report(
                name, f"{option} {text} is not an address of a host on a network", "Name the host's own address"
            )
        return text

    def _hairpin(self, name: str, action: str, given: DeclaredFlow) -> bool:
        """Inside clients are known by not coming from outside, so something must say which interfaces are outside."""
        if action != "forward":
            return False
        sources = [given["source"]] if isinstance(given.get("source"), str) else given.get("source") or []
        known = OUTSIDE in self._interfaces or any(source in self._interfaces for source in sources)
        wanted = given.get("hairpin")
        if wanted and not known:
            remedy = f"Name the outer interface set in 'source', or call it {OUTSIDE}"
            self.problems.report(name, "hairpin needs to know which interfaces lead outside", remedy)
        return known if wanted is None else bool(wanted)

    def _limits(self, name: str, declared: DeclaredLimits) -> Limits:
        rate, connections = declared.get("rate") or "", declared.get("connections") or 0
        if rate and not _RATE.fullmatch(str(rate)):
            self.problems.report(
                name, f"the rate {rate!r} is not understood", "Write it as 10/second, minute, hour or day"
            )
        if not 0 <= int(connections) <= 1000000:
            self.problems.report(name, f"{connections} connections is out of range", "Use 1 to 1000000")
        return Limits(str(rate), int(connections))

    def check_together(self, flows: Sequence[Flow]) -> None:
        forwards: dict[tuple[str, int], list[Flow]] = {}
        for flow in flows:
            if flow.action == "forward" and flow.public_address:
                for port in flow.ports:
                    self._check_reachable(flow, port, forwards.setdefault((flow.public_address, port), []))
                    forwards[flow.public_address, port].append(flow)
        self._check_translated_once([flow for flow in flows if flow.action == "snat"])
        public = {address: found[0].name for (address, _port), found in forwards.items()}
        for flow in flows:
            for peer in flow.destinations:
                if flow.action in ("accept", "drop", "reject") and str(peer) in public:
                    message = f"the destination {peer} is the public address that {public[str(peer)]} forwards"
                    self.problems.report(
                        flow.name, message, "Name the address of the server behind it, or 'source' there"
                    )

    def _check_reachable(self, flow: Flow, port: int, earlier: Sequence[Flow]) -> None:
        """An earlier forward that takes all that comes from one source leaves nothing for this one."""
        for other in earlier:
            for source in flow.sources:
                if any(taken.covers(source) for taken in other.sources):
                    message = f"{other.name} forwards {flow.public_address} port {port} already"
                    remedy = "Give one of them another public address, port or source, or put the narrower one first"
                    self.problems.report(flow.name, message, remedy)
                    return

    def _check_translated_once(self, flows: Iterable[Flow]) -> None:
        """The first rule that translates a source decides, so a later one for the same connections has no effect."""
        # By source where that is one address, as most are.
        taken: dict[tuple[str, int], list[tuple[Flow, Peer, Peer]]] = {}
        for flow in flows:
            found = []
            for source, destination, _family in flow.pairs():
                own = str(source) if source.kind == "host" else ""
                for port in flow.ports:
                    for other, its_source, its_destination in [*taken.get((own, port), ()), *taken.get(("", port), ())]:
                        if its_source.covers(source) and its_destination.covers(destination):
                            message = f"{other.name} translates {source} to port {port} already, and the first counts"
                            found.append((flow.name, message))
            for where, message in found[:1]:
                remedy = "Drop one of them, or put the narrower source or destination first"
                self.problems.report(where, message, remedy)
            for source, destination, _family in flow.pairs():
                for port in flow.ports:
                    own = str(source) if source.kind == "host" else ""
                    taken.setdefault((own, port), []).append((flow, source, destination))


def _outside(flows: Iterable[Flow], interfaces: Mapping[str, Sequence[str]]) -> set[str]:
    """The interfaces that forwards take from, and those of the set ``wan``: clients on any other one are inside."""
    forwards = [flow for flow in flows if flow.action == "forward"]
    named = {source.interface for flow in forwards for source in flow.sources if source.interface}
    return named | set(interfaces.get(OUTSIDE) or ())
