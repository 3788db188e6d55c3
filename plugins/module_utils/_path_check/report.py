# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict as text for a terminal: what is wrong and how to fix it, what was proven, and the path that mail took."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.trace_fields import seconds_after
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import is_authoritative
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import accepts, steps
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import ACCEPTED, FINDING, UNKNOWN
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import harmless, listed
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import (
    OWN_SENDER,
    POSTMASTER,
    POSTMASTER_NULL,
    STRANGER,
    is_greylisted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import Finding

_WIDTH = 118


def report(case: Case, findings: Sequence[Finding], summary: dict[str, int]) -> str:
    """Lines of at most 118 columns, without colour or control characters."""
    parts = [_finding(one) for one in findings]
    proof = proven(case)
    if proof:
        parts.append("\n".join(["Proven", *(_item(line) for line in proof)]))
    ways = deliveries(case)
    if ways:
        heading = (
            "Delivered (for each host: the client that it saw, and the seconds since the message was sent, by the "
            "host's clock)"
        )
        parts.append("\n".join([heading, *(_item(line) for line in ways)]))
    parts.append(verdict(summary))
    return "\n\n".join(parts)


def verdict(summary: dict[str, int]) -> str:
    words = [
        _count(summary[key], word)
        for key, word in (("error", "error"), ("warning", "warning"), ("notice", "notice"))
        if summary[key]
    ]
    if summary[UNKNOWN]:
        words.append(f"{summary[UNKNOWN]} unknown")
    if summary[ACCEPTED]:
        words.append(f"{summary[ACCEPTED]} accepted")
    found = summary["error"] + summary["warning"] + summary["notice"]
    if not found:
        return f"Verdict: no finding{f' ({listed(words)})' if words else ''}."
    return f"Verdict: {listed(words)}."


def _finding(finding: Finding) -> str:
    severity = finding["severity"].upper() if finding["status"] == FINDING else finding["status"].upper()
    lines = [f"{severity:9}{finding['id']}  {finding['subject']}"]
    lines += textwrap.wrap(finding["message"], _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)
    if finding["status"] == ACCEPTED:
        until = f" (until {finding['until']})" if finding.get("until") else ""
        remedy = f"Accepted: {harmless(str(finding['reason']))}{until}"
    else:
        remedy = f"-> {finding['remedy']}"
    lines += textwrap.wrap(remedy, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 12)
    if finding["status"] == FINDING and finding.get("until"):
        expired = f"It was accepted until {finding['until']}: {harmless(str(finding['reason']))}"
        lines += textwrap.wrap(expired, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 12)
    return "\n".join(lines)


def _item(line: str) -> str:
    return "\n".join(textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))


def proven(case: Case) -> list[str]:
    """What was seen to be as it should be, a line for each kind."""
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
        f"the same at {_count(len(servers), 'address')} of {listed(sorted(names))}" if servers else "by the resolvers"
    )
    return [f"{_count(right, 'RRset')} of MX and addresses as declared, {where}"]


def _proven_ports(case: Case) -> list[str]:
    reach = case.reachability
    answering = [address for _host, address, port in reach.expected_open if reach.status(address, port) == seen.OPEN]
    closed = [
        one["address"]
        for one in reach.expected_closed
        if reach.status(one["address"], one["port"]) in (seen.TIMEOUT, seen.REFUSED)
        and reach.proven_family(6 if ":" in one["address"] else 4)
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
        if any(step["code"] >= 450 for step in steps(one, STRANGER))
        # "Later" may become a yes.
        and not any(accepts(step) or is_greylisted(step) for step in steps(one, STRANGER, OWN_SENDER))
    ]
    lines = []
    if taken:
        lines.append(f"mail accepted for the postmaster of {listed(sorted(taken))}")
    if refused:
        lines.append(f"relaying for strangers denied by {listed(list(dict.fromkeys(refused)))}")
    return lines


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


def deliveries(case: Case) -> list[str]:
    """The path of each message that arrived, from its Received fields."""
    lines = []
    for sent in case.observation["sent"]:
        for trace in case.observation["traces"]:
            if trace["token"] == sent["token"]:
                way = [_hop(hop, sent["at"]) for hop in trace["hops"]]
                place = f"{trace['host']}:{trace['file']}"
                lines.append(
                    harmless(" -> ".join([f"{sent['recipient']}: {case.reachability.vantage}", *way, place]), 1000)
                )
    return lines


def _hop(hop: seen.Hop, start: float) -> str:
    seconds = seconds_after(start, hop["date"])
    when = "" if seconds is None else f", {seconds:+d} s"
    return f"{hop['by']} (from {hop['address'] or hop['helo']}{when})"


def _count(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number} {word}es" if word.endswith("s") else f"{number} {word}s"
