# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a DNS server is."""

from __future__ import annotations

from typing import NamedTuple


class Server(NamedTuple):
    """An address and port to send to; `name` is what the administrator calls it."""

    address: str
    port: int
    name: str

    def __str__(self) -> str:
        where = f"{self.address} port {self.port}"
        return where if self.name == self.address else f"{self.name} ({where})"
