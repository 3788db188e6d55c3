# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the address of a mail host has a name, the one by which the host greets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import reverse_name
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import greeting_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


SOURCE = "RFC 1912, section 2.1"


def reverses(case: Case) -> Iterator[tuple[str, str, seen.Resolved | None]]:
    """(host, address, answer to the question for its name) of each public address that mail comes in by."""
    hosts = {
        one["address"]: one["host"]
        for one in case.observation["dialogues"]
        if one["host"] not in case.smtp.backups and not case.smtp.is_former(one)
    }
    for address, host in sorted(hosts.items()):
        if not case.reachability.not_public(address) and case.dns.caches(reverse_name(address), "PTR"):
            yield host, address, case.dns.resolved(reverse_name(address), "PTR")


def leading_back(case: Case, address: str, names: list[str]) -> list[str]:
    """Or that will, when what is declared is so: of an address record that is not, address-differs speaks."""
    rdtype = "AAAA" if ":" in address else "A"
    return [
        name
        for name in names
        if address in case.dns.addresses(name) or address in (case.dns.expected_values(name, rdtype) or [])
    ]


@rule(
    "ptr-missing",
    WARNING,
    SOURCE,
    "The address of a mail host has no name (PTR record).",
    "Ask the owner of the network, usually the provider, to add a PTR record with the mail host's name.",
)
def ptr_missing(case: Case) -> Iterator[Found]:
    for host, address, answer in reverses(case):
        if answer is None:
            yield Found(
                address,
                f"Whether the address of {host} has a name is unknown: the servers of its reverse zone do not answer.",
                f"Ask the operator of the zone of {reverse_name(address)}.",
                unknown=True,
            )
        elif not answer["values"]:
            yield Found(
                address,
                f"The address of {host} has no PTR record: many servers do not accept mail from it.",
                f"Ask the owner of the network to add '{reverse_name(address)}. PTR' with the name by which the "
                "host greets.",
                observed=[],
            )


@rule(
    "ptr-not-ehlo",
    WARNING,
    SOURCE,
    "The name of a mail host's address (PTR) is not the name by which it greets.",
    "Make the PTR record and the server's own name (Postfix: myhostname) the same.",
)
def ptr_not_ehlo(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        greeting = greeting_name(dialogue)
        address = dialogue["address"]
        answer = case.dns.resolved(reverse_name(address), "PTR")
        # Of a name without an address ehlo-name speaks.
        if not case.dns.addresses(greeting) or case.reachability.not_public(address) or answer is None:
            continue
        if leading_back(case, address, answer["values"]) and greeting not in answer["values"]:
            yield Found(
                address,
                f"{dialogue['host']} greets as {greeting}, but the name of its address is {shown(answer['values'])}.",
                f"Set the server's own name to {answer['values'][0]}, or have the PTR record name {greeting}.",
                expected=answer["values"],
                observed=greeting,
            )
