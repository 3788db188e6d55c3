# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with relays of ours that are backup exchangers: they must be able to hand over what they keep."""

from __future__ import annotations

from ....module_utils._postfix.option_values import CALLOUT
from ..declaration.domains import MailDomain
from ..declaration.model import Host
from ..problems import Report
from ..topology import Topology


def check_own_backups(domain: MailDomain, topology: Topology, report: Report) -> None:
    fronts = topology.front_ends(domain)
    for backup in topology.own_backups(domain):
        problems = list(_problems(domain, backup, fronts))
        for message, remedy in problems:
            what = f"{domain.name}: the backup MX {backup.fqdn} {message}"
            report.error("", "mail_domains", what, remedy)
        if not problems:
            for front in fronts:
                _check_that_it_is_let_in(backup, front, report)
            _warn_of_recipients(domain, backup, report)


def _problems(domain: MailDomain, backup: Host, fronts: list[Host]) -> list[tuple[str, str]]:
    """What is wrong, what to do."""
    found = []
    if any(entry.addresses for entry in domain.backups if entry.name == backup.fqdn):
        found.append((f"is {backup.name}, whose addresses are in its mail_addresses", "Take 'addresses' out here"))
    if domain.exchangers:
        found.append(
            (
                f"would hand mail to our hosts, past {domain.exchangers[0].name}",
                "Take it out of backup_mx: the service that stands in front keeps the mail",
            )
        )
    elif backup in fronts:
        found.append(
            (
                f"is {backup.name}, which is in front of the domain's servers already",
                "Take it out of backup_mx: which relay comes first is said by mail_preference",
            )
        )
    elif fronts and not any(backup.own(address.version) for front in fronts for address in front.published):
        names = " and ".join(front.name for front in fronts)
        found.append(
            (
                f"and {names} have no address family in common, so it could not hand over what it keeps",
                "Give it an address of that family in mail_addresses",
            )
        )
    return found


def _check_that_it_is_let_in(backup: Host, front: Host, report: Report) -> None:
    if not front.accept_from:
        return
    for address in backup.published:
        if not any(address in network for network in front.accept_from):
            report.error(
                front.name,
                "mail_accept_from",
                f"{backup.name}, a backup MX, may not hand over what it keeps: {address} is not in it",
                f"Add {address}",
            )


def _warn_of_recipients(domain: MailDomain, backup: Host, report: Report) -> None:
    validation = domain.recipients.validation if domain.recipients is not None else ""
    if not domain.validates_recipients:
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: {backup.name} keeps mail for recipients that do not exist, too, and has to return it "
            "later, often to a forged sender",
            "Write recipients with validation: static, and the list",
        )
    elif validation == CALLOUT:
        report.warning(
            "",
            "mail_domains",
            f"{domain.name}: while the others are away, {backup.name} takes mail only for recipients that it has asked "
            "for before, and puts the rest off",
            "Leave it so, or write recipients with validation: static, and the list",
        )
