# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what is installed and what the requirements allow with the known faults of requirements/advisories.json.

It asks no server. The list is entered by hand and dated; `pip-audit`, which asks one, knows more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).resolve().parent / "requirements"


class Advisory(NamedTuple):
    """fixed: the first version without the fault."""

    package: str
    id: str
    fixed: str
    what: str

    def __str__(self) -> str:
        return f"{self.id} ({self.what}), fixed in {self.fixed}"


def advisories() -> list[Advisory]:
    held = json.loads((FOLDER / "advisories.json").read_text(encoding="utf-8"))
    return [Advisory(**advisory) for advisory in held["advisories"]]


def requirements() -> Iterator[tuple[str, Requirement]]:
    """File and line of each."""
    for path in (FOLDER.parents[1] / "requirements.txt", *sorted(FOLDER.glob("*.txt"))):
        for line in path.read_text(encoding="utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if text and not text.startswith("-r"):
                yield path.name, Requirement(text)


def allowed(requirement: Requirement, advisory: Advisory) -> bool:
    """Whether a version with the fault fits: if any does, the first of the range does."""
    bounds = [Version(one.version) for one in requirement.specifier if one.operator in (">=", "==", "~=")]
    return not bounds or max(bounds) < Version(advisory.fixed)


def findings(installed: dict[str, str]) -> Iterator[str]:
    """installed: package -> version."""
    for advisory in advisories():
        version = installed.get(advisory.package)
        if version and Version(version) < Version(advisory.fixed):
            yield f"{advisory.package} {version} is installed: {advisory}. Run make setup, or pip install --upgrade"
        for file, requirement in requirements():
            if canonicalize_name(requirement.name) == advisory.package and allowed(requirement, advisory):
                yield f"{file}: {requirement} allows {advisory}. Begin the range there"


def main() -> None:
    installed = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    found = sorted(set(findings(installed)))
    for line in found:
        print(line)
    if found:
        sys.exit(1)
    print(f"audit: none of {len(advisories())} known faults in what is installed or allowed")


if __name__ == "__main__":
    main()
