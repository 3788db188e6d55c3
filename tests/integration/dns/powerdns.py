# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerDNS Authoritative Server, with its HTTP API and with DNS updates."""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
from dataclasses import dataclass, field

from name_server import SOA, NameServer

PACKAGES = ("pdns-backend-sqlite3", "pdns-server")
_SCHEMA = "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


@dataclass
class PowerDns(NameServer):
    """settings: further lines of pdns.conf."""

    settings: str = ""
    api_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.folder / "pdns.conf").write_text(
            "launch=gsqlite3\ngsqlite3-database=/srv/pdns.sqlite\ngsqlite3-dnssec=yes\n"
            f"socket-dir=/srv\nlocal-address={self.address}\n"
            f"api=yes\napi-key={self.api_key}\n"
            f"webserver-address={self.address}\nwebserver-port=8081\nwebserver-allow-from=0.0.0.0/0\n"
            "dnsupdate=yes\nallow-dnsupdate-from=0.0.0.0/0\nsecurity-poll-suffix=\n"
            f"{self.settings}\n"
        )
        with sqlite3.connect(self.folder / "pdns.sqlite") as database:
            database.executescript((self.root / _SCHEMA).read_text())
        for key in self.keys:
            self.pdnsutil("import-tsig-key", key.name, key.algorithm, key.secret)

    @property
    def url(self) -> str:
        return f"http://{self.address}:8081"

    def pdnsutil(self, *words: str) -> str:
        done = subprocess.run(
            self.inside("/usr/bin/pdnsutil", "--config-dir=/srv", *words), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"pdnsutil {words[0]}: {done.stderr}")
        return done.stdout

    def zone(self, name: str, records: str = "") -> None:
        """A zone with an apex (SOA, NS, ns1 at this address) and `records`, lines of a zone file; the keys may change
        it by DNS update."""
        text = SOA.format(zone=name) + f"@ NS ns1\nns1 A {self.address}\n{records}\n"
        (self.folder / f"{name}.zone").write_text(text)
        self.pdnsutil("load-zone", name, f"/srv/{name}.zone")
        for key in self.keys:
            self.pdnsutil("add-meta", name, "TSIG-ALLOW-DNSUPDATE", key.name)

    def start(self) -> None:
        command = ("/usr/sbin/pdns_server", "--config-dir=/srv", "--daemon=no", "--guardian=no")
        self.launch(*command, says="ready to distribute questions")
