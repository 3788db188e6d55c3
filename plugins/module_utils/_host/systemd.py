# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd as it is asked by systemctl(1)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands, Output

UNITS = Path("/etc/systemd/system")
"""Where the administrator's unit files are, and so ours (systemd.unit(5))."""


def booted() -> bool:
    """Whether systemd runs the host, as sd_booted(3) finds out."""
    return os.path.isdir("/run/systemd/system")


class Systemctl:
    """offline: what is enabled is read and written as files, so that systemd need not run."""

    def __init__(self, commands: Commands, offline: bool = False) -> None:
        self._commands = commands
        self._root = ("--root=/",) if offline else ()

    @property
    def is_installed(self) -> bool:
        return bool(self._commands.path("systemctl"))

    def is_active(self, unit: str) -> bool:
        return self.run("--quiet", "is-active", unit).ok

    def is_enabled(self, unit: str) -> bool:
        """Whether it is started at boot."""
        return self.run(*self._root, "--quiet", "is-enabled", unit).ok

    def change_enabled(self, verb: str, unit: str) -> None:
        """verb: enable, reenable or disable. Raises HostError."""
        self.must(*self._root, verb, unit)

    def run(self, *words: str) -> Output:
        return self._commands.run("systemctl", *words)

    def must(self, *words: str) -> None:
        """Raises HostError if it fails."""
        self._commands.must("systemctl", *words)


def unit_links(unit: str, wanted_by: tuple[str, ...]) -> list[Path]:
    """The links by which ``systemctl enable`` has those units start this one."""
    return [UNITS / f"{wanting}.wants" / unit for wanting in wanted_by]


def run_later(commands: Commands, unit: str, seconds: int, *command: str, retried: bool = False) -> bool:
    """Have systemd run the command once after that time, whatever happens to this process; False without a systemd.

    Raises HostError. unit: the name that the timer gets; retried: whether the command is run again until it succeeds.
    The time is monotonic (systemd.timer(5)): a wall clock that is set does not change it, and it stands in suspend.
    """
    if not booted() or not commands.path("systemd-run"):
        return False
    timer = (f"--on-active={seconds}", "--timer-property=AccuracySec=100ms")
    retries = ("--property=Restart=on-failure", "--property=RestartSec=5") if retried else ()
    commands.must("systemd-run", "--quiet", "--collect", f"--unit={unit}", *timer, *retries, *command)
    return True
