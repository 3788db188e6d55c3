# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/cutover.md shows what the playbook prints, and the options that it has."""

from __future__ import annotations

import re
import textwrap
import time
from pathlib import Path

import yaml
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.clock import Clock
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.progress import BESIDE, Progress
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import SHORT_TTL

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "cutover.md").read_text(encoding="utf-8")


def test_the_table_is_as_printed() -> None:
    shown = next(part for part in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE) if "Steps of the cutover" in part)
    lines = textwrap.dedent(shown).splitlines()
    changes = [line.strip() for line in lines[1 : lines.index("Steps of the cutover")]]
    done = time.mktime(time.strptime("2026-11-25 20:15:59", "%Y-%m-%d %H:%M:%S"))
    assert Progress("", 3600, SHORT_TTL, {BESIDE: done}).table(changes, Clock(done, 1e9)).splitlines() == lines


def test_options_have_the_defaults_that_it_says() -> None:
    role = ROOT / "roles" / "mail_cutover"
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = spec["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
    defaults["mail_cutover_ttl"] = SHORT_TTL
    rows = dict(re.findall(r"^\| `(mail_cutover_\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE))
    assert options.keys() == rows.keys()
    assert {name: yaml.safe_load(rows[name].removesuffix(" s")) for name in defaults} == defaults
