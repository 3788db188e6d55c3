# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What documents point to exists: relative links, and the places in the code that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*/README.md", "tests/lab/README.md", "roles/*/README.md")
    for path in ROOT.glob(pattern)
)
NAMING_PLACES = ["docs/architecture.md", *(page for page in PAGES if page.startswith("docs/decisions/"))]


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = set(re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text))
    assert [target for target in sorted(targets) if not (ROOT / page).parent.joinpath(target).exists()] == []


@pytest.mark.parametrize("page", NAMING_PLACES)
def test_places_in_the_code_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    places = set(re.findall(r"`((?:plugins|roles|playbooks|tests|docs)/[\w./-]*)`", text))
    assert places
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []
