# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is expected: the plan's own list, or one made of a domain and its exchangers."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

# Names go into SMTP commands: nothing that could end a line.
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_RECIPIENT = re.compile(r"[!-;=?-~]{1,64}@([^@]+)")

KINDS = ("records", "serials", "ports", "egress", "smtp", "former", "backups", "delivery")


def complete(expectations: dict[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """With an empty list for each kind that is left out."""
    return {kind: list((expectations or {}).get(kind) or []) for kind in KINDS}


def of_exchangers(domain: str, exchangers: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The expectations of a domain with these exchangers: each has host, preference and maybe addresses."""
    found = complete(None)
    values = sorted(f"{one['preference']} {bare(one['host'])}." for one in exchangers)
    found["records"].append(_record(bare(domain), "MX", values))
    for one in exchangers:
        host, addresses = bare(one["host"]), [str(ip_address(address)) for address in one["addresses"] or []]
        by_type = {"A": [a for a in addresses if ":" not in a], "AAAA": [a for a in addresses if ":" in a]}
        found["records"] += [_record(host, rdtype, values) for rdtype, values in by_type.items() if addresses]
        if addresses:
            found["smtp"].append(
                {
                    "host": host,
                    "fqdn": host,
                    "addresses": addresses,
                    "port": 25,
                    "domains": [bare(domain)],
                    "refuses_unknown": True,
                    "message_size": None,
                }
            )
    return found


def _record(name: str, rdtype: str, values: list[str]) -> dict[str, Any]:
    return {
        "endpoint": None,
        "view": "public",
        "zone": None,
        "name": name,
        "type": rdtype,
        "values": values,
        "ttl": None,
        "asked_of": "",
    }


def bare(name: str) -> str:
    """Lower case, without the final dot, internationalised labels as A-labels (RFC 5890). Raises ValueError."""
    text = name.strip().rstrip(".").lower()
    text = text if text.isascii() else text.encode("idna").decode("ascii")
    if not _NAME.fullmatch(text):
        raise ValueError(name)
    return text


def mailbox(recipient: str) -> str:
    """An address as it stands in an SMTP command. Raises ValueError."""
    match = _RECIPIENT.fullmatch(recipient)
    if match is None:
        raise ValueError(recipient)
    bare(match[1])
    return recipient
