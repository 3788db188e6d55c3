# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of an armed change: what it left in force, and what the next boot is to find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange

FORMAT = 1
LIVE = "live.json"


@dataclass(frozen=True)
class LiveState:
    """What a change left in force: the table as text, the sysctls, and what each firewall manager accepts."""

    table: str
    sysctls: Mapping[str, str]
    openings: Mapping[str, str]

    def differences(self, found: LiveState) -> str:
        """What is otherwise now, for a sentence; empty if nothing is."""
        parts = [("the table was", self.table != found.table)]
        parts += [(f"{key} was", found.sysctls.get(key) != value) for key, value in self.sysctls.items()]
        parts += [(f"{title} was", found.openings.get(title) != text) for title, text in self.openings.items()]
        return " and ".join(part for part, differs in parts if differs)


@dataclass(frozen=True)
class ToKeep:
    """What the next boot is to find once the change is confirmed; empty where there is nothing.

    sysctls: the table's own settings, by key: value and the one before; openings: by the managers' titles.
    """

    backend: str
    file: str
    sysctls: Mapping[str, tuple[str, str]]
    openings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, change: TableChange) -> ToKeep:
        after = change.after
        own = {
            key: (one.value, one.before)
            for key, one in sysctls.parse(after.sysctl_file).items()
            if change.name in one.users
        }
        return cls(change.backend, after.file, own, dict(after.kept_openings))

    def sysctl_file(self, name: str) -> str:
        """The file as it is now, with the settings of this table; other tables may have changed theirs since."""
        present = sysctls.parse(read_if_present(sysctls.SYSCTL_FILE))
        values = {key: value for key, (value, _before) in self.sysctls.items()}
        before = {key: before for key, (_value, before) in self.sysctls.items()}
        return sysctls.text(sysctls.with_needs(present, name, values, before))


def change_text(change: TableChange, until: float) -> str:
    """The file change.json. until: seconds of CLOCK_BOOTTIME."""
    return json.dumps({"format": FORMAT, "until": until, "keep": asdict(ToKeep.of(change))})


def until(folder: Path) -> float:
    """When the change is reverted; 0 where its files are damaged, as then it cannot be confirmed either."""
    try:
        return float(json.loads(read_if_present(folder / "change.json"))["until"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def to_keep(folder: Path) -> ToKeep | None:
    """None where its files are damaged."""
    try:
        return ToKeep(**json.loads(read_if_present(folder / "change.json"))["keep"])
    except (ValueError, KeyError, TypeError):
        return None


def write_live(folder: Path, live: LiveState) -> None:
    """In one step: that the file is there says that the change is finished."""
    (folder / "live.new").write_text(json.dumps(asdict(live)))
    (folder / "live.new").rename(folder / LIVE)


def read_live(folder: Path) -> LiveState:
    """Nothing of it before the change is finished, or where the file is damaged."""
    try:
        return LiveState(**json.loads(read_if_present(folder / LIVE)))
    except (ValueError, TypeError):
        return LiveState("", {}, {})
