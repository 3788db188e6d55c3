# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's interfaces and addresses say about flows that are right in themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import host_peer
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow


def interface_problems(
    sets: Mapping[str, Sequence[str]], outside: Collection[str]
) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with the sets of interfaces: (errors, warnings). outside: interfaces that lead outside."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    names: dict[str, list[str]] = {}
    for name, members in sets.items():
        for member in dict.fromkeys(members):
            names.setdefault(member, []).append(name)
    for interface, its in names.items():
        if len(its) > 1:
            what = f"{interface} is in {' and '.join(its)}, so what is said of the one counts for the other too"
            (errors if interface in outside else warnings).append(
                Problem(f"interfaces.{its[0]}", what, "Name each interface in one set, by where it leads")
            )
    return errors, warnings


def host_problems(
    flows: Iterable[Flow], interfaces: Iterable[str], addresses: Iterable[str]
) -> tuple[list[Problem], list[Problem]]:
    """What a host's interfaces and own addresses say about the flows: (errors, warnings)."""
    there, own = set(interfaces), set(addresses)
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for flow in flows:
        named = {peer.interface for peer in (*flow.sources, *flow.destinations) if peer.interface}
        errors += [
            Problem(flow.name, f"this host has no interface {name}", "Correct 'interfaces', or bring the interface up")
            for name in sorted(named - there)
        ]
        errors += [
            Problem(
                flow.name,
                f"the target {target.address} is this host itself",
                "Mail for the host itself needs no forward: drop the flow and let the server listen on "
                f"{flow.public_address}",
            )
            for target in flow.targets
            if target.address in own
        ]
        if flow.action in ("drop", "reject", "accept"):
            found = warnings if flow.action == "accept" else errors
            found += [
                Problem(
                    flow.name,
                    f"the destination {peer} is this host itself; only what it routes is filtered here",
                    "Filter it in the host's own firewall",
                )
                for peer in flow.destinations
                if str(peer) in own
            ]
        lost = [] if flow.hairpin or flow.translate_source else _answered_directly(flow)
        if lost:
            warnings.append(
                Problem(
                    flow.name,
                    f"a client in the network of {' or '.join(lost)} gets no answer by {flow.public_address}, as the "
                    "server answers it directly, from another address",
                    "Name the outer interfaces ('interfaces', 'source'), so that clients inside can be told apart",
                )
            )
        if flow.egress_address and own and flow.egress_address not in own:
            message = f"{flow.egress_address} is not an address of this host, so answers may not come back to it"
            warnings.append(Problem(flow.name, message, "Give the host that address, or route it here"))
    return errors, warnings


def _answered_directly(flow: Flow) -> list[str]:
    """The targets whose neighbours the forward takes connections from, too."""
    return [
        target.address
        for target in flow.targets
        if any(not peer.interface and peer.covers(host_peer(target.address)) for peer in flow.sources)
    ]
