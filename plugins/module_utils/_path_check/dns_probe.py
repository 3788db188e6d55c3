# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the DNS says of a mail domain: at every authoritative server, and at a resolver (RFC 1034, 1035)."""

from __future__ import annotations

import time

from ansible_collections.inbound.mail.plugins.module_utils._deps import dns
from ansible_collections.inbound.mail.plugins.module_utils._path_check import tcp_probe

# A lost packet is no lame server: it is asked this often before it counts as silent.
TRIES = 3
# Nobody has more in earnest; a hostile answer must not make the run long.
MAX_SERVERS = 32


def resolver(addresses: list[str], timeout: float) -> dns.resolver.Resolver:
    """A stub resolver: of the given addresses, or of this host's own configuration. OSError or ValueError if none."""
    try:
        made = dns.resolver.Resolver(configure=not addresses)
    except dns.resolver.NoResolverConfiguration as error:
        raise ValueError(f"this host has no resolver configured: {error}") from error
    if addresses:
        made.nameservers = addresses
    made.lifetime = timeout
    made.timeout = min(timeout, 3.0)
    return made


def lookup(stub: dns.resolver.Resolver, name: str, rdtype: str) -> dict:
    """One RRset through a resolver, aliases followed.

    Returns `state` (answer, no-data, nxdomain, failed), `values` in presentation format, and `canonical`, the name
    that holds the RRset if `name` is an alias of it.
    """
    try:
        found = stub.resolve(name, rdtype, raise_on_no_answer=False, search=False)
    except dns.resolver.NXDOMAIN:
        return {"state": "nxdomain", "values": []}
    except dns.exception.DNSException as error:
        return {"state": "failed", "values": [], "error": f"{type(error).__name__}: {error}"[:200]}
    if found.rrset is None:
        return {"state": "no-data", "values": []}
    observed = {"state": "answer", "values": sorted(rdata.to_text() for rdata in found.rrset), "ttl": found.rrset.ttl}
    canonical = found.canonical_name.to_text(omit_final_dot=True).lower()
    if canonical != name.rstrip(".").lower():
        observed["canonical"] = canonical
    return observed


def nameservers(stub: dns.resolver.Resolver, zone: str) -> dict:
    """The authoritative servers of a zone: {"state": ..., "servers": [{"name": ..., "address": ...}]}."""
    delegation = lookup(stub, zone, "NS")
    servers = []
    for name in sorted(value.lower() for value in delegation["values"])[:MAX_SERVERS]:
        for rdtype in ("A", "AAAA"):
            for address in lookup(stub, name, rdtype)["values"]:
                servers.append({"name": name.rstrip("."), "address": address})
    return {"state": delegation["state"], "servers": servers[:MAX_SERVERS]}


def ask(address: str, name: str, rdtype: str, timeout: float, port: int = 53) -> dict:
    """One question to one authoritative server, over UDP and, if the answer is cut short, over TCP.

    Returns `state` (answer, silent, broken, no-route), and for an answer `rcode`, `aa`, `values`, `ttl`, and `alias`
    if a CNAME stands at the name.
    """
    if not tcp_probe.has_route(address):
        return {"state": "no-route"}
    query = dns.message.make_query(name, rdtype)
    query.flags &= ~dns.flags.RD
    deadline = time.monotonic() + timeout
    for remaining in range(TRIES, 0, -1):
        wait = max((deadline - time.monotonic()) / remaining, 0.1)
        try:
            reply, _tcp = dns.query.udp_with_fallback(query, address, timeout=wait, port=port, ignore_unexpected=True)
        except (dns.exception.Timeout, OSError):
            continue
        except dns.exception.DNSException as error:
            return {"state": "broken", "error": f"{type(error).__name__}: {error}"[:200]}
        return _answer(reply, query)
    return {"state": "silent"}


def _answer(reply: dns.message.Message, query: dns.message.Message) -> dict:
    question = query.question[0]
    observed: dict = {
        "state": "answer",
        "rcode": dns.rcode.to_text(reply.rcode()),
        "aa": bool(reply.flags & dns.flags.AA),
        "values": [],
    }
    for rrset in reply.answer:
        if rrset.name != question.name:
            continue
        if rrset.rdtype == question.rdtype:
            observed["values"] = sorted(rdata.to_text().lower() for rdata in rrset)
            observed["ttl"] = rrset.ttl
        elif rrset.rdtype == dns.rdatatype.CNAME:
            observed["alias"] = rrset[0].target.to_text(omit_final_dot=True).lower()
    if question.rdtype == dns.rdatatype.SOA and observed["values"]:
        observed["serial"] = int(observed["values"][0].split()[2])
    return observed
