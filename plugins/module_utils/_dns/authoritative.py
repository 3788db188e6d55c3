# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that answer for a zone, and what each of them says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ansible_collections.inbound.mail.plugins.module_utils._dns import answers as seen

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._dns.client import Client

# One that answers is enough.
_MOST_ADDRESSES_OF_PARENT = 2
# A secondary may be a moment behind: its serial is asked for again before that is called a difference.
_SERIAL_LOOKS = 4
_SERIAL_PAUSE = 1.0


class ServerLimits(Protocol):
    """Which of the name servers that a zone names are queried."""

    def name_servers(self, zone: str, names: list[str]) -> list[str]: ...

    def servers(self, zone: str, pairs: list[tuple[str, str]], strange: bool) -> list[tuple[str, str]]:
        """pairs: (name, address); strange: of a zone in which nothing is declared."""

    def is_public(self, address: str) -> bool: ...


async def find_zone(client: Client, zone: str, limits: ServerLimits, strange: bool) -> seen.Zone:
    """A zone's nameservers with their addresses, each asked for its SOA record, as far as the limits let it."""
    client.look_ahead(zone, "NS", "SOA")
    delegated, parent = await _ask_parent(client, zone, limits)
    own, start = await client.resolve(zone, "NS"), await client.resolve(zone, "SOA")
    # A resolver says the same of a zone that is not delegated and of one whose servers are all dead; the parent knows.
    names = {*own.values, *(parent["names"] if parent else [])}
    glue = parent["glue"] if parent else {}
    chosen = limits.name_servers(zone, sorted(names))
    for name in chosen:
        client.look_ahead(name, "A", "AAAA")
    found_of = {name: await _addresses(client, name, glue) for name in chosen}
    pairs = [(name, address) for name, (addresses, _alias) in found_of.items() for address in (addresses or [""])]
    found: seen.Zone = {
        "name": zone,
        "delegated": True if own.values else delegated,
        "parent": parent,
        "bogus": start.bogus or own.bogus,
        "servers": [
            _unasked(name, address, found_of[name][1]) for name, address in limits.servers(zone, pairs, strange)
        ],
    }
    for server in found["servers"]:
        if server["address"] and not limits.is_public(server["address"]):
            server["status"] = seen.NOT_CONTACTED
    in_streams = [
        (server, client.status_over_tcp(server["address"], zone)) for server in found["servers"] if _is_asked(server)
    ]
    await _ask_serials(client, found)
    for server, response in in_streams:
        server["tcp"] = (await response).status
    return found


async def ask_all(client: Client, zone: seen.Zone, questions: list[tuple[str, str]]) -> None:
    """Ask every server of the zone that answers each (name, type), and note what it says in its answers."""

    asked = [
        (server["answers"], name, rdtype, client.ask(server["address"], name, rdtype))
        for server in zone["servers"]
        if server["status"] == seen.ANSWERED
        for name, rdtype in questions
    ]
    for answers, name, rdtype, response in asked:
        answers.append((await response).as_answer(name, rdtype))
    for server in zone["servers"]:
        server["answers"].sort(key=lambda answer: (answer["name"], answer["type"]))


async def _addresses(client: Client, name: str, glue: dict[str, list[str]]) -> tuple[list[str], str]:
    addresses = await client.addresses(name) or glue.get(name, [])
    return addresses, (await client.resolve(name, "A")).alias or ""


def _is_asked(server: seen.NameServer) -> bool:
    return bool(server["address"]) and server["status"] != seen.NOT_CONTACTED


def _unasked(name: str, address: str, alias: str) -> seen.NameServer:
    return {
        "name": name,
        "address": address,
        "status": seen.TIMEOUT,
        "rcode": "",
        "authoritative": False,
        "serial": None,
        "tcp": "",
        "alias": alias,
        "answers": [],
        "same_as": None,
    }


async def _ask_serials(client: Client, zone: seen.Zone) -> None:
    asked = [server for server in zone["servers"] if _is_asked(server)]
    for look in range(_SERIAL_LOOKS):
        responses = [(server, client.ask(server["address"], zone["name"], "SOA")) for server in asked]
        for server, answer in responses:
            response = await answer
            server["status"] = response.status
            server["rcode"] = response.rcode
            server["authoritative"] = response.authoritative
            server["serial"] = int(response.values[0]) if response.values else None
        asked = [server for server in asked if server["serial"] is not None]
        if len({server["serial"] for server in asked}) <= 1:
            break
        if look + 1 < _SERIAL_LOOKS:
            await asyncio.sleep(_SERIAL_PAUSE)


async def _ask_parent(client: Client, zone: str, limits: ServerLimits) -> tuple[bool | None, seen.Parent | None]:
    """Whether the parent delegates the zone, and to whom. The root has none."""
    if zone == ".":
        return None, None
    _label, _dot, above = zone.partition(".")
    parent = await client.zone_of(above or ".")
    if parent is None:
        return None, None
    servers = limits.name_servers(parent, (await client.resolve(parent, "NS")).values)
    for name in servers:
        for address in (await client.addresses(name))[:_MOST_ADDRESSES_OF_PARENT]:
            if not limits.is_public(address):
                continue
            response = await client.ask_delegation(address, zone)
            if not response.usable or response.delegation is None:
                continue
            names = response.delegation.referral.get(zone) or response.values
            if not names:
                return False, None
            return True, {
                "names": sorted(names),
                "glue": {name: sorted(found) for name, found in response.delegation.glue.items() if name in names},
            }
    return None, None
