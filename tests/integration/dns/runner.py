# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs many tasks of dns_records in one process: what its action plugin does, without a start of Ansible for each.

As a program it reads a task a line, as JSON, and answers each with its result.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import Any

from ansible_collections.inbound.mail.plugins.action.dns_records import RECORD_SPEC
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.registry import run
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import declare
from name_server import Network

# Seconds for a task: one that never ends is a failure, too.
_LIMIT = 120


class Runner:
    """A process in the network of the tests; a task at a time."""

    def __init__(self, network: Network) -> None:
        command = network.inside(sys.executable, __file__)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, options: dict[str, Any], records: list[dict[str, Any]], check_mode: bool = False) -> None:
        task = {"options": options, "records": records, "check_mode": check_mode}
        print(json.dumps(task), file=self._process.stdin, flush=True)

    def end(self) -> dict[str, Any]:
        """The result of the task that was begun."""
        ready, _writable, _failed = select.select([self._process.stdout], [], [], _LIMIT)
        assert ready, f"no result within {_LIMIT} s"
        return json.loads(self._process.stdout.readline())

    def run(self, options: dict[str, Any], records: list[dict[str, Any]], check_mode: bool = False) -> dict[str, Any]:
        self.begin(options, records, check_mode)
        return self.end()

    def close(self) -> None:
        self._process.communicate()


def _ignore(line: str) -> None:
    """How far it is interests nobody here."""


def result_of(task: dict[str, Any]) -> dict[str, Any]:
    places = {f"records[{index}]": record for index, record in enumerate(task["records"])}
    try:
        options = validated(ARGUMENT_SPEC, {"": task["options"]})[""]
        return run(options, declare(validated(RECORD_SPEC, places)), task["check_mode"], report=_ignore)
    except InvalidOptions as error:
        return {"failed": True, "changed": False, "changes": [], "msg": str(error)}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(result_of(json.loads(line))), flush=True)
