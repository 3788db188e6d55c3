# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole zone by zone transfer (RFC 5936)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..._deps import dns
from ..._records.names import name_text
from ..._records.rrsets import Key, RRset
from ..base import ProviderError, Traffic

if TYPE_CHECKING:
    from dns.name import Name

    from .connection import ServerConnection

# Seconds for a whole zone.
_TRANSFER_LIMIT = 60.0


async def transferred(connection: ServerConnection, zone: Name, traffic: Traffic) -> list[RRset]:
    """Everything in the zone. Raises ProviderError."""
    where = f"zone {name_text(zone)}: {connection.server}"
    if connection.protocol == "tls":
        raise ProviderError(f"{where} is asked over TLS, where zone transfers are not supported.")
    content = dns.zone.Zone(zone, relativize=False)
    query = dns.message.make_query(zone, dns.rdatatype.AXFR)
    if connection.key is not None:
        query.use_tsig(connection.key)
    traffic.queries += 1
    try:
        await asyncio.to_thread(
            dns.query.inbound_xfr,
            connection.server.address,
            content,
            query,
            port=connection.server.port,
            timeout=connection.timeout,
            lifetime=max(_TRANSFER_LIMIT, connection.timeout),
        )
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise ProviderError(
            f"{where} does not hand out the whole zone ({type(error).__name__}; BIND: allow-transfer)."
        ) from None
    return [
        RRset(
            Key(name.canonicalize(), rdataset.rdtype),
            rdataset.ttl,
            frozenset(rdata.to_digestable(dns.name.root) for rdata in rdataset),
        )
        for name, rdataset in content.iterate_rdatasets()
    ]
