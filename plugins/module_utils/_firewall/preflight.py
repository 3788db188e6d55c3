# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's interfaces and addresses say about flows that are right in themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow


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
        if flow.egress_address and own and flow.egress_address not in own:
            message = f"{flow.egress_address} is not an address of this host, so answers may not come back to it"
            warnings.append(Problem(flow.name, message, "Give the host that address, or route it here"))
    return errors, warnings
