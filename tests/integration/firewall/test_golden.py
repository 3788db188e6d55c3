# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The golden rulesets of the unit tests, put to nft and the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from .conftest import Gateway

FOLDER = Path(__file__).resolve().parents[2] / "unit" / "plugins" / "module_utils" / "_firewall" / "golden"
GOLDEN = sorted(FOLDER.glob("*.yml"))


@pytest.mark.parametrize("declared", GOLDEN, ids=lambda path: path.stem)
def test_kernel_takes_it_and_shows_what_was_meant(gateway: Gateway, declared: Path) -> None:
    gateway.run("nft -f -", stdin=declared.with_suffix(".nft").read_text())
    # In place of what others may have loaded before, and as often as one likes.
    gateway.run("nft -f -", stdin=declared.with_suffix(".nft").read_text())
    options = yaml.safe_load(declared.read_text())
    names = sorted({name for members in options["interfaces"].values() for name in members})
    gateway.run("".join(f"ip link add {name} type bridge;" for name in names))
    try:
        # The module finds nothing to change in the table: what it reads back is what it would write.
        result = gateway.firewall(name="golden", check_mode=True, **options)
        assert not result.get("failed"), result["msg"]
        assert [part["after_header"] for part in result["diff"] if part["after_header"].startswith("table")] == []
    finally:
        gateway.run("".join(f"ip link delete {name};" for name in names))
