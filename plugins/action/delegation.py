# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.inbound.mail.plugins.plugin_utils._deps import missing_libraries
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import (
    InvalidOptions,
    Provider,
    ProviderError,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation import (
    Contents,
    Delegation,
    NewServers,
    Parents,
    compared,
    new_servers,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import listed, validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import (
    ARGUMENT_SPEC,
    ArgumentSpec,
    ProviderOptions,
)
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.registry import provider_of
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.rfc2136.tsig import InvalidKey
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.secrets import secrets, with_environment
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import InvalidName, name_text, parse_name

if TYPE_CHECKING:
    from dns.name import Name

# Seconds between two looks at the parents, and for one of their answers.
_PAUSE = 5.0
_ANSWER_TIMEOUT = 3.0
# Zones that are asked for at once.
_AT_ONCE = 32
# How many zones of a service that fail are told one by one.
_SHOWN = 5
_MOVE_SPEC: ArgumentSpec = {
    "zone": {"type": "str", "required": True},
    "former": {"type": "list", "elements": "str", "required": True},
    "new": {"type": "list", "elements": "str", "required": True},
    "records": {"type": "list", "elements": "dict", "default": []},
}


class DelegationOptions(TypedDict):
    """wait_timeout: seconds."""

    endpoints: dict[str, object]
    zones: list[object]
    wait_timeout: float
    accept_differences: bool


class OurRecord(TypedDict):
    name: str
    type: str


class MoveOptions(TypedDict):
    """A zone of the options; former, new: keys of the endpoints; records: ours in the zone."""

    zone: str
    former: list[str]
    new: list[str]
    records: list[OurRecord]


class ZoneDelegation(TypedDict):
    """ttl: seconds."""

    zone: str
    delegated: bool
    ttl: int
    name_servers: list[str]
    named_by_parent: list[str]
    differences: list[str]


@dataclass(frozen=True)
class Move:
    """A zone, the endpoints that it leaves and those that have it then, and (name, type) of our records in it."""

    zone: Name
    former: list[str]
    new: list[str]
    ours: frozenset[tuple[Name, str]]


class ActionModule(ActionBase):
    """inbound.mail.delegation; documented in plugins/modules/delegation.py."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, object] | None = None) -> dict[str, object]:
        super().run(tmp, task_vars)
        if message := missing_libraries("dnspython"):
            return {"failed": True, "msg": message}
        # A plain copy, without the tags that ansible-core keeps at every string.
        arguments = json.loads(json.dumps(self._task.args, default=str))
        hidden: set[str] = set()
        try:
            result = self._look(arguments, hidden)
        except InvalidOptions as error:
            result = {"failed": True, "msg": listed(error.problems)}
        except InvalidName as error:
            result = {"failed": True, "msg": str(error)}
        except Exception as error:  # Whatever happens, no secret must be in what is shown of it.
            result = {"failed": True, "msg": f"Unexpected error: {error}", "exception": traceback.format_exc()}
        cleaned: dict[str, object] = remove_values(result, hidden)
        return cleaned

    def _look(self, arguments: Mapping[str, object], hidden: set[str]) -> dict[str, object]:
        spec: ArgumentSpec = {
            "endpoints": {"type": "dict", "required": True},
            "zones": {"type": "list", "elements": "dict", "required": True},
            "wait_timeout": {"type": "float", "default": 0.0},
            "accept_differences": {"type": "bool", "default": False},
        }
        options = cast(DelegationOptions, validated(spec, {"": arguments})[""])
        moves = _moves(options["zones"])
        services = _services(options["endpoints"], moves, hidden)
        try:
            servers, contents = asyncio.run(_read(moves, services))
            is_complete = not any(one.differences for found in contents.values() for one in found)
            # Nobody is asked to change a delegation to a host that is not ready.
            limit = options["wait_timeout"] if is_complete or options["accept_differences"] else 0.0
            looks = self._wait(servers, limit)
        except ProviderError as error:
            return {"failed": True, "msg": f"{error} Until that is mended, leave the delegation as it is."}
        return self._result(moves, servers, contents, looks, options["accept_differences"])

    def _wait(self, servers: Mapping[Name, NewServers], limit: float) -> dict[Name, Delegation]:
        """What the parents say in the end. What has to be done is shown, then waited for. Raises ProviderError."""
        parents = Parents(_ANSWER_TIMEOUT)
        deadline = time.monotonic() + limit
        longest: dict[Name, int] = {}
        told = False
        while True:
            looks, failures = _looks(parents, servers)
            if failures:
                # In an hour a network may be away for a moment.
                if not told or time.monotonic() >= deadline:
                    raise ProviderError("\n".join(_first(failures)))
                time.sleep(_PAUSE)
                continue
            longest = {zone: max(look.ttl, longest.get(zone, 0)) for zone, look in looks.items()}
            open_ = [zone for zone, look in looks.items() if not look.leads_only_to(servers[zone].addresses)]
            if not open_ or any(looks[zone].problems for zone in open_) or time.monotonic() >= deadline:
                break
            if not told:
                lines = [_request(zone, servers[zone], looks[zone]) for zone in open_]
                self._display.display("\n" + "\n".join(lines) + f"\nIt is waited for, at most {limit:.0f} s.\n")
                told = True
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
        return {zone: Delegation(look.parent, look.named, longest[zone], look.problems) for zone, look in looks.items()}

    def _result(
        self,
        moves: list[Move],
        servers: Mapping[Name, NewServers],
        contents: Mapping[Name, list[Contents]],
        looks: Mapping[Name, Delegation],
        accept_differences: bool,
    ) -> dict[str, object]:
        rows: list[ZoneDelegation] = []
        problems: list[str] = []
        requests: list[str] = []
        for move in moves:
            zone, look = move.zone, looks[move.zone]
            delegated = look.leads_only_to(servers[zone].addresses)
            differences = [text for one in contents[zone] for text in one.differences]
            rows.append(
                {
                    "zone": name_text(zone),
                    "delegated": delegated,
                    "ttl": look.ttl,
                    "name_servers": [name_text(host) for host in sorted(servers[zone].addresses)],
                    "named_by_parent": [name_text(host) for host in sorted(look.hosts)],
                    "differences": differences,
                }
            )
            if delegated:
                continue
            requests.append(_request(zone, servers[zone], look))
            problems += [f"{name_text(zone)}: {problem}" for problem in look.problems]
            if differences and not accept_differences:
                problems.append(
                    f"{name_text(zone)}: at the new DNS host {'; '.join(differences)}. Enter what is wanted there, as "
                    "nobody would find it any more (if all of it is meant to be so: -e "
                    "mail_cutover_accept_differences=true)"
                )
            for reason in dict.fromkeys(one.unread for one in contents[zone] if one.unread):
                self._display.warning(
                    f"Whether all other records of {name_text(zone)} are at the new DNS host was not compared: "
                    f"{reason} Compare them by hand before the delegation is changed."
                )
        result: dict[str, object] = {
            "changed": False,
            "zones": rows,
            "delegated": not requests,
            "ttl": max((look.ttl for look in looks.values()), default=0),
            "requests": requests,
        }
        if problems:
            result["failed"] = True
            result["msg"] = (
                "The new DNS host is not ready, and the delegation must not be changed yet; mail goes the former way.\n"
                + "\n".join(problems)
            )
        return result


def _moves(zones: list[object]) -> list[Move]:
    """Raises InvalidOptions, InvalidName."""
    places = {f"zones[{index}]": zone for index, zone in enumerate(zones)}
    moves = cast(dict[str, MoveOptions], validated(_MOVE_SPEC, places)).values()
    return [
        Move(
            parse_name(move["zone"]),
            move["former"],
            move["new"],
            frozenset((parse_name(record["name"]), record["type"]) for record in move["records"]),
        )
        for move in moves
    ]


def _services(described: Mapping[str, object], moves: list[Move], hidden: set[str]) -> dict[str, Provider]:
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


async def _read(
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
        raise ProviderError("\n".join(line for errors in failures.values() for line in _first(errors)))
    return servers, contents


def _first(errors: list[str]) -> list[str]:
    """A few for all."""
    more = len(errors) - _SHOWN
    return errors[:_SHOWN] + ([f"So it is with {more} more zones there."] if more > 0 else [])


def _looks(parents: Parents, servers: Mapping[Name, NewServers]) -> tuple[dict[Name, Delegation], list[str]]:
    """What the parents of the zones say now, and why those of others say nothing."""

    def look(zone: Name) -> Delegation | ProviderError:
        try:
            return parents.look(zone, servers[zone])
        except ProviderError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(servers, pool.map(look, servers), strict=True))
    looks = {zone: one for zone, one in found.items() if isinstance(one, Delegation)}
    return looks, [str(one) for one in found.values() if isinstance(one, ProviderError)]


def _request(zone: Name, new: NewServers, look: Delegation) -> str:
    """What somebody has to do."""
    wanted, named = sorted(new.addresses), sorted(look.hosts)
    glue = [f"{name_text(host)} {', '.join(found)}" for host, found in sorted(new.glue(zone).items())]
    led = sum(1 for names in look.named.values() if names and names <= set(wanted))
    return (
        f"Have the delegation of {name_text(zone)} changed by whoever keeps {name_text(look.parent)}, mostly the "
        f"registrar: NS {', '.join(map(name_text, wanted))} in place of "
        f"{', '.join(name_text(host) for host in named if host not in wanted) or 'nothing'}"
        f"{', with the addresses (glue) ' + '; '.join(glue) if glue else ''}. "
        f"{led} of {len(look.named)} name servers of {name_text(look.parent)} say so now."
    )
