# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS beyond what everybody offers: DANE for mail to the outside (RFC 7672), and no mail in clear from the relays."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._dns.resolv_conf import system_resolvers
from ansible_collections.inbound.mail.plugins.module_utils._dns.wire import Malformed, answers, question, read
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import DANE
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Checker

# Each of them demands more of every next hop than DANE does of those without TLSA records.
_STRICTER = ("encrypt", "fingerprint", "verify", "secure", "dane-only")
_TRIES = 2
_SECONDS = 3.0


def edge_tls_settings(declared: Mapping[str, Any], former: Mapping[str, str], check: Checker) -> dict[str, str]:
    """declared: the option ``edge``, with ``tls_outgoing`` and ``tls_required``."""
    settings = {}
    if declared.get("tls_outgoing") == DANE:
        settings = {"smtp_dns_support_level": "dnssec", "smtp_tls_security_level": DANE}
        if former.get("smtp_tls_loglevel", "0") == "0":
            # One line for each connection, or nobody could tell what DANE did.
            settings["smtp_tls_loglevel"] = "1"
        if "dns" not in former.get("smtp_host_lookup", "dns"):
            what = f"{former['smtp_host_lookup']} leaves DNS out, where the TLSA records are"
            check.report("main.cf: smtp_host_lookup", what, "Write dns there, or leave edge.tls_outgoing out")
        if former.get("smtp_tls_security_level") in _STRICTER:
            check.report(
                "main.cf: smtp_tls_security_level",
                f"{former['smtp_tls_security_level']} demands more than {DANE} of hosts without TLSA records",
                "Take it out there, or leave edge.tls_outgoing out",
            )
    if declared.get("tls_required"):
        settings["smtpd_tls_security_level"] = "encrypt"
    return settings


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
    query = question(".", "SOA", recursive=True)
    for _try in range(_TRIES):
        try:
            reply = read(_exchange(resolver, query))
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
        while not answers(query, wire := channel.recv(65535)):
            pass
        return wire
