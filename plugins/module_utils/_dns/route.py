# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host could send to an address at all, asked of its own kernel without a packet."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def has_route(address: str) -> bool:
    return local_address(address) is not None


def local_address(address: str) -> str | None:
    """This host's own address that packets to `address` leave from; None without a route or without that family."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    try:
        # Connecting a datagram socket looks up the route and sends nothing.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 25))
            return str(probe.getsockname()[0])
    except OSError:
        return None
