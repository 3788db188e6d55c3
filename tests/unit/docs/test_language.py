# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users read names who acts, in the terms of the field; see tests/language.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _loaded() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "language.py"
    spec = importlib.util.spec_from_file_location("language", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["language"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


language = _loaded()


@pytest.mark.parametrize("name", language.PARTS)
def test_a_part_names_who_acts(name: str) -> None:
    part = language.PARTS[name]
    count = language.pronouns(part)
    assert count.words > 0
    assert count.rate <= part.limit, "\n".join(count.places)


def test_all_parts_together_name_who_acts() -> None:
    count = language.total({name: language.pronouns(part) for name, part in language.PARTS.items()})
    assert count.rate <= language.OVERALL, "\n".join(count.places)


def test_documents_use_the_terms_of_the_field() -> None:
    assert language.other_words(language.PARTS["documents"]) == []


@pytest.mark.parametrize("text", ["Nobody asks.", "mail for somebody else's host", "to whoever asks", "No one can."])
def test_a_pronoun_is_found(text: str) -> None:
    assert language.PRONOUN.search(text)


@pytest.mark.parametrize("text", ["swaks --to nobody@example.org", "the user `nobody`", "no host asks"])
def test_an_address_or_a_user_is_no_pronoun(text: str) -> None:
    assert not language.PRONOUN.search(text)
