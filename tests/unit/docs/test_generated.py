# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents say what the code does: what they repeat from it is generated (`make docs`), what they show compiles."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.domains import domains, zones
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.endpoints import endpoints
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.declaration.variables import BY_NAME

DOCS = Path(__file__).resolve().parents[3] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted(generator().PARTS))
def test_page_is_as_generated(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == generator().generated(page, text), "run `make docs`"


def test_examples_of_the_declaration_are_read() -> None:
    text = (DOCS / "declaration.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert blocks
    for block in blocks:
        shared = block["all"]["vars"]
        assert domains(shared["mail_domains"])
        assert zones(shared.get("mail_zones", [])) is not None
        for host in block.get("mail_servers", {"hosts": {}})["hosts"].values():
            for name, value in host.items():
                BY_NAME[name].read(value)


@pytest.mark.parametrize("page", sorted(path.name for path in (DOCS / "providers").glob("*.md")))
def test_endpoints_on_the_page_of_a_provider_are_read(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "providers" / page).read_text(encoding="utf-8"), re.DOTALL)
    declared = [block["mail_dns"] for block in map(yaml.safe_load, blocks) if "mail_dns" in block]
    assert declared
    for one in declared:
        assert page.removesuffix(".md") in endpoints(one).values()
