# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule is found by its id: its file has the beginning of the id as its name."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import RULE_MODULES, RULES

FILES = {module.__name__.rpartition(".")[2].replace("_", "-"): module.__name__ for module in RULE_MODULES}


def file_of(rule: str) -> str:
    """The longest name of a file that the id begins with; else one that stands in it (negative-ttl-blocks-change)."""
    fitting = [name for name in FILES if f"-{name}-" in f"-{rule}-" or rule.startswith(name)]
    return FILES[max(fitting, key=lambda name: (rule.startswith(name), len(name)))]


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_in_the_file_that_its_id_names(rule: str) -> None:
    assert RULES[rule].judge.__module__ == file_of(rule)


def test_every_file_of_a_rule_has_a_name_of_its_own() -> None:
    assert len(FILES) == len(RULE_MODULES)
