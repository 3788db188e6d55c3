# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole zones as dig sees them, in a form that can be compared."""

from __future__ import annotations

import subprocess

import dns.name
import dns.rdata
from dns.name import Name
from name_server import NameServer

# TTL and values of an RRset, by name and type. A value is the octets of its canonical form (RFC 4034, section 6.2).
Contents = dict[tuple[Name, str], tuple[int, frozenset[bytes]]]


def canonical(rdtype: str, text: str) -> bytes:
    return dns.rdata.from_text("IN", rdtype, text, dns.name.root, relativize=False).to_digestable()


def contents(server: NameServer, *zones: str) -> list[Contents]:
    """Of each zone, by zone transfer. The SOA is in it, with its serial."""
    (server.folder / "questions").write_text("".join(f"{zone} AXFR +noall +answer +onesoa\n" for zone in zones))
    command = server.inside("/usr/bin/dig", f"@{server.address}", "-f", "/srv/questions")
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: list[Contents] = []
    for line in shown.splitlines():
        if not line or line.startswith(";"):
            continue
        owner, ttl, _class, rdtype, text = line.split(None, 4)
        if rdtype == "SOA":
            found.append({})
        key = (dns.name.from_text(owner).canonicalize(), rdtype)
        _ttl, values = found[-1].get(key, (0, frozenset()))
        found[-1][key] = (int(ttl), values | {canonical(rdtype, text)})
    complaints = [line for line in shown.splitlines() if line.startswith(";")]
    assert len(found) == len(zones), (complaints, shown)
    return found


def records(zone: Contents) -> Contents:
    """Without the SOA, whose serial counts the changes."""
    return {key: rrset for key, rrset in zone.items() if key[1] != "SOA"}
