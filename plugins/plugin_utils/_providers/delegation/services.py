# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The DNS services between which zones move, and what they say of these zones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, cast

from ..base import InvalidOptions, Provider, ProviderError
from ..dns_action import validated
from ..options import ARGUMENT_SPEC, ProviderOptions
from ..registry import provider_of
from ..rfc2136.tsig import InvalidKey
from ..secrets import secrets, with_environment
from .contents import Contents, compared
from .moves import Move
from .name_servers import NewServers, new_servers
from .report import first_of

if TYPE_CHECKING:
    from dns.name import Name


def services_of(described: Mapping[str, object], moves: list[Move], hidden: set[str]) -> dict[str, Provider]:
    """Those that are needed; their secrets are put into `hidden`. Raises InvalidOptions, with what is wrong in any."""
    services: dict[str, Provider] = {}
    problems: list[str] = []
    for endpoint in dict.fromkeys(endpoint for move in moves for endpoint in (*move.former, *move.new)):
        place = f"mail_dns.{endpoint}"
        if endpoint not in described:
            problems.append(
                f"mail_dns has no {endpoint} any more, and the former state has zones there: keep it in mail_dns until "
                "the cutover has ended"
            )
            continue
        given = described[endpoint]
        if isinstance(given, Mapping):
            hidden |= secrets(given)
        try:
            options = cast(ProviderOptions, validated(ARGUMENT_SPEC, {place: given})[place])
        except InvalidOptions as error:
            problems += error.problems
            continue
        if options["provider"] == "manual":
            problems.append(
                f"{place} is filled in by hand (provider: manual), and a zone that moves has to be read and written at "
                "both DNS hosts. Let it be at both (dns: [old, new]), enter what inbound.mail.site asks for, have the "
                "delegation changed, and take the old one out when its TTL has passed"
            )
            continue
        try:
            options = cast(ProviderOptions, with_environment(options))
            hidden |= secrets(options)
            services[endpoint] = provider_of(options)
        except InvalidOptions as error:
            problems += [f"{place}: {problem}" for problem in error.problems]
        except InvalidKey as error:
            problems.append(f"{place}: {error}")
    if problems:
        raise InvalidOptions(problems)
    return services


async def inquire(
    moves: list[Move], services: Mapping[str, Provider]
) -> tuple[dict[Name, NewServers], dict[Name, list[Contents]]]:
    """What the new services say of themselves, and how their zones differ. Raises ProviderError, with what went wrong
    at any of them."""
    servers: dict[Name, NewServers] = {}
    contents: dict[Name, list[Contents]] = {}
    failures: dict[str, list[str]] = {}
    async with AsyncExitStack() as stack:
        for service in services.values():
            await stack.enter_async_context(service)
        for move in moves:
            servers[move.zone], contents[move.zone] = NewServers({}), []
            for endpoint in move.new:
                try:
                    servers[move.zone] |= await new_servers(move.zone, services[endpoint])
                except ProviderError as error:
                    failures.setdefault(endpoint, []).append(str(error))
                else:
                    former, new = services[move.former[0]], services[endpoint]
                    contents[move.zone].append(await compared(move.zone, former, new, move.ours))
    if failures:
        raise ProviderError(*(line for errors in failures.values() for line in first_of(errors)))
    return servers, contents
