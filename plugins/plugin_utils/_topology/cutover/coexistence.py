# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two plans at once on mail hosts and devices: what either accepts is accepted; where they differ, one counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ....module_utils._firewall.option_values import OUTSIDE
from ..plan import MailFlow, Plan, PlannedFlow, PlannedRelay, PlannedServer
from ..problems import DeclarationProblem

Role = TypeVar("Role", PlannedRelay, PlannedServer)

_SHUTTING = ("drop", "reject")
_NAME_LENGTH = 64


def both_open(first: Plan, second: Plan, former_flows: Mapping[str, Sequence[PlannedFlow]]) -> MailFlow:
    """`flows`, `relay` and `server` of a plan in which mail comes in as both say, and goes on as the first says.

    former_flows: of these alone the ones that shut something are kept. A new one could shut what passes today without
    being named, as on a device that the former plan did not know.
    """
    return {
        "flows": {
            device: _flows(
                first["flows"].get(device, []), second["flows"].get(device, []), former_flows.get(device, [])
            )
            for device in dict.fromkeys([*first["flows"], *second["flows"]])
        },
        "relay": {
            host: _relay(first["relay"].get(host), second["relay"].get(host))
            for host in dict.fromkeys([*first["relay"], *second["relay"]])
        },
        "server": {
            host: _server(first["server"].get(host), second["server"].get(host))
            for host in dict.fromkeys([*first["server"], *second["server"]])
        },
    }


def _flows(
    first: Sequence[PlannedFlow], second: Sequence[PlannedFlow], former: Sequence[PlannedFlow]
) -> list[PlannedFlow]:
    passing: list[PlannedFlow] = []
    for flow in [*first, *second]:
        if flow["action"] in _SHUTTING:
            continue
        same = next((one for one in passing if _does_the_same(one, flow)), None)
        if same is None:
            passing.append(flow.copy())
        elif flow["action"] == "forward":
            same["source"] = _sources(same["source"], flow["source"])
    shutting = [flow.copy() for flow in former if flow["action"] in _SHUTTING]
    return _named_apart([*passing, *shutting])


def _does_the_same(one: PlannedFlow, other: PlannedFlow) -> bool:
    """Whether there cannot be both. Mail of one host leaves by one address, and an address is forwarded once."""
    if one["action"] != other["action"]:
        return False
    deciding = {"snat": ("source",), "forward": ("public_address",)}.get(one["action"], ("source", "destination"))
    return all(one.get(key) == other.get(key) for key in deciding)


def _sources(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """All hosts outside are more than some networks there."""
    both = list(dict.fromkeys([*first, *second]))
    return [OUTSIDE] if OUTSIDE in both and [OUTSIDE] in (list(first), list(second)) else both


def _named_apart(flows: list[PlannedFlow]) -> list[PlannedFlow]:
    taken: set[str] = set()
    for flow in flows:
        name, number = flow["name"], 2
        while name in taken:
            ending = f"-{number}"
            name = f"{flow['name'][: _NAME_LENGTH - len(ending)]}{ending}"
            number += 1
        taken.add(name)
        flow["name"] = name
    return flows


def _relay(first: PlannedRelay | None, second: PlannedRelay | None) -> PlannedRelay:
    if first is None or second is None:
        return _either(first, second)
    named = {domain["name"] for domain in first["domains"]}
    return {
        **first,
        "domains": [*first["domains"], *(one for one in second["domains"] if one["name"] not in named)],
        "relay_from": _each(first["relay_from"], second["relay_from"]),
        "accept_from": _accepted(first, second),
    }


def _server(first: PlannedServer | None, second: PlannedServer | None) -> PlannedServer:
    if first is None or second is None:
        return _either(first, second)
    return {
        **first,
        "domains": _each(first["domains"], second["domains"]),
        "accept_from": _accepted(first, second),
    }


def _either(first: Role | None, second: Role | None) -> Role:
    found = first or second
    if found is None:
        raise ValueError("neither plan has the host in that role")
    return found


def _accepted(first: PlannedRelay | PlannedServer, second: PlannedRelay | PlannedServer) -> list[str]:
    """An empty list means any host."""
    if not first["accept_from"] or not second["accept_from"]:
        return []
    return _each(first["accept_from"], second["accept_from"])


def _each(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


# What cannot stand beside each other


def conflicts(former: Plan, new: Plan) -> Iterator[DeclarationProblem]:
    yield from _addresses_of_two(former, new)
    for host in former["server"].keys() & new["relay"].keys():
        yield _both_roles(host, "delivers its domains", "is to hand them on")
    for host in former["relay"].keys() & new["server"].keys():
        yield _both_roles(host, "hands its domains on", "is to deliver them")


def _addresses_of_two(former: Plan, new: Plan) -> Iterator[DeclarationProblem]:
    before, after = _ends(former), _ends(new)
    for address in before:
        if address in after and before[address] != after[address]:
            yield DeclarationProblem(
                "mail_public_addresses",
                f"{address} leads to {_end(before[address])} in the former state and to {_end(after[address])} in the "
                "new one: one address cannot lead both ways at once, and DNS does not decide which",
                "Give the new way another address for good or for the time being; if there is none, run "
                "inbound.mail.site, which switches the forward in one step, at an hour with little mail",
                host=after[address][0],
            )


def _ends(plan: Plan) -> dict[str, tuple[str, str]]:
    """Address that mail comes in by -> (host, address where a device of ours forwards it to, or nothing)."""
    forwarded = {
        flow["public_address"]: ", ".join(target["address"] for target in flow["targets"])
        for flows in plan["flows"].values()
        for flow in flows
        if flow["action"] == "forward"
    }
    return {
        address: (one["host"], forwarded.get(address, ""))
        for one in plan["expect"]["smtp"]
        for address in one["addresses"]
    }


def _end(end: tuple[str, str]) -> str:
    host, target = end
    return f"{host} ({target})" if target else f"{host} itself"


def _both_roles(host: str, before: str, after: str) -> DeclarationProblem:
    return DeclarationProblem(
        "mail_topology",
        f"it {before} in the former state and {after} in the new one: one Postfix cannot do both for a domain",
        "Let another host take that part",
        host=host,
    )
