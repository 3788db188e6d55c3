# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field

from name_server import SOA, NameServer

PACKAGES = ("knot",)


@dataclass
class Knot(NameServer):
    """acl: what the key may do, as items of an acl; statements: further sections of knot.conf."""

    acl: str = "action: [update, transfer]"
    statements: str = ""
    zones: dict[str, str] = field(default_factory=dict)

    def zone(self, name: str, records: str = "", options: str = "") -> None:
        """A primary zone with an apex (SOA, NS, ns1 at this address) and `records`, lines of a zone file."""
        text = SOA.format(zone=name) + f"@ NS ns1\nns1 A {self.address}\n{records}\n"
        (self.folder / f"{name}.zone").write_text(text)
        self.zones[name] = f"  - domain: {name}\n    file: /srv/{name}.zone\n    acl: ours\n{options}"

    def start(self) -> None:
        keys = "".join(
            f"  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {key.secret}\n" for key in self.keys
        )
        (self.folder / "knot.conf").write_text(
            f"server:\n  listen: {self.address}@53\n  rundir: /srv\n  user: root\n  udp-workers: 1\n  tcp-workers: 1\n"
            "  background-workers: 1\n"
            "log:\n  - target: stderr\n    any: info\n"
            "database:\n  storage: /srv/knot\n"
            f"key:\n{keys}"
            f"acl:\n  - id: ours\n    key: [{', '.join(key.name for key in self.keys)}]\n    {self.acl}\n"
            f"{self.statements}"
            f"zone:\n{''.join(self.zones.values())}"
        )
        (self.folder / "knot").mkdir(exist_ok=True)
        self.launch("/usr/sbin/knotd", "-c", "/srv/knot.conf", says="server started")

    def control(self, *words: str) -> str:
        command = self.inside("/usr/sbin/knotc", "-c", "/srv/knot.conf", "-b", *words)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
