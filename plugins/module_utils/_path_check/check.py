# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: look, or take what was seen before, and judge."""

from __future__ import annotations

import platform
import socket
from datetime import date
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.arguments import ArgumentsError, checked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.trace_fields import seconds_of
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.findings import CheckResult, fails, summary
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.look import observe
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.request import ObservationRequest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.proof import proven
from ansible_collections.inbound.mail.plugins.module_utils._path_check.received import Damaged, sound
from ansible_collections.inbound.mail.plugins.module_utils._path_check.report import report, verdict
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import RULES
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import judge
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import Params
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations


def run(params: Params, check_mode: bool) -> tuple[str | None, CheckResult]:
    """Why the task fails, None if it does not, and its result. Raises ArgumentsError."""
    params, expect = checked(params)
    if params["observations"]:
        observation = _earlier(params["observations"])
    else:
        observation = observe(_request(params, expect, check_mode))
    case = Case(
        expect,
        observation,
        domain=params["domain"],
        public_networks=params["public_networks"],
        controls=params["controls"],
        egress_targets=params["egress_targets"],
    )
    findings = [] if params["egress_only"] or params["inside"] else judge(case, params["accepted"], date.today())
    counts = summary(findings)
    text = report(case, findings, counts)
    result: CheckResult = {
        "changed": False,
        "findings": findings,
        "summary": counts,
        "proven": proven(case),
        "report": text,
        "stats": {
            "seconds": observation["seconds"],
            "servers": sum(len(zone["servers"]) for zone in observation["zones"]),
            "dialogues": len(observation["dialogues"]),
            "rules": len(RULES),
        },
        "observation": observation,
    }
    return f"{verdict(counts)}\n{text}" if fails(counts, params["fail_on"]) else None, result


def _request(params: Params, expect: Expectations, check_mode: bool) -> ObservationRequest:
    own_name = socket.getfqdn().lower()
    request = ObservationRequest(
        expect=expect,
        domain=params["domain"],
        vantage=params["vantage"] or platform.node(),
        helo=params["helo"] or (own_name if "." in own_name and not own_name.endswith(".localdomain") else ""),
        resolvers=params["resolvers"],
        authoritative=params["authoritative"],
        smtp=params["smtp"],
        send=params["delivery"] and not check_mode,
        controls=params["controls"],
        egress_targets=params["egress_targets"],
        only_egress=params["egress_only"],
        inside=params["inside"],
        timeout=params["timeout"],
        smtp_timeout=params["smtp_timeout"],
        deadline=params["deadline"] + params["greylist_timeout"],
        patience=params["delivery_timeout"],
        greylist_patience=params["greylist_timeout"],
        concurrency=params["concurrency"],
        public_networks=params["public_networks"],
    )
    return request.with_resolvers() if request.needs_dns else request


def _earlier(observations: list[seen.Observation]) -> seen.Observation:
    """Earlier observations as one."""
    for one in observations:
        if one.get("format_version") not in seen.READ_VERSIONS:
            raise ArgumentsError(
                f"observations: one has format_version {one.get('format_version')!r}, and this release reads "
                f"{' and '.join(map(str, seen.READ_VERSIONS))}. Observe again."
            )
    return seen.merged([_sound(one, number) for number, one in enumerate(observations, 1)])


def _sound(observation: object, number: int) -> seen.Observation:
    """Empty and saying so, if it is damaged: the others are judged all the same."""
    try:
        found = sound(observation)
        for trace in found.get("traces", []):
            for hop in trace["hops"]:
                hop.setdefault("at", seconds_of(hop["date"]))  # releases before 0.9.0 wrote the date alone
        return found
    except Damaged as error:
        vantage = observation.get("vantage") if isinstance(observation, dict) else None
        host = harmless(vantage) if isinstance(vantage, str) and vantage else f"observation {number}"
        empty = seen.empty(host)
        empty["damaged"] = [{"host": host, "why": harmless(str(error))}]
        return empty
