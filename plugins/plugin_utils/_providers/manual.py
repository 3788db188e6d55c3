# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For a DNS service that is not written to from here: what to enter there, and whether it was done."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ...module_utils._dns.wire import Malformed
from .._records.names import name_text
from .._records.rrsets import DEFAULT_TTL, Goal, RRset, zone_file
from .._records.values import type_text, value_text
from .base import ProviderError, Traffic
from .propagation import NameServers, delegated_to
from .rfc2136.connection import ServerConnection
from .rfc2136.errors import RequestFailed
from .task_result import Answers, Instructions, Row, RRsetName, UnknownZone, WrongAnswer

if TYPE_CHECKING:
    from dns.name import Name


def instructions(goals: Mapping[Name, Collection[Goal]]) -> Instructions:
    """table: what shall be there, a dict for each value, and what to remove; zone_files: zone -> text to paste.

    A goal that removes has `state: absent` in the table, and a value of '' where all values go.
    """
    table: list[Row] = []
    zone_files = {}
    for zone in sorted(goals):
        wanted = []
        for goal in sorted(goals[zone], key=lambda goal: (goal.key.name, type_text(goal.key.rdtype))):
            row: RRsetName = {
                "zone": name_text(zone),
                "name": name_text(goal.key.name),
                "type": type_text(goal.key.rdtype),
            }
            ttl = DEFAULT_TTL if goal.ttl is None else goal.ttl
            for values, state, its_ttl in ((goal.present, "present", ttl), (goal.absent, "absent", None)):
                texts = [value_text(goal.key.rdtype, value) for value in sorted(values)]
                table += [{**row, "value": text, "ttl": its_ttl, "state": state} for text in texts]
            if goal.present:
                wanted.append(RRset(goal.key, ttl, goal.present))
            elif goal.exclusive:
                table.append({**row, "value": "", "ttl": None, "state": "absent"})
        zone_files[name_text(zone)] = zone_file(wanted)
    return {"table": table, "zone_files": zone_files}


async def answers(
    goals: Mapping[Name, Collection[Goal]], timeout: float, concurrency: int, traffic: Traffic
) -> Answers:
    """What the world sees, by every authoritative server of each zone.

    done: whether each server answers all that was asked for, None if that cannot be said; waiting: what a server
    answers instead, a dict of zone, name, type, server, answer; unknown: zone and message, where none could be asked.
    """
    name_servers = NameServers(timeout, traffic)
    room = asyncio.Semaphore(concurrency)
    waiting: list[WrongAnswer] = []
    unknown: list[UnknownZone] = []

    async def ask(zone: Name, host: Name, connection: ServerConnection) -> None:
        try:
            for goal in goals[zone]:
                authoritative, seen = await name_servers.answer(connection, goal.key)
                if authoritative and goal.applied_to(seen) == seen:
                    continue
                waiting.append(
                    {
                        "zone": name_text(zone),
                        "name": name_text(goal.key.name),
                        "type": type_text(goal.key.rdtype),
                        "server": name_text(host),
                        "answer": seen.as_result() if seen is not None else None,
                    }
                )
        except (RequestFailed, Malformed) as error:
            unknown.append({"zone": name_text(zone), "message": f"{connection.server} does not answer: {error}"})

    async def look(zone: Name) -> None:
        async with room:
            try:
                hosts = await delegated_to(zone, timeout)
            except ProviderError as error:
                unknown.append({"zone": name_text(zone), "message": str(error)})
                return
            for host in hosts:
                servers = await name_servers.addresses_of([host])
                if not servers:
                    message = f"the name server {name_text(host)} has no address"
                    unknown.append({"zone": name_text(zone), "message": message})
                for server in servers:
                    await ask(zone, host, name_servers.connection_to(server))

    try:
        await asyncio.gather(*map(look, goals))
    finally:
        await name_servers.close()
    return {
        "done": False if waiting else None if unknown else True,
        "waiting": sorted(waiting, key=lambda row: (row["zone"], row["name"], row["type"], row["server"])),
        "unknown": sorted(unknown, key=lambda row: (row["zone"], row["message"])),
    }
