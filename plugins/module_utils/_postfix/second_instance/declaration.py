# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a second Postfix of this host, run with a new configuration, does otherwise than declared.

Lists of parameters that outrank ours would never be complete. So the running program is asked, and the line behind a
wrong answer is found by leaving lines of others out until the answer is right.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import list_items
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.ask import ask
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.cause import causes, suspects
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.isolation import IsolationError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.judge import (
    Contradiction,
    Transport,
    contradictions,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import (
    questions_of,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.second_postfix import (
    HostAddress,
    Place,
    Texts,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.host import PostfixHost
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import PostfixOptions
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.cause import Suspect

# Of one cause; the others are of the same kind.
_SHOWN = 3
_WRAPPERMODE = "smtp_tls_wrappermode"


def declaration_problems(
    host: PostfixHost,
    options: PostfixOptions,
    configuration: Configuration,
    files: Mapping[str, str],
    tables: Mapping[str, str],
    mynetworks: str,
) -> list[Problem] | None:
    """Empty if the answers are those that the options ``relay`` or ``server`` make one expect.

    files, tables: the new configuration; mynetworks: what that amounts to in it. Raises HostError where a second
    Postfix gives no answers. Where the host does not allow one, the module warns, and there are none: None.
    """
    try:
        return _contradicted(host, options, configuration, files, tables, mynetworks)
    except HostError as failure:
        raise HostError(f"The second Postfix that the new configuration is tried with: {failure}") from failure
    except IsolationError as failure:
        host.module.warn(
            f"The new configuration was not tried as a second Postfix beside the first ({failure}), so other settings "
            "of this host that overrule it would not be noticed. Look with: verify"
        )
        return None


def _contradicted(
    host: PostfixHost,
    options: PostfixOptions,
    configuration: Configuration,
    files: Mapping[str, str],
    tables: Mapping[str, str],
    mynetworks: str,
) -> list[Problem]:
    owner = options["name"]
    # A certificate that is there stays.
    texts = Texts(files["main.cf"], files["master.cf"], owner, tables, frozenset(host.certificates(owner)))
    addresses = _addresses(host)
    questions = questions_of(
        options,
        configuration,
        [one.address for one in addresses],
        [*_networks(mynetworks), *(ip_network(f"{one.address}/{one.prefix}", strict=False) for one in addresses)],
        bool(main_cf.settings_of(files["main.cf"]).get("virtual_alias_maps")),
    )
    with tempfile.TemporaryDirectory(prefix="postfix-", dir=host.module.tmpdir) as folder:
        place = _place(host, addresses, Path(folder))

        found = contradictions(questions, ask(place, texts, questions), _transports(texts))
        if not found:
            return []
        kept = {one.question for one in found}
        only = replace(
            questions,
            routes=tuple(one for one in questions.routes if one in kept),
            hand_in=tuple(one for one in questions.hand_in if one in kept),
        )

        def still_wrong(tried: Texts) -> list[Contradiction]:
            # No answer is no right one.
            try:
                answers = ask(place, tried, only)
            except HostError:
                return found
            if answers.not_started:
                return found
            unanswered = (question for question, reply in zip(only.hand_in, answers.hand_in) if reply is None)
            return [
                *contradictions(only, answers, _transports(tried)),
                *(Contradiction(question, "") for question in unanswered),
            ]

        behind = causes(texts, found, suspects(texts, configuration.settings), still_wrong)
    return _problems(behind)


def _problems(behind: Mapping[Contradiction, tuple[Suspect, ...]]) -> list[Problem]:
    """One of each cause."""
    by_cause: dict[tuple[Suspect, ...], list[str]] = {}
    for contradiction, lines in behind.items():
        by_cause.setdefault(lines, []).append(contradiction.message)
    return [_problem(lines, messages) for lines, messages in by_cause.items()]


def _problem(lines: tuple[Suspect, ...], messages: list[str]) -> Problem:
    more = f"; and {len(messages) - _SHOWN} more of this kind" if len(messages) > _SHOWN else ""
    what = "; ".join(messages[:_SHOWN]) + more
    if not lines:
        remedy = "Compare with 'postconf -n' and 'postconf -P' what was declared; no single line explains it"
        return Problem("Postfix with the new configuration", what, remedy)
    places = ", ".join(dict.fromkeys(line.place for line in lines))
    values = " and ".join(f"'{line.value}'" if line.value else "what is there" for line in lines)
    return Problem(places, f"with {values}, {what}", "Take that out or correct it, then run this again")


def _place(host: PostfixHost, addresses: tuple[HostAddress, ...], folder: Path) -> Place:
    return Place(
        host.config_directory,
        Path(host.value("queue_directory")),
        Path(host.value("data_directory")),
        os.path.join(host.value("daemon_directory"), "master"),
        host.commands,
        addresses,
        _has_ipv6(),
        folder,
    )


def _addresses(host: PostfixHost) -> tuple[HostAddress, ...]:
    """Those that other hosts can reach this one by."""
    if not host.commands.path("ip"):
        raise IsolationError("there is no program ip (Debian: package iproute2)")
    links = json.loads(host.commands.must("ip", "-json", "address", "show", "up") or "[]")
    found = [
        HostAddress(one["local"], one["prefixlen"])
        for link in links
        for one in link.get("addr_info", ())
        if one.get("scope") == "global" and "local" in one
    ]
    return tuple(dict.fromkeys(found))


def _has_ipv6() -> bool:
    switch = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    return switch.is_file() and switch.read_text(encoding="ascii").strip() == "0"


def _networks(mynetworks: str) -> Iterable[Network]:
    """Those that are written as such; what stands in tables is not known."""
    for item in list_items(mynetworks):
        try:
            yield ip_network(item.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            continue


def _transports(texts: Texts) -> dict[str, Transport]:
    everywhere = main_cf.settings_of(texts.main_cf).get(_WRAPPERMODE, "no")
    return {
        service.name: Transport(service.program, (service.option(_WRAPPERMODE) or everywhere) == "yes")
        for service in master_cf.services_of(texts.master_cf).values()
        if service.type == "unix"
    }
