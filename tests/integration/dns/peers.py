# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write DNS records with today, run as its own users run it: modules of other collections, and octoDNS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from controller import Controller
from debian_lab.machine import cache_folder
from name_server import NameServer, Network


class Peers(Controller):
    """Of the virtual environment `peers`; nothing of this collection or its Python is theirs."""

    def __init__(self, network: Network, folder: Path) -> None:
        programs = cache_folder().parent / "venv" / "peers" / "bin"
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        for name in ("PYTHONPATH", "ANSIBLE_COLLECTIONS_PATH"):
            environment.pop(name, None)
        super().__init__(network, folder, environment)

    def octodns(
        self, server: NameServer, zone: str, records: dict[str, Any], through: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """octodns-sync of a zone; records: as its YamlProvider has them; through: an address before the server."""
        (self.folder / f"{zone}.yaml").write_text(json.dumps(records, sort_keys=True))  # JSON is YAML
        access = {
            "host": through or server.address,
            "key_name": server.key.name,
            "key_secret": server.key.secret,
            "key_algorithm": server.key.algorithm,
        }
        config = {
            "providers": {
                "config": {"class": "octodns.provider.yaml.YamlProvider", "directory": str(self.folder)},
                "server": {"class": "octodns_bind.Rfc2136Provider", **access},
            },
            "zones": {f"{zone}.": {"sources": ["config"], "targets": ["server"]}},
        }
        (self.folder / "octodns.yaml").write_text(json.dumps(config))
        command = ["octodns-sync", "--config-file", str(self.folder / "octodns.yaml"), "--doit", "--force"]
        return subprocess.run(
            self.network.inside(*command),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
