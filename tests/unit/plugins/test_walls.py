# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls of the code: what is pure loads nothing that reaches a network, and no import leads back to its start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
PACKAGE = "ansible_collections.inbound.mail.plugins"
NETWORK = ("asyncio", "socket", "ssl")
MOST_FILES = 16

MODULES = {".".join(path.relative_to(PLUGINS).with_suffix("").parts): path for path in PLUGINS.rglob("*.py")}


def imported(module: str) -> Iterator[str]:
    """The modules of this collection that one imports, for types alone and inside functions too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            package = module.split(".")[: -node.level]
            source = ".".join([*package, *([node.module] if node.module else [])])
        elif node.module and node.module.startswith(f"{PACKAGE}."):
            source = node.module.removeprefix(f"{PACKAGE}.")
        else:
            continue
        for alias in node.names:
            name = f"{source}.{alias.name}"
            if name in MODULES or source in MODULES:
                yield name if name in MODULES else source


IMPORTS = {module: {*imported(module)} - {module} for module in MODULES}


def test_imports_are_found() -> None:
    assert "module_utils._path_check.rules.dns.mx" in IMPORTS["module_utils._path_check.verdict"]
    assert "plugin_utils._topology.problems" in IMPORTS["plugin_utils._topology.topology"] | IMPORTS["action.plan"]


def test_no_import_leads_back_to_its_start() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def loaded_by(program: str) -> set[str]:
    """The modules that a program loads, in an interpreter of its own, as the tests have loaded everything."""
    command = [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"]
    return {*subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()}


@pytest.mark.parametrize(
    "module",
    [
        "plugin_utils._topology.pipeline",
        "module_utils._path_check.verdict",
        "module_utils._path_check.report",
        "plugin_utils._verdict.page",
    ],
)
def test_what_is_pure_does_not_reach_the_network(module: str) -> None:
    # Before Python 3.12 the standard library loads socket for importlib.metadata, which dnspython's names ask.
    names = loaded_by("import dns.name")
    loaded = loaded_by(f"import {PACKAGE}.{module}")
    assert f"{PACKAGE}.{module}" in loaded
    # Before Python 3.13 email.utils loads socket.
    assert not {*NETWORK, "email.utils"} & (loaded - names)
    assert sys.version_info < (3, 12) or not {*NETWORK} & loaded


# From a package of _topology to those that it may import. Its modules beside them (plan, problems, software, topology)
# are for all, pipeline for none of them.
ARROWS = {
    "declaration": set(),
    "checks": {"declaration"},
    "compile": {"declaration", "render"},
    "cutover": {"declaration"},
    "render": set(),
}


def test_reading_checking_compiling_and_rendering_know_one_another_in_one_direction() -> None:
    """Above all: reading builds and never checks, and a plan is compiled of what was checked before."""
    prefix = "plugin_utils._topology."
    found: dict[str, set[str]] = {package: set() for package in ARROWS}
    for module, targets in IMPORTS.items():
        package = module.removeprefix(prefix).partition(".")[0]
        if module.startswith(prefix) and package in ARROWS:
            found[package] |= {target.removeprefix(prefix).partition(".")[0] for target in targets if prefix in target}
    for package, targets in found.items():
        assert targets & {*ARROWS, "pipeline"} - {package} <= ARROWS[package], package


def test_no_folder_has_more_files_than_a_reader_can_take_in() -> None:
    folders = Counter(path.parent for path in PLUGINS.rglob("*.py"))
    assert {str(folder): count for folder, count in folders.items() if count > MOST_FILES} == {}
