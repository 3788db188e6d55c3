# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections are bound to the source that they have, so that no masquerade of others hides it.

The kernel translates the source of a connection once: the first rule that does decides. A rule that translates the
source to itself, in a chain before all others, leaves nothing to do for them.

What leaves by an outer interface, or by one that is in no set, is left to ``snat`` and to others: a private address has
to be translated there, and where there are several uplinks a public one may have to be as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.first_match import Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import FlowList

PRIVATE: dict[int, tuple[str, ...]] = {
    4: ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    6: ("fc00::/7", "fe80::/10"),
}
"""Networks whose addresses no host on the internet answers, by IP version (RFC 1918, 6598, 3927; RFC 4193, 4291)."""


def passing(flows: FlowList, families: Collection[int]) -> list[Entry]:
    """What is accepted between networks and is not known to leave, of these IP versions."""
    return [entry for entry in _accepted(flows, families) if entry.destination.interface not in flows.outside]


def _accepted(flows: FlowList, families: Collection[int]) -> Iterator[Entry]:
    """A connection that a flow before it decides on has been dropped by then, or is accepted all the same."""
    for flow in flows.flows:
        if flow.action != "accept":
            continue
        for source, destination, its_family in flow.pairs():
            for family in families:
                if its_family in (0, family):
                    for port in flow.ports:
                        yield Entry(source, destination, family, port, "")
