# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one task of the collection as its users do, with ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debian_lab.loaded_ansible import LoadedAnsible
from name_server import Network
from named import Named

START = json.JSONDecoder()
CALLBACK = "minimal"


@dataclass
class Outcome:
    """result: what the task returned; output: all that was printed, both streams."""

    result: dict[str, Any]
    output: str
    returncode: int

    def __getattr__(self, name: str) -> Any:
        return self.result[name]

    @property
    def failed(self) -> bool:
        return self.returncode != 0


@dataclass
class Controller:
    """folder: for its files; environment: in which ansible-playbook is found and runs; loaded: runs it instead, if the
    environment is the same."""

    network: Network
    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    loaded: LoadedAnsible | None = None

    def play(
        self,
        tasks: list[dict[str, Any]],
        *words: str,
        etc: dict[str, Path] | None = None,
        callback: str = CALLBACK,
    ) -> subprocess.CompletedProcess[str]:
        """ansible-playbook with these tasks; etc: files that stand in for those of /etc, for this run alone."""
        playbook = self.folder / "playbook.yml"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        run = ["ansible-playbook", "-i", "localhost,", str(playbook), *words]
        environment = for_ansible(self.environment, callback)
        if self.loaded and not etc and self.loaded.environment == environment:
            return self.loaded.run(run, separate=True, timeout=300)
        command = self.network.inside(*run)
        for name, path in (etc or {}).items():
            script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, "sh", str(path), f"/etc/{name}", *command]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def results(
        self, tasks: list[dict[str, Any]], *words: str, etc: dict[str, Path] | None = None
    ) -> list[dict[str, Any]]:
        """What each of the tasks returns, and whether it `failed`, which does not keep the others from being run."""
        done = self.play([{**task, "ignore_errors": True} for task in tasks], *words, etc=etc)
        found, end = [], 0
        while (start := done.stdout.find(" => {", end)) >= 0:
            headline = done.stdout[end:start]
            result, end = START.raw_decode(done.stdout, start + 4)
            found.append({**result, "failed": headline.endswith("FAILED!")})
        assert len(found) == len(tasks), done.stdout + done.stderr
        return found

    def run(self, module: str, arguments: dict[str, Any], *words: str, etc: dict[str, Path] | None = None) -> Outcome:
        done = self.play([{f"inbound.mail.{module}": arguments}], *words, etc=etc)
        output = done.stdout + done.stderr
        start = done.stdout.find(" => {")
        assert start >= 0, f"the task returned nothing:\n{output}"
        result, _end = START.raw_decode(done.stdout, start + 4)
        return Outcome(result, output, done.returncode)

    def records(self, server: Named, records: list[dict[str, Any]], /, *words: str, **options: Any) -> Outcome:
        """inbound.mail.dns_records with the server's own key."""
        return self.run("dns_records", {**access(server), "records": records, **options}, *words)


def for_ansible(environment: Mapping[str, str], callback: str = CALLBACK) -> dict[str, str]:
    """The environment of ansible-playbook: that callback writes the results, and no variable names the test."""
    own = {"ANSIBLE_STDOUT_CALLBACK": callback, "ANSIBLE_NOCOLOR": "1"}
    return {name: value for name, value in environment.items() if name != "PYTEST_CURRENT_TEST"} | own


def access(server: Named) -> dict[str, Any]:
    key = server.key
    return {
        "server": server.address,
        "key_name": key.name,
        "key_secret": key.secret,
        "key_algorithm": key.algorithm,
    }


def mx(*values: str, zone: str = "example.org", ttl: int = 3600, **more: Any) -> dict[str, Any]:
    return {"zone": zone, "name": zone, "type": "MX", "values": list(values), "ttl": ttl, **more}


def record(name: str, rdtype: str, *values: str, zone: str = "example.org", **more: Any) -> dict[str, Any]:
    return {"zone": zone, "name": name, "type": rdtype, "values": list(values), **more}
