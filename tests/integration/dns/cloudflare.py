# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake of Cloudflare (cloudflare_fake.py) in a process of its own, looked at with curl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from name_server import Network

ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
TOKENS = {
    "editor": "e" * 40,
    "reader": "r" * 40,
    "blind": "b" * 40,
    "stranger": "s" * 40,
    "unlisted": "u" * 40,
}
PERMISSIONS = {
    "editor": ["zone:read", "dns:edit"],
    "reader": ["zone:read", "dns:read"],
    "blind": ["zone:read"],
    "stranger": ["zone:read", "dns:edit"],
    "unlisted": ["dns:edit"],
}


class Fake:
    """certificate: a file with one and its key, for TLS."""

    def __init__(self, network: Network, certificate: Path | None = None) -> None:
        self._network = network
        self.address = address = network.new_address()
        self.site = f"{'https' if certificate else 'http'}://{address}"
        self.url = f"{self.site}/client/v4"
        words = [str(Path(__file__).with_name("cloudflare_fake.py")), address]
        if certificate is not None:
            text = f"openssl req -x509 -newkey ed25519 -noenc -keyout key -out {certificate} -subj /CN=fake -days 2"
            alternative = ["-addext", f"subjectAltName=IP:{address},DNS:api.cloudflare.com"]
            subprocess.run([*text.split(), *alternative], cwd=certificate.parent, check=True, capture_output=True)
            with certificate.open("a") as file:
                file.write((certificate.parent / "key").read_text())
            words.append(str(certificate))
        self._process = subprocess.Popen(network.inside(sys.executable, *words), stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def curl(self, path: str, body: Any = None) -> Any:
        words = [] if body is None else ["-X", "PUT", "--data", json.dumps(body)]
        done = self._network.run("curl", "-sS", "--insecure", "--fail", f"{self.site}/fake/{path}", *words)
        return json.loads(done.stdout)

    def has(
        self, *records: dict[str, Any], page: int = 100, zones: list[dict[str, Any]] | None = None, **more: Any
    ) -> None:
        """The zone example.org with these records, and nothing else; `more` of the zone, or other `zones`."""
        zones = [{**ZONE, **more}] if zones is None else zones
        names = [zone["name"] for zone in zones]
        tokens = {
            token: {"zones": [] if name == "stranger" else names, "permissions": PERMISSIONS[name]}
            for name, token in TOKENS.items()
        }
        self.curl("state", {"zones": zones, "records": {ZONE_ID: list(records)}, "tokens": tokens, "page": page})
        self.curl("faults", [])
        self.requests()

    def will(self, *faults: dict[str, Any]) -> None:
        self.curl("faults", list(faults))

    def requests(self) -> list[str]:
        """Those since the last time; GET and POST alone, without what is asked."""
        return [request.partition("?")[0] for request in self.curl("requests")]

    def records(self, rdtype: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        return [
            each
            for each in self.curl(f"records/{ZONE_ID}")
            if rdtype in (None, each["type"]) and name in (None, each["name"])
        ]

    def contents(self, rdtype: str, name: str = "example.org") -> list[str]:
        return [each["content"] for each in self.records(rdtype, name)]


ZONE = {
    "id": ZONE_ID,
    "name": "example.org",
    "status": "active",
    "paused": False,
    "type": "full",
    "name_servers": ["ada.ns.example.net", "bob.ns.example.net"],
    "plan": {"legacy_id": "free"},
    "account": {"id": "a1", "name": "Mail"},
}
LIST, BATCH = f"GET /zones/{ZONE_ID}/dns_records", f"POST /zones/{ZONE_ID}/dns_records/batch"


def there(rdtype: str, content: str, name: str = "example.org", **more: Any) -> dict[str, Any]:
    return {"type": rdtype, "name": name, "content": content, "ttl": 3600, **more}
