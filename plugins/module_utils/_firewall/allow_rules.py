# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table lets through, for the others who filter on a host to let through as well.

Our table decides; but what it accepts, another base chain with a policy of its own may still drop. So whoever keeps the
host's packet filter is told of exactly the connections that the table accepts. It needs to know no order and no drop:
what must not pass is dropped by the table, whatever others accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANYBODY, Peer, host_peer

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Policy


@dataclass(frozen=True)
class Passage:
    """Connections of one IP version (0: of both) to one TCP port.

    The destination is where they really go; public_address is where they went before it was translated, if it was.
    """

    source: Peer
    destination: Peer
    family: int
    port: int
    public_address: str = ""


def passages(policy: Policy) -> tuple[Passage, ...]:
    """Every one once, in the order of the flows."""
    found: dict[Passage, None] = {}
    for flow in policy.flows:
        for port in flow.ports:
            if flow.action == "forward":
                # Who may come is decided where the destination is translated, and inside clients may as well.
                for target in flow.targets:
                    found[Passage(ANYBODY, host_peer(target.address), 4, port, flow.public_address)] = None
            elif flow.action == "accept":
                for source, destination, family in flow.pairs():
                    found[Passage(source, destination, family, port)] = None
    return tuple(found)
