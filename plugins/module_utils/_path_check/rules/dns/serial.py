# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: every name server has the current version of a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import label
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def precedes(serial: int, other: int) -> bool:
    """Whether a serial number is an earlier one than the other (RFC 1982, section 3.2)."""
    return 0 < (other - serial) % 2**32 < 2**31


@rule(
    "serial-below-deployed",
    WARNING,
    "RFC 1982",
    "A name server has an earlier version of the zone than the one that was written (expectations.serials).",
    "Find out why it does not transfer the zone from where it was written.",
)
def serial_below_deployed(case: Case) -> Iterator[Found]:
    for deployed in case.expect["serials"]:
        zone = case.dns.zones.get(deployed["zone"])
        for server in zone["servers"] if zone else []:
            serial = server["serial"]
            if serial is not None and server["authoritative"] and precedes(serial, deployed["serial"]):
                yield Found(
                    f"{deployed['zone']} at {label(server)}",
                    f"It has the serial number {serial}; {deployed['serial']} was written.",
                    f"Find out why {server['name']} does not transfer the zone, and from where: its log, NOTIFY, "
                    "allow-transfer.",
                    expected=deployed["serial"],
                    observed=serial,
                    places=[server["address"]],
                )


@rule(
    "serial-mismatch",
    WARNING,
    "RFC 1982",
    "The name servers of a zone have different versions of it, even after some seconds.",
    "Find out why the secondary does not transfer the zone: its log, NOTIFY, allow-transfer, the serial number.",
)
def serial_mismatch(case: Case) -> Iterator[Found]:
    for zone in case.dns.zones.values():
        serials: dict[int, list[str]] = {}
        for server in zone["servers"]:
            if server["serial"] is not None and server["authoritative"]:
                serials.setdefault(server["serial"], []).append(label(server))
        if len(serials) > 1:
            said = "; ".join(f"{serial} at {listed(servers)}" for serial, servers in sorted(serials.items()))
            yield Found(
                zone["name"],
                f"The SOA serial numbers differ: {harmless(said)}.",
                "Find out why the servers that are behind do not transfer the zone: their logs, NOTIFY, "
                "allow-transfer.",
                observed={str(serial): servers for serial, servers in sorted(serials.items())},
            )
