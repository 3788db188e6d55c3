# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed to be correct, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import is_authoritative
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.reachability import family
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, meaning_of, steps
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import (
    OTHER,
    POLICY,
    RECIPIENT,
    RELAYING,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import (
    OWN_SENDER,
    POSTMASTER,
    POSTMASTER_NULL,
    STRANGER,
    STRANGERS_POSTMASTER,
    is_greylisted,
)
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import counted, harmless, listed

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def proven(case: Case) -> list[str]:
    """A line for each kind."""
    lines = [*_proven_records(case), *_proven_ports(case), *_proven_smtp(case), *_proven_egress(case)]
    return [harmless(line, 1000) for line in lines]


def _proven_records(case: Case) -> list[str]:
    right, servers = 0, set()
    for record in case.dns.public_records:
        expected = case.dns.expected_values(record["name"], record["type"])
        said = case.dns.said(record["name"], record["type"])
        if said and all(values == expected for _who, values, _alias in said):
            right += 1
            servers |= {
                (server["name"], server["address"])
                for server, answer in case.dns.answers(record["name"], record["type"])
                if is_authoritative(answer)
            }
    if not right:
        return []
    names = {name for name, _address in servers}
    where = (
        f"the same at {counted(len(servers), 'address')} of {listed(sorted(names))}" if servers else "by the resolvers"
    )
    return [f"{counted(right, 'RRset')} of MX and addresses as declared, {where}"]


def _proven_ports(case: Case) -> list[str]:
    reach = case.reachability
    answering = [address for _host, address, port in reach.expected_open if reach.status(address, port) == seen.OPEN]
    closed = [
        one["address"]
        for one in reach.expected_closed
        if reach.status(one["address"], one["port"]) in (seen.TIMEOUT, seen.REFUSED)
        and reach.proven_family(family(one["address"]))
    ]
    lines = []
    if answering:
        lines.append(f"port 25 open from outside: {listed(answering)}")
    if closed:
        lines.append(f"port 25 closed from outside: {listed(closed)}")
    return lines


def _proven_smtp(case: Case) -> list[str]:
    taken = {
        step["domain"]
        for one in case.smtp.dialogues
        for step in steps(one, POSTMASTER, POSTMASTER_NULL)
        if accepts(step)
    }
    refused = [
        one["host"]
        for one in case.smtp.dialogues
        if _relaying_was_refused(one)
        # "Later" may become a yes.
        and not any(accepts(step) or is_greylisted(step) for step in steps(one, STRANGER, OWN_SENDER))
    ]
    lines = []
    if taken:
        lines.append(f"mail accepted for the postmaster of {listed(sorted(taken))}")
    if refused:
        lines.append(f"relaying for strangers denied by {listed(list(dict.fromkeys(refused)))}")
    return lines


def _relaying_was_refused(dialogue: seen.Dialogue) -> bool:
    """Whether a stranger's recipient was refused for being one, and not for the vantage, its sender or its domain."""
    control = any(accepts(step) for step in steps(dialogue, STRANGERS_POSTMASTER))
    return any(
        meaning_of(step) == RELAYING
        or (control and step["code"] >= 500 and meaning_of(step) in (OTHER, POLICY, RECIPIENT))
        for step in steps(dialogue, STRANGER)
    )


def _proven_egress(case: Case) -> list[str]:
    open_, closed = [], []
    for one in case.expect["egress"]:
        states = [
            case.reachability.status(target, SMTP_PORT, one["source"]) for target in case.reachability.egress_targets
        ]
        if one["open"] and seen.OPEN in states:
            open_.append(one["source"])
        elif not one["open"] and seen.OPEN not in states and (seen.TIMEOUT in states or seen.REFUSED in states):
            closed.append(one["source"])
    lines = []
    if open_:
        lines.append(f"sends to the outside on port 25: {listed(open_)}")
    if closed:
        lines.append(f"cannot send to the outside on port 25: {listed(closed)}")
    return lines
