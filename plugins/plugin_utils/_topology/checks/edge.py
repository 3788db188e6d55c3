# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail host cannot do at the edge, because of where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....module_utils._postfix.option_values import DANE
from ..declaration.variables import DIRECT, RELAY
from ..problems import Report

if TYPE_CHECKING:
    from ..declaration.model import Host


def check_edge(host: Host, report: Report) -> None:
    edge = host.edge
    if host.topology == RELAY:
        unused = {
            "mail_postscreen": edge.postscreen is not None,
            "mail_hide_received": edge.hide_received,
            "mail_load_balancer": bool(edge.load_balancer),
            "mail_tls_outgoing": edge.tls_outgoing == DANE,
        }
        what = "is not used: only its relays deal with the outside for a server behind relays"
        for variable in (name for name, is_set in unused.items() if is_set):
            report.warning(host.name, variable, what, "Set it on the relays")
    elif host.is_front_end and edge.tls_required:
        what = "is true, but a host that faces the outside has to take mail from those too who cannot encrypt"
        report.error(host.name, "mail_tls_required", what, "Set it on servers behind relays only (RFC 3207, section 4)")
    if edge.load_balancer and (host.topology == DIRECT or host.gateway):
        what = "is set, but the world is led to " + (
            f"the gateway {host.gateway}" if host.gateway else "the host itself"
        )
        remedy = "Write mail_topology: nat, the balancer's address in mail_public_addresses, and no mail_gateway"
        report.error(host.name, "mail_load_balancer", what, remedy)
