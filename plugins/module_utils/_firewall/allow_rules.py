# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table accepts, for the host's firewall manager to accept as well.

Our table decides; but what it accepts, another base chain with a policy of its own may still drop. So the firewall
manager gets exactly the connections that the table accepts. It needs to know no order and no drop: what must not pass
is dropped by the table, whatever other chains accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANY_HOST, Peer, host_peer

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowList


@dataclass(frozen=True)
class AllowRule:
    """Connections of one IP version (0: of both) to one TCP port.

    The destination is where they really go; public_address is where they went before it was translated, if it was.
    """

    source: Peer
    destination: Peer
    family: int
    port: int
    public_address: str = ""


def allow_rules(flows: FlowList) -> tuple[AllowRule, ...]:
    """Every one once, in the order of the flows."""
    found: dict[AllowRule, None] = {}
    for flow in flows.flows:
        for port in flow.ports:
            if flow.action == "forward":
                # Clients are judged where the destination is translated, and inside clients may pass as well.
                for target in flow.targets:
                    found[AllowRule(ANY_HOST, host_peer(target.address), 4, port, flow.public_address)] = None
            elif flow.action == "accept":
                for source, destination, family in flow.pairs():
                    found[AllowRule(source, destination, family, port)] = None
    return tuple(found)
