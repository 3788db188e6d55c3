# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a TCP port answers, told as the network told it."""

from __future__ import annotations

import errno
import socket

OPEN = "open"
REFUSED = "refused"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
# This host has no way at all to addresses of that family: nothing can be said of the other end.
NO_ROUTE = "no-route"

# What a firewall's `reject` and a router without a route answer (ICMP), as the socket reports it.
_UNREACHABLE = {errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.EHOSTDOWN, errno.ENOPROTOOPT}


def family(address: str) -> socket.AddressFamily:
    """The address family of an IPv4 or IPv6 address in text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def has_route(address: str) -> bool:
    """Whether this host knows a way to the address. Sends nothing: connecting a UDP socket only looks up the route."""
    with socket.socket(family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        return True


def connect(address: str, port: int, timeout: float) -> tuple[str, socket.socket | None]:
    """Connect to a TCP port. Returns the state and, if it is OPEN, the connected socket, which the caller closes."""
    connection = socket.socket(family(address), socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect((address, port))
    except socket.timeout:
        state = TIMEOUT
    except ConnectionRefusedError:
        state = REFUSED
    except OSError as error:
        if error.errno == errno.ETIMEDOUT:
            state = TIMEOUT
        elif error.errno in _UNREACHABLE or has_route(address):
            state = UNREACHABLE
        else:
            state = NO_ROUTE
    else:
        return OPEN, connection
    connection.close()
    return state, None


def port_state(address: str, port: int, timeout: float) -> str:
    """The state of a TCP port: OPEN, REFUSED, TIMEOUT, UNREACHABLE or NO_ROUTE."""
    state, connection = connect(address, port, timeout)
    if connection is not None:
        connection.close()
    return state
