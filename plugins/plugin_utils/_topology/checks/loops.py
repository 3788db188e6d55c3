# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loops of hosts, each of which hands mail to the next: it ends as a bounce (RFC 5321, section 6.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from ....module_utils._limits import SMTP_PORT
from ..declaration.model import Host
from ..declaration.smarthosts import Smarthost
from ..declaration.variables import RELAY
from ..problems import Report
from ..topology import Topology


def check_loops(topology: Topology, report: Report) -> None:
    _check_relays(topology, report)
    _check_smarthosts(topology, report)


def _check_relays(topology: Topology, report: Report) -> None:
    def relays(name: str) -> tuple[str, ...]:
        host = topology.hosts.get(name)
        return host.relays if host is not None and host.topology == RELAY else ()

    for loop in _loops((host.name for host in topology.declaration.mail_hosts()), relays):
        report.error(
            loop[0],
            "mail_relays",
            f"the relays form a loop: {' -> '.join([*loop, loop[0]])}",
            "Give one of them mail_topology: direct or nat, the one that mail from outside reaches",
        )


def _check_smarthosts(topology: Topology, report: Report) -> None:
    owners = _owners(topology)
    fronts = {host.name: host for host in topology.used_front_ends}

    def ours(hops: Iterable[Smarthost]) -> list[str]:
        # Another port of a host is another service, as a filter before the queue.
        found = [owners.get(hop.address, set()) for hop in hops if hop.port == SMTP_PORT]
        return [name for names in found if len(names) == 1 for name in names]

    def sends_to(name: str) -> list[str]:
        if name not in fronts:
            return [relay.name for relay in topology.relays_of(topology.hosts[name])]
        return [target for hops in _lists(fronts[name]) for target in ours(hops)]

    for loop in _loops(fronts, sends_to):
        # A loop of relays alone is reported as that.
        start = next((place for place, name in enumerate(loop) if name in fronts), None)
        if start is None:
            continue
        way = [*loop[start:], *loop[:start], loop[start]]
        steps = [(fronts[name], target) for name, target in zip(way, way[1:]) if name in fronts]
        variable = "mail_smarthosts" if way[1] in ours(steps[0][0].smarthosts) else "mail_sender_smarthosts"
        remedy = "Name a host that hands it to the outside"
        if all(target in ours(hops[0] for hops in _lists(host)) for host, target in steps):
            what = f"mail for the outside would come back: {' -> '.join(way)}"
            report.error(way[0], variable, what, remedy)
        else:
            what = f"mail for the outside would come back while the smarthosts named first are away: {' -> '.join(way)}"
            report.warning(way[0], variable, what, remedy)


def _lists(host: Host) -> list[tuple[Smarthost, ...]]:
    """Its lists of smarthosts, each in the order in which they are tried."""
    return [hops for hops in (host.smarthosts, *(entry.smarthosts for entry in host.sender_smarthosts)) if hops]


def _owners(topology: Topology) -> dict[str, set[str]]:
    """Name or address -> the hosts of ours that it leads to. An inside address may be there twice, at two sites."""
    owners: dict[str, set[str]] = {}
    for host in (*topology.used_front_ends, *topology.used_servers_behind_relays):
        for place in (topology.server_name(host), *map(str, (*host.addresses, *host.published))):
            owners.setdefault(place, set()).add(host.name)
    return owners


def _loops(starts: Iterable[str], following: Callable[[str], Iterable[str]]) -> Iterator[list[str]]:
    """One loop for each start that leads into one, each loop once; takes time linear in hosts and next hops."""
    next_hops = _reachable(starts, following)
    endless = _endless(next_hops)
    # The first next hop of each that is endless too: following it leads into the loop.
    first = {name: _first_of(endless, next_hops[name]) for name in next_hops if name in endless}
    walked: set[str] = set()
    for start in first:
        path: dict[str, int] = {}
        name = start
        while name not in walked and name not in path:
            path[name] = len(path)
            name = first[name]
        if name in path:
            yield list(path)[path[name] :]
        walked.update(path)


def _first_of(endless: Set[str], next_hops: Iterable[str]) -> str:
    return next(hop for hop in next_hops if hop in endless)


def _reachable(starts: Iterable[str], following: Callable[[str], Iterable[str]]) -> dict[str, list[str]]:
    """Each host that a start leads to, the starts first and in their order -> its next hops."""
    waiting = list(starts)
    next_hops = {name: list(following(name)) for name in waiting}
    while waiting:
        for name in next_hops[waiting.pop()]:
            if name not in next_hops:
                next_hops[name] = list(following(name))
                waiting.append(name)
    return next_hops


def _endless(next_hops: Mapping[str, Sequence[str]]) -> set[str]:
    """The hosts that lead into a loop: those left over when the ones with no next hop left are taken out in turn."""
    left = {name: len(hops) for name, hops in next_hops.items()}
    previous: dict[str, list[str]] = {}
    for name, hops in next_hops.items():
        for hop in hops:
            previous.setdefault(hop, []).append(name)
    ends = [name for name, count in left.items() if not count]
    while ends:
        for name in previous.get(ends.pop(), ()):
            left[name] -= 1
            if not left[name]:
                ends.append(name)
    return {name for name, count in left.items() if count}
