# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that the module's parameters ask for, on top of what the host has without ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import DamagedBlockError
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import main_cf, master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    Former,
    located,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.lifetimes import domain_lifetimes
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OWNER
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.server import server_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import (
        DomainOption,
        EdgeOption,
        PostfixOptions,
        RelayOption,
        ServerOption,
    )
_PARAMETER = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Others:
    """What other owners have on the host: parameter of main.cf, or service of master.cf -> owner."""

    settings: Mapping[str, str]
    services: Mapping[str, str]


def desired(params: PostfixOptions, files: Mapping[str, str], known: Collection[str] | None) -> Configuration:
    """Raises InvalidError with everything that is wrong.

    params: the module's; files: texts of main.cf and master.cf; known: the parameters that the host's Postfix has, None
    where there is none yet.
    """
    owner = params["name"]
    if not OWNER.fullmatch(owner):
        what = f"{owner!r} cannot name a block in main.cf"
        raise InvalidError([Problem("name", what, "Use a to z, 0 to 9 and _")])
    before, others = _there(files, owner, known)
    if params["state"] == "absent":
        return Configuration()
    configuration, problems = _declared(params, before)
    settings, unfit = _read_settings(params["settings"])
    problems += unfit
    what = f"this parameter follows from the option {'relay' if params['relay'] else 'server'}"
    problems += [
        Problem(f"settings.{name}", what, "Leave it out here") for name in settings if name in configuration.settings
    ]
    configuration = replace(configuration, settings={**configuration.settings, **settings})
    problems += _owned_problems(configuration, others)
    if problems:
        # A service that is missing is missed by all that would set something there.
        raise InvalidError(list(dict.fromkeys(problems)))
    directory = str(Path(params["config_directory"]))
    located_settings = {name: located(value, directory) for name, value in configuration.settings.items()}
    return replace(configuration, settings=located_settings)


def _there(files: Mapping[str, str], owner: str, known: Collection[str] | None) -> tuple[Former, Others]:
    name = "main.cf"
    try:
        former = main_cf.settings_of(main_cf.without_settings(files[name], owner))
        settings = main_cf.owned_by_others(files[name], owner)
        name = "master.cf"
        services = master_cf.services_of(master_cf.without_services(files[name], owner))
        return Former(former, services, known), Others(settings, master_cf.owned_by_others(files[name], owner))
    except DamagedBlockError as error:
        remedy = "Put that line back, or delete the block and take '#inbound.mail ...: ' off the lines that have it"
        raise InvalidError([Problem(name, str(error), remedy)]) from error


def _declared(params: PostfixOptions, before: Former) -> tuple[Configuration, list[Problem]]:
    """What follows from `relay` or `server`, and from `edge`; of what has problems nothing."""
    owner: str = params["name"]
    edge: EdgeOption = params["edge"] or {}
    configuration = Configuration()
    problems: list[Problem] = []
    if not params["relay"] and not params["server"]:
        remedy = "Declare one of them in the same task, or set parameters one by one in settings"
        what = "it belongs to a relay or a server, and neither is declared"
        return configuration, [Problem("edge", what, remedy)] if edge else []
    try:
        if params["relay"]:
            relay: RelayOption = {**params["relay"], "credentials": params["credentials"]}
            configuration = relay_configuration(owner, relay, before)
        elif params["server"]:
            server: ServerOption = {**params["server"], "credentials": params["credentials"]}
            configuration = server_configuration(owner, server, before.settings)
    except InvalidError as invalid:
        problems += invalid.problems
    try:
        problems += _required_tls_problems(params)
        # One service can have options for both.
        services = {**before.services, **{service.key: service for service in configuration.services}}
        configuration += edge_configuration(owner, edge, replace(before, services=services))
    except InvalidError as invalid:
        problems += invalid.problems
    try:
        domains: Sequence[DomainOption] = params["relay"]["domains"] if params["relay"] else ()
        configuration += domain_lifetimes(domains, edge, before)
    except InvalidError as invalid:
        problems += invalid.problems
    return configuration, problems


def _required_tls_problems(params: PostfixOptions) -> list[Problem]:
    """A host that faces the outside must not reject clients that cannot encrypt (RFC 3207, section 4)."""
    if not (params["edge"] or {}).get("tls_required") or (params["server"] and params["server"]["accept_from"]):
        return []
    remedy = "Leave it out, or name the relays in server.accept_from"
    return [Problem("edge.tls_required", "this host accepts mail from any sender, and many cannot encrypt", remedy)]


def _read_settings(declared: Mapping[str, object]) -> tuple[dict[str, str], list[Problem]]:
    """The option ``settings`` as main.cf has it, and what is wrong with it. YAML reads a bare yes as true."""
    found: dict[str, str] = {}
    problems = []
    for name, value in declared.items():
        found[name] = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        option = f"settings.{name}"
        if not _PARAMETER.fullmatch(name):
            problems.append(Problem(option, "this is not the name of a parameter", "See man 5 postconf"))
        if not isinstance(value, (str, int, float)):
            remedy = "Write it as main.cf has it, several values with commas between them; '' for an empty one"
            problems.append(Problem(option, "the value is not text", remedy))
        elif "\n" in found[name]:
            problems.append(Problem(option, "the value has more than one line", "Write it in one line"))
        elif "\0" in found[name]:
            problems.append(Problem(option, "the value has a NUL character", "Leave it out"))
    return found, problems


def _owned_problems(configuration: Configuration, others: Others) -> Iterator[Problem]:
    """A parameter or service has one owner on a host."""
    for name in configuration.settings:
        if name in others.settings:
            other = others.settings[name]
            yield Problem(
                f"main.cf: {name}",
                f"it is set by 'inbound.mail {other}' on this host already",
                f"Take that away first (state: absent with name: {other}), or leave the parameter to it",
            )
    for service in configuration.services:
        if service.key in others.services:
            other = others.services[service.key]
            yield Problem(
                f"master.cf: {service.key}",
                f"it is set by 'inbound.mail {other}' on this host already",
                f"Take that away first (state: absent with name: {other})",
            )
