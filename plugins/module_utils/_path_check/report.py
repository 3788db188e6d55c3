# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict as text for a terminal: what is wrong and how to fix it, what was proven, and the path that mail took."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import ACCEPTED, FINDING, UNKNOWN
from ansible_collections.inbound.mail.plugins.module_utils._path_check.proof import proven
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import counted, harmless, listed

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
        counted(summary[key], word)
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
    at = hop.get("at")
    when = "" if at is None else f", {int(at) - int(start):+d} s"
    return f"{hop['by']} (from {hop['address'] or hop['helo']}{when})"
