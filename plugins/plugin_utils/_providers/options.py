# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which DNS service is written to, and how; documented in the fragment `dns_provider`."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .manual import instructions
from .rfc2136 import DEFAULT_PORTS, PROTOCOLS, Rfc2136, Rfc2136Options
from .run import Run, as_result
from .tsig import ALGORITHMS, DEFAULT_ALGORITHM, make_key

if TYPE_CHECKING:
    from .._records.declarations import Declared

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "provider": {"type": "str", "choices": ["rfc2136", "manual"], "default": "rfc2136"},
    "server": {"type": "str"},
    "port": {"type": "int"},
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "udp"},
    "ca_path": {"type": "path"},
    "key_name": {"type": "str"},
    # Credentials are plain strings: a choice that does not hold would print the value.
    "key_secret": {"type": "str", "no_log": True},
    "key_algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": DEFAULT_ALGORITHM},
    "timeout": {"type": "float", "default": 10.0},
    "concurrency": {"type": "int", "default": 32},
    "prune": {"type": "bool", "default": False},
    "wait_timeout": {"type": "float", "default": 0.0},
}


class InvalidOptions(ValueError):
    """problems: a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def run(
    options: Mapping[str, Any], declared: Declared, check_mode: bool, report: Callable[[str], None]
) -> dict[str, Any]:
    """Bring what is declared about, and return the task's result. `options` as ARGUMENT_SPEC has them.

    Raises InvalidOptions, and tsig.InvalidKey.
    """
    started = time.monotonic()
    _check(options, declared)
    goals = {zone: list(goals.values()) for zone, goals in declared.zones.items()}
    if options["provider"] == "manual":
        rrsets = sum(map(len, goals.values()))
        stats = {
            "zones": len(goals),
            "rrsets": rrsets,
            "unchanged": 0,
            "queries": 0,
            "messages": 0,
            "seconds": 0.0,
        }
        return {"changed": False, "changes": [], "stats": stats, "manual": instructions(goals)}
    provider = Rfc2136(
        Rfc2136Options(
            server=options["server"],
            port=options["port"] or DEFAULT_PORTS[options["protocol"]],
            protocol=options["protocol"],
            key=make_key(options["key_name"], options["key_secret"], options["key_algorithm"]),
            timeout=options["timeout"],
            ca_path=options["ca_path"],
        )
    )
    work = Run(provider, goals, check_mode, options["concurrency"], options["prune"], options["wait_timeout"], report)
    return as_result(asyncio.run(work.results()), provider, started)


def _check(options: Mapping[str, Any], declared: Declared) -> None:
    problems = list(declared.problems)
    if options["port"] is not None and not 1 <= options["port"] <= 65535:
        problems.append(f"port: 1 to 65535, not {options['port']}")
    if options["ca_path"]:
        try:
            ssl.create_default_context(cafile=options["ca_path"])
        except OSError as error:  # ssl.SSLError too
            problems.append(f"ca_path: {options['ca_path']} is no file with certificates ({error})")
    if options["timeout"] <= 0:
        problems.append(f"timeout: more than 0 seconds, not {options['timeout']:g}")
    if options["concurrency"] < 1:
        problems.append(f"concurrency: at least 1 zone at once, not {options['concurrency']}")
    if options["wait_timeout"] < 0:
        problems.append(f"wait_timeout: 0 or more seconds, not {options['wait_timeout']:g}")
    if problems:
        raise InvalidOptions(problems)
