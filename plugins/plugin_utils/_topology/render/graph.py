# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hands mail to whom: hosts and ways between them, read from the plan alone, so that it says what will be done."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ....module_utils._firewall.option_values import OUTSIDE as WAN
from ..plan import Plan, PlannedFlow

OUTSIDE = "outside"


@dataclass
class Node:
    """A host, a device, or the outside. column: how many are before it, seen from the outside."""

    name: str
    lines: list[str]
    column: int


@dataclass
class Way:
    """From one node to another on port 25, with what to write at it. both: mail goes back the same way."""

    source: str
    target: str
    labels: list[str] = field(default_factory=list)
    is_open: bool = True
    both: bool = False


class Network(NamedTuple):
    nodes: list[Node]
    ways: list[Way]


def network(plan: Plan) -> Network:
    """The nodes in the order of their columns, and the ways, open ones first."""
    return _Reader(plan).network()


class _Reader:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._nodes: dict[str, Node] = {}
        self._ways: dict[tuple[str, str, bool], Way] = {}
        self._hops = {
            relay: {hop["address"]: hop["host"] for domain in held["domains"] for hop in domain["next_hops"]}
            for relay, held in plan["relay"].items()
        }
        # Hosts that send to the outside themselves are before the relays' servers; a backup hands mail to such.
        facing_outside = {entry["source"] for entry in plan["expect"]["egress"] if entry["open"]}
        self._behind = {host for hops in self._hops.values() for host in hops.values()} - facing_outside
        self._mail_hosts = {address for relay in plan["relay"].values() for address in relay["relay_from"]} | {
            hop["address"] for server in plan["server"].values() for hop in server["smarthosts"]
        }
        self._preferences, self._addresses = self._records()

    def network(self) -> Network:
        self._node(OUTSIDE, [], 0)
        fronts = {name: relay["fqdn"] for name, relay in self._plan["relay"].items()}
        fronts |= {name: server["fqdn"] for name, server in self._plan["server"].items()}
        for name, fqdn in fronts.items():
            if name not in self._behind:
                self._front_end(name, fqdn)
        for fqdn in sorted(self._preferences.keys() - set(fronts.values())):
            self._exchanger_of_others(fqdn)
        last = max(node.column for node in self._nodes.values())
        for relay, hops in self._hops.items():
            self._nodes[relay].column = last
            for address, host in hops.items():
                if host in self._behind:
                    self._behind_relay(relay, host, address, last + 1)
                else:
                    self._way(relay, host, "what it kept")
        facing_outside = fronts.keys() - self._behind
        for port in self._plan["expect"]["ports"]:
            host = port["host"]
            if not port["open"] and host in self._nodes:
                label = "shut to others" if host in facing_outside else "shut to the outside"
                self._way(OUTSIDE, host, label, is_open=False)
        nodes = sorted(self._nodes.values(), key=lambda node: node.column)
        return Network(nodes, sorted(self._ways.values(), key=lambda way: not way.is_open))

    def _records(self) -> tuple[dict[str, set[int]], dict[str, list[str]]]:
        """What outsiders see: exchanger -> preferences in all domains; name -> addresses."""
        preferences: dict[str, set[int]] = {}
        addresses: dict[str, list[str]] = {}
        for rrset in self._plan["expect"]["records"]:
            if rrset["view"] != "public":
                continue
            if rrset["type"] == "MX":
                for value in rrset["values"]:
                    preference, exchange = value.split(" ", 1)
                    if exchange != ".":  # a null MX
                        preferences.setdefault(exchange.rstrip("."), set()).add(int(preference))
            elif rrset["type"] in ("A", "AAAA"):
                addresses.setdefault(rrset["name"], []).extend(rrset["values"])
        return preferences, addresses

    def _front_end(self, name: str, fqdn: str) -> None:
        """From the outside to each public address of a host, through the devices that have a flow for it."""
        lines = [fqdn] if fqdn != name else []
        preferences = sorted(self._preferences.get(fqdn, ()))
        if preferences:
            lines.append(f"MX {', '.join(map(str, preferences))}")
        longest = 0
        for public in self._addresses.get(fqdn, []):
            devices, inner = self._devices_before(name, public)
            longest = max(longest, len(devices))
            before, label = OUTSIDE, public
            for column, device in enumerate(devices, start=1):
                self._node(device, [], column)
                self._way(before, device, label)
                before, label = device, inner
            self._way(before, name, label)
        self._node(name, lines, longest + 1)

    def _devices_before(self, host: str, public: str) -> tuple[list[str], str]:
        """The devices that let outsiders through to an address, first those that translate it; what it becomes."""
        inner = [public]
        found = []
        for device, flows in self._plan["flows"].items():
            for flow in flows:
                if flow["action"] == "forward" and flow["public_address"] == public:
                    inner = [target["address"] for target in flow["targets"]]
                    found.append(device)
        for device, flows in self._plan["flows"].items():
            if device not in (*found, host) and any(self._lets_in(flow, {public, *inner}) for flow in flows):
                found.append(device)
        return found, " or ".join(inner)

    def _lets_in(self, flow: PlannedFlow, reached: set[str]) -> bool:
        if flow["action"] != "accept" or not reached & set(flow["destination"]):
            return False
        return WAN in flow["source"] or _is_somewhere_else(flow["source"], self._mail_hosts)

    def _lets_relay_in(self, flow: PlannedFlow, server: str) -> bool:
        return (
            flow["action"] == "accept"
            and server in flow["destination"]
            and not self._mail_hosts.isdisjoint(flow["source"])
        )

    def _exchanger_of_others(self, fqdn: str) -> None:
        """Another operator's host in the MX: a backup, or a service that stands in front of ours."""
        preferences = sorted(self._preferences[fqdn])
        self._node(fqdn, [f"MX {', '.join(map(str, preferences))}", "not ours"], 1)
        self._way(OUTSIDE, fqdn, "")

    def _behind_relay(self, relay: str, server: str, address: str, column: int) -> None:
        fqdn = self._plan["server"][server]["fqdn"] if server in self._plan["server"] else server
        self._node(server, [fqdn] if fqdn != server else [], column)
        through = [
            device
            for device, flows in self._plan["flows"].items()
            if any(self._lets_relay_in(flow, address) for flow in flows)
        ]
        self._way(relay, server, f"through {' and '.join(through)}" if through else address)
        planned = self._plan["server"].get(server)
        sends_to = {hop.get("host") for hop in planned["smarthosts"]} if planned else set()
        self._ways[relay, server, True].both = relay in sends_to

    def _node(self, name: str, lines: list[str], column: int) -> None:
        node = self._nodes.setdefault(name, Node(name, lines, column))
        node.lines = node.lines or lines
        node.column = max(node.column, column)

    def _way(self, source: str, target: str, label: str, is_open: bool = True) -> None:
        way = self._ways.setdefault((source, target, is_open), Way(source, target, is_open=is_open))
        if label and label not in way.labels:
            way.labels.append(label)


def _is_somewhere_else(sources: Iterable[str], mail_hosts: set[str]) -> bool:
    """Whether sources of a flow are networks outside, and neither interface sets nor mail hosts of ours."""
    return not any(source in mail_hosts or not _is_network(source) for source in sources)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
