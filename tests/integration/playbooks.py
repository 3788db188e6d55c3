# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook for tests that need no lab and no network of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from debian_lab.loaded_ansible import LoadedAnsible


def run_playbook(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ansible-playbook` with these words in a folder, and with these variables in its environment."""
    command = ["ansible-playbook", *words]
    return _loaded(frozenset(environment.items())).run(command, separate=True, timeout=120, directory=folder)


@cache
def _loaded(variables: frozenset[tuple[str, str]]) -> LoadedAnsible:
    """It ends with the tests."""
    # One process runs the playbooks of many tests.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    environment |= {"ANSIBLE_NOCOLOR": "1", **dict(variables)}
    return LoadedAnsible([], Path(shutil.which("ansible-playbook") or "").parent, environment, Path("/"))
