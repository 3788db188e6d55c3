# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the host's resolvers validate DNSSEC, as DANE needs it (RFC 7672, section 2.1)."""

from __future__ import annotations

import socket

from ansible_collections.inbound.mail.plugins.module_utils._dns.resolv_conf import system_resolvers
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import (
    MAX_MESSAGE,
    Malformed,
    is_response_to,
    make_query,
    read_response,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

_TRIES = 2
_SECONDS = 3.0


def resolver_problems() -> list[Problem]:
    """Resolvers of this host that do not say of the signed root that it is authentic (RFC 4035, section 3.2.3).

    Postfix believes what they say, and with one that does not validate it sees no TLSA record at all.
    """
    # Without any, the one on this host is asked (resolv.conf(5)).
    resolvers = system_resolvers() or ["127.0.0.1"]
    reasons = ((resolver, _reason_against(resolver)) for resolver in resolvers)
    return [
        Problem(
            "edge.tls_outgoing",
            f"the resolver {resolver} in /etc/resolv.conf {reason}, so DANE would protect nothing",
            "Name resolvers only that validate DNSSEC, best one on this host (unbound, or BIND with dnssec-validation "
            "auto), or leave mail_tls_outgoing out",
        )
        for resolver, reason in reasons
        if reason
    ]


def _reason_against(resolver: str) -> str:
    query = make_query(".", "SOA", recursive=True)
    for _try in range(_TRIES):
        try:
            reply = read_response(_exchange(resolver, query))
        except socket.timeout:
            continue
        except (OSError, Malformed) as error:
            return f"cannot be asked ({error})"
        return "" if reply.authentic else "does not validate DNSSEC"
    return f"does not answer within {_TRIES * _SECONDS:.0f} seconds"


def _exchange(resolver: str, query: bytes) -> bytes:
    """The first datagram that answers the query. Raises socket.timeout, OSError."""
    family, _kind, _protocol, _name, address = socket.getaddrinfo(resolver, 53, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(_SECONDS)
        channel.connect(address)
        channel.send(query)
        while not is_response_to(query, wire := channel.recv(MAX_MESSAGE)):
            pass
        return wire
