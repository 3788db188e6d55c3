# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings in the text of main.cf (postconf(5)), ours beside those of others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils import _owned_lines
from ansible_collections.inbound.mail.plugins.module_utils._owned_lines import LogicalLine, logical_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SETTING = re.compile(r"(?P<name>[^\s=#][^\s=]*)\s*=(?P<value>.*)", re.DOTALL)


def settings_of(text: str) -> dict[str, str]:
    """Every parameter that the text sets, with its value; the last one counts."""
    found = (_SETTING.match(line.content) for line in logical_lines(text) if line.sets)
    return {match["name"]: match["value"].strip() for match in found if match}


def with_settings(text: str, owner: str, settings: Mapping[str, str]) -> str:
    """Set exactly these parameters for this owner; what it owned before and does not name now is put back."""

    def ours(line: LogicalLine) -> bool:
        match = _SETTING.match(line.text)
        return match is not None and match["name"] in settings

    return _owned_lines.with_lines(text, owner, (f"{name} = {value}" for name, value in settings.items()), ours)


def without_settings(text: str, owner: str) -> str:
    """Take this owner's settings away and put back what they stood in for."""
    return _owned_lines.without_lines(text, owner)


def owned_by_others(text: str, owner: str) -> dict[str, str]:
    """Parameters in the blocks of other owners: parameter -> owner."""
    return {name: other for other, block in _owned_lines.blocks_of_others(text, owner) for name in settings_of(block)}


def leaving_out(text: str, names: Collection[str]) -> str:
    """The text without the lines that set these parameters."""
    return "".join(line.text for line in logical_lines(text) if _name(line) not in names)


def replacing(text: str, name: str, value: str) -> str:
    """The text with another value where that parameter is set."""
    return "".join(f"{name} = {value}\n" if _name(line) == name else line.text for line in logical_lines(text))


def _name(line: LogicalLine) -> str:
    """Of the parameter that the line sets, if it does."""
    match = _SETTING.match(line.content) if line.sets else None
    return match["name"] if match else ""
