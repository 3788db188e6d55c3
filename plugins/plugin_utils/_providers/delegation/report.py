# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module delegation returns, and asks the administrator to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NotRequired, TypedDict

from ..._records.names import name_text
from .contents import Contents
from .moves import Move
from .name_servers import NewServers
from .parents import DelegationStatus

if TYPE_CHECKING:
    from dns.name import Name

# How many zones of a service that fail are told one by one.
_SHOWN = 5


class ZoneDelegation(TypedDict):
    """ttl: seconds."""

    zone: str
    delegated: bool
    ttl: int
    name_servers: list[str]
    named_by_parent: list[str]
    differences: list[str]


class DelegationResult(TypedDict):
    """As the documentation of the module has it. ttl: seconds."""

    changed: bool
    zones: list[ZoneDelegation]
    delegated: bool
    ttl: int
    requests: list[str]
    failed: NotRequired[bool]
    msg: NotRequired[str]


def result_of(
    moves: list[Move],
    servers: Mapping[Name, NewServers],
    contents: Mapping[Name, list[Contents]],
    looks: Mapping[Name, DelegationStatus],
    accept_differences: bool,
    warn: Callable[[str], None],
) -> DelegationResult:
    """looks: what the parents say in the end; accept_differences: whether records may be missing at the new service."""
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
        requests.append(request_text(zone, servers[zone], look))
        problems += [f"{name_text(zone)}: {problem}" for problem in look.problems]
        if differences and not accept_differences:
            problems.append(
                f"{name_text(zone)}: at the new DNS host {'; '.join(differences)}. Enter what is wanted there, as "
                "resolvers would not find it any more (if all of it is meant to be so: -e "
                "mail_cutover_accept_differences=true)"
            )
        for reason in dict.fromkeys(one.unread for one in contents[zone] if one.unread):
            warn(
                f"Whether all other records of {name_text(zone)} are at the new DNS host was not compared: "
                f"{reason} Compare them by hand before the delegation is changed."
            )
    result: DelegationResult = {
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


def request_text(zone: Name, new: NewServers, look: DelegationStatus) -> str:
    """The change of the delegation that the administrator has to ask for."""
    wanted, named = sorted(new.addresses), sorted(look.hosts)
    glue = [f"{name_text(host)} {', '.join(found)}" for host, found in sorted(new.glue(zone).items())]
    led = sum(1 for names in look.named.values() if names and names <= set(wanted))
    return (
        f"Have the delegation of {name_text(zone)} changed by the operator of {name_text(look.parent)}, mostly "
        f"through the registrar: NS {', '.join(map(name_text, wanted))} in place of "
        f"{', '.join(name_text(host) for host in named if host not in wanted) or 'nothing'}"
        f"{', with the addresses (glue) ' + '; '.join(glue) if glue else ''}. "
        f"{led} of {len(look.named)} name servers of {name_text(look.parent)} say so now."
    )


def first_of(errors: list[str]) -> list[str]:
    """A few for all."""
    more = len(errors) - _SHOWN
    return errors[:_SHOWN] + ([f"So it is with {more} more zones there."] if more > 0 else [])
