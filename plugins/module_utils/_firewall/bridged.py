# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that a bridge carries past every rule: the host sees the bridge, and no frame between its ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow, FlowList, Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.interfaces import Interfaces, Master


def bridge_problems(declared: FlowList, interfaces: Interfaces) -> list[Problem]:
    """What is declared of interfaces and hosts whose packets this host does not route."""
    masters = interfaces.masters()
    if not masters:
        return []
    peers = [peer for flow in declared.flows for peer in (*flow.sources, *flow.destinations)]
    used = {peer.interface for peer in peers if peer.interface}
    named = {*declared.outside, *declared.inside}
    problems = [_part_problem(name, masters, named) for name in sorted(used & masters.keys())]
    if not problems:
        bridges = {one.name for one in masters.values() if one.is_bridge}
        problems = _drop_problems(declared.flows, bridges, interfaces)
    return problems


def _part_problem(name: str, masters: Mapping[str, Master], named: Iterable[str]) -> Problem:
    """named: the interfaces of all sets."""
    master = masters[name]
    if not master.is_bridge:
        message = f"it is a part of {master.name}, which receives and sends all its packets"
        return Problem(f"interface {name}", message, f"Name {master.name} in 'interfaces'")
    others = sorted(other for other in named if other != name and other in masters and masters[other] == master)
    if others:
        return Problem(
            f"interface {name}",
            f"it is a port of the bridge {master.name}, as {' and '.join(others)} {'are' if others[1:] else 'is'}, and "
            "this host does not route what passes between them, so no rule applies to it",
            f"Take it out of the bridge (ip link set {name} nomaster), give it a network of its own, and let this host "
            "route; or declare the flows on a host that routes",
        )
    return Problem(
        f"interface {name}",
        f"it is a port of the bridge {master.name}, and all that this host routes comes and goes by {master.name}, so "
        f"no rule for {name} applies",
        f"Name {master.name} in 'interfaces', if this host routes between {master.name} and the other networks; else "
        f"take {name} out of the bridge (ip link set {name} nomaster)",
    )


def _drop_problems(flows: Iterable[Flow], bridges: set[str], interfaces: Interfaces) -> list[Problem]:
    """Drops of which every part is between hosts on one bridge; an accept of that kind holds without a rule."""
    attached = [(network, name) for network, name in interfaces.attached() if name in bridges]
    problems = []
    for flow in flows:
        if not bridges or flow.action not in ("drop", "reject"):
            continue
        pairs = [(source, destination) for source, destination, _family in flow.pairs()]
        on = [_bridge(source, bridges, attached) for source, _destination in pairs]
        if all(on) and on == [_bridge(destination, bridges, attached) for _source, destination in pairs]:
            source, destination = pairs[0]
            message = (
                f"what goes from {source} to {destination} passes between ports of the bridge {on[0]}, and this host "
                "does not route it, so no rule applies"
            )
            remedy = "Put them into different networks and let this host route, or filter in the bridge by other means"
            problems.append(Problem(flow.name, message, remedy))
    return problems


def _bridge(peer: Peer, bridges: set[str], attached: Iterable[tuple[Network, str]]) -> str:
    """The bridge that all of the peer is on; empty if it is on none, or not known to be."""
    if peer.interface:
        return peer.interface if peer.interface in bridges else ""
    network = peer.network
    if network is None:
        return ""
    holding = [
        (one.prefixlen, name)
        for one, name in attached
        if one.version == network.version and network.subnet_of(one)  # type: ignore[arg-type]
    ]
    return max(holding)[1] if holding else ""
