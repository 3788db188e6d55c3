# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail exchangers of other operators: preferences, names and addresses that can be."""

from __future__ import annotations

from ....module_utils._addresses import special_purpose
from ..declaration.domains import Exchanger, MailDomain
from ..declaration.readers import MAX_PREFERENCE
from ..problems import Report
from ..topology import Topology
from .bypass import warn_of_open_front_ends


def check_exchangers(domain: MailDomain, topology: Topology, report: Report) -> None:
    primaries, backups = topology.primaries(domain), topology.backups(domain)
    last = max((preference for preference, _name in primaries), default=None)
    for backup in backups:
        if backup.preference is None or last is None:
            continue
        if backup.preference > MAX_PREFERENCE:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: no preference is left for the backup MX {backup.name}",
                f"Lower mail_preference of the servers: they have up to {last}",
            )
        elif backup.preference <= last:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: the backup MX {backup.name} ({backup.preference}) does not come after the primaries "
                f"({last})",
                f"Give it a preference above {last}",
            )
    names = [exchanger.name for exchanger in (*domain.exchangers, *domain.backups)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        report.error("", "mail_domains", f"{domain.name}: {name} is an MX twice", "Name it once")
    for exchanger in (*topology.backups_elsewhere(domain), *domain.exchangers):
        _check_addresses(domain, exchanger, topology, report)
    if domain.exchangers:
        warn_of_open_front_ends(domain, topology, report)


def _check_addresses(domain: MailDomain, exchanger: Exchanger, topology: Topology, report: Report) -> None:
    zone = topology.zone_of(exchanger.name)
    if zone is not None and not exchanger.addresses:
        report.error(
            "",
            "mail_domains",
            f"{domain.name}: the MX {exchanger.name} has no address, although its zone {zone.name} is ours",
            "Add its 'addresses'",
        )
    for address in exchanger.addresses:
        meaning = special_purpose(address, topology.shared.public_networks)
        if meaning is not None:
            report.error(
                "",
                "mail_domains",
                f"{domain.name}: the MX {exchanger.name} has {address}, which is {meaning}",
                "Write the addresses that the world reaches it by",
            )
