# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's interfaces, addresses and routes, as ip(8) shows them."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands


# Of the interfaces that take over what their parts receive; a part never shows up in a rule for what is routed.
_BRIDGES, _BUNDLES = ("bridge", "openvswitch"), ("bond", "team")


class Master(NamedTuple):
    """The interface that another one is a part of."""

    name: str
    is_bridge: bool


class Interfaces:
    """Where there is no ``ip``, no addresses and no routes are known."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def names(self) -> set[str]:
        return {name for _index, name in socket.if_nameindex()}

    @property
    def has_docker(self) -> bool:
        """Whether Docker's bridge is there, which stays when its chains are flushed."""
        return "docker0" in self.names()

    def addresses(self) -> set[str]:
        """The host's own addresses."""
        found = self._ip("address", "show")
        return {address["local"] for link in found for address in link.get("addr_info", ()) if "local" in address}

    def masters(self) -> dict[str, Master]:
        """Interface -> the bridge or bond that it is a part of."""
        found = {}
        for link in self._ip("-d", "link", "show"):
            kind = link.get("linkinfo", {}).get("info_slave_kind")
            if "master" in link and kind in (*_BRIDGES, *_BUNDLES):
                found[link["ifname"]] = Master(link["master"], kind in _BRIDGES)
        return found

    def attached(self) -> list[tuple[Network, str]]:
        """The networks whose hosts are reached without a router, with the interface of each."""
        routes = [*self._ip("-4", "route", "show"), *self._ip("-6", "route", "show")]
        return [
            (ipaddress.ip_network(route["dst"]), route["dev"])
            for route in routes
            if "dev" in route and "gateway" not in route and "via" not in route and route["dst"] != "default"
        ]

    def with_router(self) -> set[str]:
        """Interfaces that have a route from a router advertisement (RFC 4861, section 4.2)."""
        return {route["dev"] for route in self._ip("-6", "route", "show", "proto", "ra") if "dev" in route}

    def toward(self, addresses: Iterable[str]) -> dict[str, str]:
        """Address -> the interface that the route to it leaves by; without those that have no route."""
        if not self._commands.path("ip"):
            return {}
        questions = "".join(f"route get {address}\n" for address in addresses)
        output = self._commands.run("ip", "-force", "-json", "-batch", "-", data=questions)
        routes = [route for line in output.out.splitlines() if line.startswith("[") for route in json.loads(line)]
        return {route["dst"]: route["dev"] for route in routes if "dst" in route and "dev" in route}

    def _ip(self, *arguments: str) -> list[dict[str, Any]]:
        if not self._commands.path("ip"):
            return []
        output = self._commands.run("ip", "-j", *arguments)
        found: list[dict[str, Any]] = json.loads(output.out) if output.ok and output.out.strip() else []
        return found
