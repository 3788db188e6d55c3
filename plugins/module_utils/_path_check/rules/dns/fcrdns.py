# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the name of a mail host's address leads back to the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.dns.ptr import (
    SOURCE,
    leading_back,
    reverses,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "fcrdns",
    WARNING,
    SOURCE,
    "The name of a mail host's address (PTR) does not resolve back to the address.",
    "Give the name that address, or have the PTR record name a host that has it.",
)
def fcrdns(case: Case) -> Iterator[Found]:
    for host, address, answer in reverses(case):
        if answer is None or not answer["values"] or leading_back(case, address, answer["values"]):
            continue
        asked = all(case.dns.was_resolved(name) for name in answer["values"])
        lead = shown(one for name in answer["values"] for one in case.dns.addresses(name))
        yield Found(
            address,
            f"The PTR record of the address of {host} is {shown(answer['values'])}, which "
            + (f"resolves to {lead}." if asked else "could not be resolved."),
            f"Give {answer['values'][0]} the address {address}, or ask the owner of the network to enter the "
            "host's name in the PTR record.",
            expected=address,
            observed=answer["values"],
            unknown=not asked,
        )
