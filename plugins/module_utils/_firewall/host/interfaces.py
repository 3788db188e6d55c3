# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's interfaces, addresses and routes, as ip(8) shows them."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands


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

    def with_router(self) -> set[str]:
        """Interfaces that have a route from a router advertisement (RFC 4861, section 4.2)."""
        return {route["dev"] for route in self._ip("-6", "route", "show", "proto", "ra") if "dev" in route}

    def _ip(self, *arguments: str) -> list[dict[str, Any]]:
        if not self._commands.path("ip"):
            return []
        output = self._commands.run("ip", "-j", *arguments)
        found: list[dict[str, Any]] = json.loads(output.out) if output.ok and output.out.strip() else []
        return found
