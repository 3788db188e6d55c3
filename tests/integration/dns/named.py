# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BIND."""

from __future__ import annotations

from dataclasses import dataclass, field

from name_server import SOA, NameServer


@dataclass
class Named(NameServer):
    options: str = ""
    statements: list[str] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=dict)

    def zone(
        self, name: str, records: str = "", policy: str = 'update-policy { grant "inbound-mail" zonesub ANY; };'
    ) -> None:
        """A primary zone with an apex (SOA, NS, ns1 at this address) and `records`, lines of a zone file."""
        text = SOA.format(zone=name) + f"@ NS ns1\nns1 A {self.address}\n{records}\n"
        (self.folder / f"{name}.zone").write_text(text)
        self.zones[name] = f'zone "{name}" {{ type primary; file "/srv/{name}.zone"; {policy} }};'

    def statement(self, text: str) -> None:
        self.statements.append(text)

    @property
    def command(self) -> tuple[str, ...]:
        return ("/usr/sbin/named", "-g", "-c", "/srv/named.conf")

    def start(self) -> None:
        self.configure()
        self.launch(*self.command, says=" running\n")

    def configure(self) -> None:
        keys = [f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};' for key in self.keys]
        (self.folder / "named.conf").write_text(
            "options {\n"
            '  directory "/srv"; pid-file "/srv/named.pid"; session-keyfile "/srv/session.key";\n'
            f"  listen-on port 53 {{ {self.address}; }}; listen-on-v6 {{ none; }};\n"
            f"  query-source address {self.address}; transfer-source {self.address}; notify-source {self.address};\n"
            "  recursion no; dnssec-validation no; allow-transfer { none; };\n"
            f"  {self.options}\n}};\ncontrols {{ }};\n"
            + "\n".join([*keys, *self.statements, *self.zones.values()])
            + "\n"
        )

    def updates(self, zone: str) -> int:
        """How many lines of the log speak of an update of the zone."""
        return self.log.count(f"updating zone '{zone}/IN'")
