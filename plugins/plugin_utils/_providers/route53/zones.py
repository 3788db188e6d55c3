# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosted zone of Amazon Route 53 is meant by a zone's name: an account can have several of one name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..._records.names import name_text
from ..base import ProviderError, Traffic
from . import records

if TYPE_CHECKING:
    from dns.name import Name

    from .api import Route53Client
    from .responses import HostedZoneDetails, HostedZoneResponse


@dataclass(frozen=True)
class HostedZone:
    """rrsets: how many it had when it was looked up."""

    id: str
    rrsets: int


class HostedZones:
    """private: whether private zones are meant, or public ones; vpc_id: the VPC that a private zone is associated with,
    None for any; zone_ids: of the zones for which they are known."""

    def __init__(
        self, api: Route53Client, traffic: Traffic, private: bool, vpc_id: str | None, zone_ids: Mapping[Name, str]
    ) -> None:
        self._api = api
        self._traffic = traffic
        self._private = private
        self._vpc_id = vpc_id
        self._zone_ids = zone_ids
        self._listed: dict[Name, list[HostedZoneDetails]] = {}
        self._found: dict[Name, HostedZone] = {}
        # One after the other, since what one lists the next ones need no more.
        self._lock = asyncio.Lock()

    async def find(self, zone: Name) -> HostedZone:
        """Raises ProviderError."""
        async with self._lock:
            if zone not in self._found:
                chosen = await (self._known(zone) if zone in self._zone_ids else self._chosen(zone))
                self._found[zone] = HostedZone(chosen["Id"].rpartition("/")[2], chosen["ResourceRecordSetCount"])
            return self._found[zone]

    async def _known(self, zone: Name) -> HostedZoneDetails:
        zone_id = self._zone_ids[zone]
        hosted = (await self._get(zone, zone_id))["HostedZone"]
        if records.parse_name(hosted["Name"]) != zone:
            raise ProviderError(
                f"zone {name_text(zone)}: {zone_id} is the hosted zone {hosted['Name']} at {self._api.name}. "
                "Check options.zone_ids."
            )
        return hosted

    async def _chosen(self, zone: Name) -> HostedZoneDetails:
        if zone not in self._listed:
            await self._list_from(zone)
        all_of_the_name = self._listed.get(zone, [])
        zones = [hosted for hosted in all_of_the_name if hosted["Config"]["PrivateZone"] == self._private]
        if self._vpc_id is not None:
            zones = [hosted for hosted in zones if await self._is_in_vpc(zone, hosted)]
        if len(zones) == 1:
            return zones[0]
        kind = "private" if self._private else "public"
        vpc = f" in the VPC {self._vpc_id}" if self._vpc_id is not None else ""
        where = f"zone {name_text(zone)}: the account at {self._api.name}"
        ids = ", ".join(sorted(hosted["Id"].rpartition("/")[2] for hosted in zones or all_of_the_name))
        if zones:
            raise ProviderError(
                f"{where} has {len(zones)} {kind} hosted zones of this name{vpc}: {ids}. "
                f"Say in options.zone_ids which one is meant{', or in options.vpc_id' if self._private else ''}."
            )
        if all_of_the_name:
            raise ProviderError(
                f"{where} has no {kind} hosted zone of this name{vpc}, but {ids}. Check options.private"
                f"{' and options.vpc_id' if vpc else ''}."
            )
        raise ProviderError(
            f"{where} has no hosted zone of this name. Check the zone's name, and whose credentials these are."
        )

    async def _list_from(self, zone: Name) -> None:
        """A page of zones, by name from this one on, or more if it has more than a page of that name."""
        listed: dict[Name, list[HostedZoneDetails]] = {}
        start = {"DNSName": records.name_text(zone)}
        while True:
            self._traffic.queries += 1
            page = await self._api.call(zone, "list_hosted_zones_by_name", **start)
            last = zone
            for hosted in page["HostedZones"]:
                last = records.parse_name(hosted["Name"])
                listed.setdefault(last, []).append(hosted)
            if not page.get("IsTruncated"):
                break
            if last != zone:
                # The next page may have more of this name.
                del listed[last]
                break
            start = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}
        self._listed |= listed

    async def _is_in_vpc(self, zone: Name, hosted: HostedZoneDetails) -> bool:
        vpcs = (await self._get(zone, hosted["Id"])).get("VPCs", [])
        return self._vpc_id in {vpc.get("VPCId") for vpc in vpcs}

    async def _get(self, zone: Name, zone_id: str) -> HostedZoneResponse:
        self._traffic.queries += 1
        return await self._api.call(zone, "get_hosted_zone", Id=zone_id)
