# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path that a message took, from its trace fields (RFC 5321, section 4.4)."""

from __future__ import annotations

import re
from datetime import timezone
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import Hop

# More hops than any server lets a message take.
_MOST_HOPS = 100

_FROM = re.compile(r"^from\s+(\S+)\s*((?:\((?:[^()]|\([^()]*\))*\)\s*)*)", re.IGNORECASE)
_BY = re.compile(r"(?:^|\s)by\s+(\S+)", re.IGNORECASE)
# In brackets as the RFC has it, or bare as Exchange and others write it.
_ADDRESS = re.compile(
    r"\[(?:IPv6:)?([0-9a-fA-F:.]{2,45})\]"
    r"|(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)(?![\w:])"
)


def hops(header: bytes) -> list[Hop]:
    """The Received fields of a message's header, the first hop first."""
    fields = BytesHeaderParser(policy=compat32).parsebytes(header).get_all("Received", [])
    return [hop(" ".join(str(field).split())) for field in reversed(fields[:_MOST_HOPS])]


def hop(field: str) -> Hop:
    """One field, unfolded. What it does not say is empty."""
    said, _semicolon, date = field.rpartition(";")
    said = said or field
    origin = _FROM.match(said)
    by = _BY.search(said[origin.end() :] if origin else said)
    helo = origin[1] if origin else ""
    date = harmless(date.strip(), 60) if _semicolon else ""
    return {
        "helo": harmless(helo.strip("[]"), 255),
        "address": _address(origin[2]) or _address(helo) if origin else "",
        "by": harmless(by[1], 255) if by else "",
        "date": date,
        "at": seconds_of(date),
    }


def seconds_of(date: str) -> float | None:
    """The date of a field (RFC 5322, section 3.3) in seconds since the epoch; None if it is not a date."""
    try:
        when = parsedate_to_datetime(date)
        # The zone -0000 is UTC too, at a host that does not say where it is.
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _address(text: str) -> str:
    """The client's address: the last one that is said, since a reverse name may look like an address too."""
    found = ""
    for match in _ADDRESS.finditer(text):
        try:
            found = str(ip_address(match[1] or match[2]))
        except ValueError:
            continue
    return found
