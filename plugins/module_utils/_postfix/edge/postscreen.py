# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Postscreen in front of the SMTP server on port 25 (POSTSCREEN_README).

It rejects clients that talk before the greeting, and, if there are DNS blocklists, those that enough of them list. A
client that passed is known for a day, and its next connection goes to an SMTP server at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    LookupTable,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    dnsbl_answers_problem,
    dnsbl_threshold_problem,
    dnsbl_weight_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import PostscreenOption
_PROGRAM = "postscreen"


def postscreen_configuration(
    owner: str, declared: PostscreenOption, services: Mapping[str, Service], check: OptionReader
) -> Configuration:
    """declared: the suboptions of ``edge.postscreen``; services: what master.cf has without ours."""
    exempt = check.networks("edge.postscreen.exempt", declared.get("exempt") or ())
    access = LookupTable("postscreen_access", "cidr", tuple((str(network), "permit") for network in exempt))
    settings = {
        "postscreen_greet_action": "enforce",
        "postscreen_access_list": f"permit_mynetworks, {reference(owner, access)}",
        **_list_settings(declared, check),
    }
    return Configuration(settings, (access,), services=tuple(_services(services, check)))


def _list_settings(declared: PostscreenOption, check: OptionReader) -> dict[str, str]:
    sites, weights = [], 0
    lists = declared.get("dnsbl") or ()
    names = check.names("edge.postscreen.dnsbl", (entry["name"] for entry in lists))
    for number, (name, entry) in enumerate(zip(names, lists)):
        where = f"edge.postscreen.dnsbl[{number}]"
        weight, answers = entry.get("weight", 1), entry.get("answers") or ""
        if problem := dnsbl_weight_problem(weight):
            check.report(f"{where}.weight", *problem)
        if answers and (problem := dnsbl_answers_problem(answers)):
            check.report(f"{where}.answers", *problem)
        weights += max(weight, 0)
        sites.append(name + (f"={answers}" if answers else "") + (f"*{weight}" if weight != 1 else ""))
    if not sites:
        return {}
    threshold = declared.get("dnsbl_threshold", 1)
    if problem := dnsbl_threshold_problem(threshold, weights):
        check.report("edge.postscreen.dnsbl_threshold", *problem)
    return {
        "postscreen_dnsbl_sites": ", ".join(sites),
        "postscreen_dnsbl_threshold": str(threshold),
        "postscreen_dnsbl_action": "enforce",
    }


def _services(services: Mapping[str, Service], check: OptionReader) -> Iterable[Service]:
    on_25 = [service for service in services.values() if service.is_port_25]
    if not on_25:
        return  # Said of every configuration: nothing listens on port 25.
    if len(on_25) > 1:
        names = " and ".join(service.name for service in on_25)
        what = f"{names} are all on port 25, and there is one postscreen for all"
        check.report("master.cf", what, "Make one 'smtp inet' service of them")
        return
    listener = on_25[0]
    if listener.program not in ("smtpd", _PROGRAM):
        check.report(
            f"master.cf: {listener.key}",
            f"{listener.program} listens on port 25, not Postfix's SMTP server",
            "Make it smtpd, or leave edge.postscreen out",
        )
        return
    beside = replace(listener, private="-", wakeup="-")
    if listener.program == "smtpd":
        yield replace(listener, process_limit="1", command=_PROGRAM)
        # With what the SMTP server on port 25 was told: it goes on with the connections that postscreen passes to it.
        yield replace(beside, name="smtpd", type="pass")
    elif "smtpd/pass" not in services:
        yield replace(beside, name="smtpd", type="pass", process_limit="-", command="smtpd")
    for program in ("dnsblog", "tlsproxy"):
        if f"{program}/unix" not in services:
            yield replace(beside, name=program, type="unix", process_limit="0", command=program)
