# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a task to the DNS service that they are about."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from .._records.names import InvalidName, parse_name
from . import manual
from .base import InvalidOptions, Provider, Traffic
from .http.url import url_problem
from .options import MANUAL, SPECIAL, USES, ProviderOptions, misplaced
from .reconcile import Run
from .secrets import TOKEN_VARIABLES
from .task_result import as_result

if TYPE_CHECKING:
    from dns.name import Name

    from .._records.declarations import Declared
    from .._records.rrsets import Goal
    from .task_result import TaskResult, TaskStats


# Modules beside this one, of which a task imports its own.
_MODULES = {
    "rfc2136": "rfc2136.provider",
    "powerdns": "powerdns",
    "cloudflare": "cloudflare.provider",
    "route53": "route53.provider",
    "octodns": "octodns.provider",
}


def _create(options: ProviderOptions) -> Provider:
    """Raises InvalidOptions, tsig.InvalidKey."""
    provider: Provider = import_module(f"{__package__}.{_MODULES[options['provider']]}").create(options)
    return provider


def run(options: ProviderOptions, declared: Declared, check_mode: bool, report: Callable[[str], None]) -> TaskResult:
    """Bring what is declared about, and return the task's result. `options` as ARGUMENT_SPEC has them.

    Raises InvalidOptions, and tsig.InvalidKey.
    """
    started = time.monotonic()
    _check(options, declared.problems)
    goals = {zone: list(goals.values()) for zone, goals in declared.zones.items()}
    if options["provider"] == MANUAL:
        return _by_hand(options, goals, started)
    provider = _create(options)
    work = Run(
        provider,
        goals,
        check_mode,
        options["concurrency"],
        options["prune"],
        options["wait_timeout"],
        report,
        former_exchanges=frozenset(map(parse_name, options["former_exchanges"])),
        rehearsal=not options["write"],
    )
    result = as_result(asyncio.run(work.results()), provider, started)
    if not options["write"]:
        # Nothing is about to happen, so nothing is announced.
        result["changed"] = False
        del result["diff"]
    return result


def _by_hand(options: ProviderOptions, goals: Mapping[Name, Collection[Goal]], started: float) -> TaskResult:
    traffic = Traffic()
    answers = asyncio.run(manual.answers(goals, options["timeout"], options["concurrency"], traffic))
    stats: TaskStats = {
        "zones": len(goals),
        "rrsets": sum(map(len, goals.values())),
        "unchanged": 0,
        "queries": traffic.queries,
        "messages": 0,
        "seconds": round(time.monotonic() - started, 3),
    }
    return {"changed": False, "changes": [], "stats": stats, "manual": {**manual.instructions(goals), **answers}}


def provider_of(options: ProviderOptions) -> Provider:
    """The DNS service itself. Raises InvalidOptions, also for one that is not written to from here, and InvalidKey."""
    _check(options)
    if options["provider"] == MANUAL:
        raise InvalidOptions([f"provider: {MANUAL} has no service that can be asked"])
    return _create(options)


def _check(options: ProviderOptions, others: Collection[str] = ()) -> None:
    """others: problems found before."""
    problems = list(others)
    provider = options["provider"]
    uses = USES[provider]
    given = {name for name, value in options.items() if name in SPECIAL and value not in (None, "", {})}
    problems += [f"{name}: the provider {provider} has no use for it" for name in misplaced(provider, given)]
    if "api_token" in uses and "api_token" not in given:
        problems.append(f"api_token: the provider {provider} needs it, here or in {TOKEN_VARIABLES[provider]}")
    if options["url"] and (problem := url_problem(options["url"])):
        problems.append(f"url: {problem}")
    if options["port"] is not None and not 1 <= options["port"] <= 65535:
        problems.append(f"port: 1 to 65535, not {options['port']}")
    if options["ca_path"]:
        try:
            ssl.create_default_context(cafile=options["ca_path"])
        except OSError as error:  # ssl.SSLError too
            problems.append(f"ca_path: it is no file with certificates ({error.strerror or error})")
    if options["timeout"] <= 0:
        problems.append(f"timeout: more than 0 seconds, not {options['timeout']:g}")
    if options["concurrency"] < 1:
        problems.append(f"concurrency: at least 1 zone at once, not {options['concurrency']}")
    for name in options["former_exchanges"]:
        try:
            parse_name(name)
        except InvalidName as error:
            problems.append(f"former_exchanges: {error}")
    if options["wait_timeout"] < 0:
        problems.append(f"wait_timeout: 0 or more seconds, not {options['wait_timeout']:g}")
    if problems:
        raise InvalidOptions(problems)
