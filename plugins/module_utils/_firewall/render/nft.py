# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as a table of nftables.

What a packet costs does not grow with the number of flows: every decision is a lookup in a set or map, and how many
lookups there are depends on how flows disagree (see first_match), not on how many there are.

The filter is stateless on purpose: on a host that only routes it would otherwise switch connection tracking on for
all traffic. Limits and address translation need it, and only flows that ask for those have it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANY_HOST, host_peer
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render import bindings
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.first_match import Entry, ranked
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.interleaved import interleaved
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.shapes import ADDRESS, Shape, shape_of
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import Chain, Set, Table, checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow, FlowList

PREFIX = "inbound_mail_"

# Before other tables' translations: the first one that translates a connection wins. A general masquerade would
# otherwise send mail out from another address than the MX's, or hide the sender of mail that comes in.
_BEFORE = -5
# The kernel takes no translation before -199, and asks all of them where it would ask one at srcnat. What is declared
# hidden stays so: bindings come after the translations of all of our tables.
_TRANSLATED, _BOUND = -199, -198
# After other tables' filters: limits and log then count what really gets through. For drop and accept it is the same
# anywhere, as every base chain has to let a packet pass.
_AFTER = 5
_DSTNAT, _FILTER = -100, 0

_ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
_FIRST_PACKET = "tcp flags & (syn | ack) == syn"
_LATER_PACKET = "tcp flags & (syn | ack) != syn"
# First fragments of IPv6 that have no ports to look at, as their headers go on in the next one, could be reassembled
# behind a drop. A firewall may discard them (RFC 7112, section 5); connection tracking lets them pass. A rule that
# looks at what is not there does not match: those reach the end. Others are complete, or of another protocol.
_FRAGMENTS = ("meta l4proto != tcp accept", "tcp dport >= 0 accept", "drop")
# Clients that a limit counts at one time.
_CLIENTS = 65535
# Of the checksum in a name.
_DIGITS = 6
# Translates the source to what it is: see bindings.
_KEEP = {family: f"snat {address} to {address} saddr" for family, address in ADDRESS.items()}
_LOGGED = "limit rate 10/second burst 20 packets"


def table_name(name: str) -> str:
    return f"{PREFIX}{name}"


def render(name: str, flows: FlowList, translated: Iterable[int] = ()) -> Table:
    """The table ``inbound_mail_NAME`` for the flows; translated: IP versions in which others translate addresses."""
    return _Renderer(table_name(name), flows, translated).table()


class _Renderer:
    def __init__(self, name: str, flows: FlowList, translated: Iterable[int]) -> None:
        self._name = name
        self._translated = set(translated)
        self._flow_list = flows
        self._flows = flows.flows
        self._outside = flows.outside
        self._inside = flows.inside
        self._sets: list[Set] = []
        self._chains: list[Chain] = []

    def table(self) -> Table:
        self._translate_destinations()
        self._translate_sources()
        self._bind_sources()
        self._filter()
        return Table(self._name, tuple(self._sets), tuple(self._chains))

    # What is translated

    def _translate_destinations(self) -> None:
        forwards = [flow for flow in self._flows if flow.action == "forward"]
        targets = {flow.name: self._target(flow) for flow in forwards}
        entries = [
            Entry(source, host_peer(flow.public_address), 4, port, targets[flow.name])
            for flow in forwards
            for source in flow.sources
            for port in flow.ports
        ]
        rules = self._lookups("forward", entries, "dnat ip to")
        hairpins = [
            Entry(ANY_HOST, host_peer(flow.public_address), 4, port, targets[flow.name])
            for flow in forwards
            if flow.hairpin
            for port in flow.ports
        ]
        # The host's own mail to the public address takes the same way as that of inside clients.
        inside = self._lookups("hairpin", hairpins, "dnat ip to")
        rules += [f"{self._from_inside()} {rule}" for rule in inside]
        if rules:
            self._add_base_chain("prerouting", "nat", _DSTNAT + _BEFORE, rules)
        if inside:
            self._add_base_chain("output", "nat", _DSTNAT + _BEFORE, inside)

    def _target(self, flow: Flow) -> str:
        return flow.targets[0].address if len(flow.targets) == 1 else f"goto {self._add_balancing_chain(flow)}"

    def _add_balancing_chain(self, flow: Flow) -> str:
        """Connections in turn, so that a client that tries again after a failure comes to another server."""
        turns = interleaved([target.weight for target in flow.targets])
        shares, start = [], 0
        for index, run in groupby(turns):
            end = start + len([*run]) - 1
            shares.append(f"{start if start == end else f'{start}-{end}'} : {flow.targets[index].address}")
            start = end + 1
        rule = f"dnat ip to numgen inc mod {start} map {{ {', '.join(shares)} }}"
        # Packets look into the map of a rule, too.
        name = f"{_flow_chain('balance', flow)}_{checksum(rule)[:_DIGITS]}"
        self._chains.append(Chain(name, (rule,)))
        return name

    def _translate_sources(self) -> None:
        rules = []
        hairpins = [flow for flow in self._flows if flow.hairpin]
        if hairpins:
            rules.append(f"{self._from_inside()} {self._masquerade('hairpin_clients', hairpins)}")
        hiding = [flow for flow in self._flows if flow.translate_source]
        if hiding:
            rules.append(self._masquerade("hidden_clients", hiding))
        entries = [
            Entry(source, destination, 4, port, flow.egress_address)
            for flow in self._flows
            if flow.action == "snat"
            for source, destination, _family in flow.pairs()
            for port in flow.ports
        ]
        rules += self._lookups("egress", entries, "snat ip to")
        if rules:
            self._add_base_chain("translation", "nat", _TRANSLATED, rules, hook="postrouting")

    def _bind_sources(self) -> None:
        """Sources that others must not translate: see bindings."""
        rules = []
        shown = [flow for flow in self._flows if flow.action == "forward" and not flow.translate_source]
        if shown:
            # Inside clients have been translated, or come to the server by the rules of others.
            outside = f"iifname @{self._outside_set()}" if self._outside else f"ip saddr != {_private(4)}"
            rules.append(f"{outside} {self._forwarded('forwarded', shown)} {_KEEP[4]}")
        # Without any translation there is nothing to hide a source, and no connection tracking to switch on for that.
        own = {4} if any(flow.action in ("forward", "snat") for flow in self._flows) else set()
        families = sorted(self._translated | own)
        passing = bindings.passing(self._flow_list, families)
        ports = sorted({str(entry.port) for entry in passing})
        if ports:
            name = self._add_set(Set(f"{PREFIX}bound_ports", ("inet_service",), elements=tuple(ports)))
            rules.append(f"tcp dport @{name} goto {PREFIX}bound")
            self._add_bound_chains(passing)
        if rules:
            self._add_base_chain("binding", "nat", _BOUND, rules, hook="postrouting")

    def _add_bound_chains(self, passing: Sequence[Entry]) -> None:
        """An interface that has no name may lead anywhere: what goes there is taken for mail that leaves."""
        from_outside = [f"iifname @{self._outside_set()} goto {PREFIX}passing"] if self._outside else []
        # A forward of others and their translation of clients that are inside, too, belong together.
        others = "ct status dnat accept"
        to_inside = (
            [f"oifname @{self._interfaces('inside', self._inside)} goto {PREFIX}passing"] if self._inside else []
        )
        # Where nothing says which way is out, a public address is taken for one of a sender outside.
        families = [] if self._outside else sorted({entry.family for entry in passing})
        public = [f"{ADDRESS[family]} saddr != {_private(family)} goto {PREFIX}passing" for family in families]
        self._chains += [
            Chain(f"{PREFIX}bound", (*from_outside, others, *to_inside, *public)),
            Chain(f"{PREFIX}passing", tuple(self._memberships("passing", passing))),
        ]

    def _masquerade(self, name: str, flows: Iterable[Flow]) -> str:
        return f"{self._forwarded(name, flows)} masquerade"

    def _forwarded(self, name: str, flows: Iterable[Flow]) -> str:
        elements = {f"{flow.public_address} . {port}" for flow in flows for port in flow.ports}
        added = self._add_set(Set(PREFIX + name, ("ipv4_addr", "inet_service"), elements=tuple(elements)))
        return f"ct status dnat ct original ip daddr . tcp dport @{added}"

    def _from_inside(self) -> str:
        return f"iifname != @{self._outside_set()}"

    def _outside_set(self) -> str:
        return self._interfaces("outside", self._outside)

    def _interfaces(self, name: str, interfaces: Iterable[str]) -> str:
        elements = tuple(f'"{interface}"' for interface in interfaces)
        return self._add_set(Set(f"{PREFIX}{name}", ("ifname",), elements=elements))

    # What gets through

    def _filter(self) -> None:
        entries: list[Entry] = []
        for flow in self._flows:
            if flow.action == "snat":
                continue
            verdict = self._verdict(flow)
            for port in flow.ports:
                if flow.action == "forward":
                    targets = tuple(host_peer(target.address) for target in flow.targets)
                    public = host_peer(flow.public_address)
                    entries.append(Entry(ANY_HOST, public, 4, port, verdict, translated_to=targets))
                else:
                    entries += [
                        Entry(source, destination, family, port, verdict)
                        for source, destination, family in flow.pairs()
                    ]
        while entries and entries[-1].result == "accept":
            # Where nothing comes after it, it would pass anyway.
            entries.pop()
        if not entries:
            return
        ports = {str(entry.port) for entry in entries}
        name = self._add_set(Set(f"{PREFIX}ports", ("inet_service",), elements=tuple(ports)))
        chain = f"{PREFIX}flows"
        rules = [f"tcp dport @{name} goto {chain}"]
        if any(entry.family in (0, 6) and entry.result != "accept" for entry in entries):
            rules.append(f"frag frag-off 0 goto {PREFIX}fragments")
            self._chains.append(Chain(f"{PREFIX}fragments", _FRAGMENTS))
        self._add_base_chain("forward", "filter", _FILTER + _AFTER, rules)
        # A packet between two mail ports may be the answer to a client that sends from one; only its first packet
        # tells which end the client is.
        answers = f"tcp sport @{name} {_LATER_PACKET} accept"
        self._chains.append(Chain(chain, (answers, *self._lookups("filter", entries, ""))))

    def _verdict(self, flow: Flow) -> str:
        """The verdict itself, or the chain that says more than a verdict can."""
        verdict = {"drop": "drop", "reject": "reject with tcp reset"}.get(flow.action, "accept")
        limited = bool(flow.limits.rate or flow.limits.connections)
        if verdict in ("accept", "drop") and not limited and not flow.log:
            return verdict
        if not limited and not flow.log:
            name = f"{PREFIX}reject"
            if name not in [chain.name for chain in self._chains]:
                self._chains.append(Chain(name, (verdict,)))
            return f"goto {name}"
        rules = []
        if limited:
            # A connection is judged once, when it begins; a first packet that is sent again belongs to one that was.
            rules += [f"{_LATER_PACKET} accept", "ct status confirmed accept", *self._limit_rules(flow)]
        if flow.log:
            rules.append(f'{_FIRST_PACKET} {_LOGGED} log prefix "{self._name} {flow.name} {flow.action}: "')
        name = _flow_chain("flow", flow)
        self._chains.append(Chain(name, (*rules, verdict)))
        return f"goto {name}"

    def _limit_rules(self, flow: Flow) -> Iterable[str]:
        """A client over its limit gets no answer: a flood is cheapest that way, and a mail server tries again."""
        for family in sorted(flow.families):
            client = f"{ADDRESS[family]} saddr"
            if flow.limits.connections:
                name = _flow_chain(f"connections{family}", flow)
                dynamic = f"size {_CLIENTS}; flags dynamic"
                self._sets.append(Set(name, (_ADDRESS_TYPE[family],), dynamic=dynamic))
                yield f"add @{name} {{ {client} ct count over {flow.limits.connections} }} drop"
            if flow.limits.rate:
                name = _flow_chain(f"rate{family}", flow)
                burst = flow.limits.rate.partition("/")[0]
                dynamic = f"size {_CLIENTS}; flags dynamic,timeout; timeout 1d"
                self._sets.append(Set(name, (_ADDRESS_TYPE[family],), dynamic=dynamic))
                yield f"update @{name} {{ {client} limit rate over {flow.limits.rate} burst {burst} packets }} drop"

    # How it is looked up

    def _add_base_chain(self, name: str, chain_type: str, priority: int, rules: Sequence[str], hook: str = "") -> None:
        """hook: where it is not the name."""
        self._chains.append(Chain(f"{PREFIX}{name}", tuple(rules), chain_type, hook or name, priority))

    def _lookups(self, purpose: str, entries: Sequence[Entry], statement: str) -> list[str]:
        """The rules that look the entries up, and the sets and maps they do it in.

        ``statement`` is what is done with the address that a map gives (``snat ip to``); verdicts need none.
        """
        rules = []
        for rank, members in enumerate(ranked(entries), 1):
            shapes: dict[Shape, list[Entry]] = {}
            for entry in members:
                shapes.setdefault(shape_of(entry, bool(statement)), []).append(entry)
            for shape in sorted(shapes, key=lambda one: one.name):
                rules += self._lookup(f"{PREFIX}{purpose}{rank}_{shape.name}", shape, shapes[shape], statement)
        return rules

    def _memberships(self, purpose: str, entries: Sequence[Entry]) -> list[str]:
        """The rules that keep the source of what is among the entries, and the sets that those are in."""
        rules = []
        shapes: dict[Shape, list[Entry]] = {}
        for entry in entries:
            shapes.setdefault(shape_of(entry, translation=True), []).append(entry)
        for shape in sorted(shapes, key=lambda one: one.name):
            members, keep = shapes[shape], _KEEP[shape.family]
            if shape.networks == 2:
                rules += [shape.rule(entry, keep) for entry in dict.fromkeys(members)]
                continue
            elements = {key for key, _result in shape.elements(members)}
            types, fields = zip(*shape.fields())
            name = f"{PREFIX}{purpose}_{shape.name}"
            added = self._add_set(Set(name, types, "", bool(shape.networks), tuple(elements)))
            rules.append(f"{shape.condition}{' . '.join(fields)} @{added} {keep}")
        return rules

    def _lookup(self, name: str, shape: Shape, entries: Iterable[Entry], statement: str) -> list[str]:
        if shape.networks == 2:
            # Rectangles that overlap do not fit into one set; such flows are few.
            return [shape.rule(entry, statement) for entry in entries]
        elements = {f"{key} : {result}" for key, result in shape.elements(entries)}
        value_type = "verdict" if shape.verdict else "ipv4_addr"
        types, fields = zip(*shape.fields())
        added = self._add_set(Set(name, types, value_type, bool(shape.networks), tuple(elements)))
        key = " . ".join(fields)
        if shape.verdict:
            return [f"{shape.condition}{key} vmap @{added}"]
        return [f"{shape.condition}{statement} {key} map @{added}"]

    def _add_set(self, one: Set) -> str:
        """Returns its name, which tells what is in it: see ruleset.replacement."""
        name = f"{one.name}_{checksum(chr(10).join(one.lines()))[:_DIGITS]}"
        if name not in [other.name for other in self._sets]:
            self._sets.append(replace(one, name=name))
        return name


def _private(family: int) -> str:
    return f"{{ {', '.join(bindings.PRIVATE[family])} }}"


def _flow_chain(what: str, flow: Flow) -> str:
    return f"{PREFIX}{what}_{flow.name}"
