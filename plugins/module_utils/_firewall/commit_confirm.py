# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm: a change that the host takes back by itself, unless it is confirmed in time.

What was there before is written to /run, and a timer of systemd is started that puts it back; only then is anything
changed. What outlives a reboot is written when the change is confirmed. So whatever happens in between (no way back to
the host, a controller that dies, a reboot), the host ends with what it had.

Confirming and taking back both begin by renaming the folder: the second of them finds it gone.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import together
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import table_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import removal
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import Systemctl, run_later

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange

FOLDER = Path("/run/inbound.mail/firewall")


class PendingChange:
    """The change of a table that waits for its confirmation, if there is one."""

    def __init__(self, host: FirewallHost, name: str) -> None:
        self._host = host
        self._name = name
        self._folder = FOLDER / name
        self._prepared = FOLDER / f"{name}.prepared"
        self._confirmed, self._reverted = FOLDER / f"{name}.confirmed", FOLDER / f"{name}.reverted"
        self._unit = f"inbound-mail-firewall-revert-{name}"

    @property
    def exists(self) -> bool:
        # Not readable for all users, and check mode may run as any of them.
        return os.path.isdir(self._folder)

    @property
    def backend(self) -> str:
        """What the change was made for; empty if none waits."""
        return read_if_present(self._folder / "backend")

    def arm(self, change: TableChange, timeout: int) -> None:
        """Have it taken back after so many seconds; the change itself is made afterwards."""
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        for cut_short in (self._prepared, self._confirmed, self._reverted):
            shutil.rmtree(cut_short, ignore_errors=True)
        self._prepared.mkdir(mode=0o700)
        for name, text in (
            ("before.nft", removal(table_name(self._name)) + self._host.nft.listing_text(table_name(self._name))),
            ("table.nft", change.after.file),
            ("sysctl.conf", change.after.sysctl_file),
            ("openings.json", json.dumps(dict(change.after.kept_openings))),
            ("backend", change.backend),
            ("revert", self._script(change)),
        ):
            (self._prepared / name).write_text(text)
        # From now on it can be taken back, whenever this process ends.
        self._prepared.rename(self._folder)
        try:
            if not run_later(self._host.commands, self._unit, timeout, "/bin/sh", str(self._folder / "revert")):
                raise HostError(
                    "confirm_timeout needs a systemd that runs on the host, to take the change back if it is not "
                    "confirmed. Leave confirm_timeout out, or set it to 0"
                )
        except HostError:
            shutil.rmtree(self._folder)
            raise

    def confirm(self) -> tuple[str, str, dict[str, str]]:
        """Let it stay; returns the table's file, the file of sysctls and the openings that belong to it."""
        try:
            self._folder.rename(self._confirmed)
        except FileNotFoundError as error:
            raise HostError(
                f"no change of {self._name} waits for confirmation. It was taken back, or the host has booted since"
            ) from error
        self._stop_timer()
        file, sysctl_file, openings = (
            read_if_present(self._confirmed / name) for name in ("table.nft", "sysctl.conf", "openings.json")
        )
        shutil.rmtree(self._confirmed)
        return file, sysctl_file, json.loads(openings)

    def revert(self) -> None:
        """Take it back now."""
        self._host.commands.must("/bin/sh", str(self._folder / "revert"))
        self._stop_timer()

    def _stop_timer(self) -> None:
        # It is gone already if its time has come.
        Systemctl(self._host.commands).run("stop", f"{self._unit}.timer")

    def _script(self, change: TableChange) -> str:
        """Sysctls that make the host route come after the rules, and go before them."""
        steps = [
            (value, f"echo {quote(value)} >{quote(sysctls.path(key))}")
            for key, value in sorted(change.before.sysctls.items())
            if change.after.sysctls.get(key) != value and value
        ]
        before, after = change.before.openings, change.after.openings
        changed = [title for title, text in before.items() if text != after[title]]
        widened = [change.managers[title].script(together(before[title], after[title])) for title in changed]
        restored = [change.managers[title].script(before[title]) for title in changed]
        lines = [
            "#!/bin/sh",
            f"mv {self._folder} {self._reverted} || exit 0",
            *(step for value, step in steps if value == "0"),
            *widened,
            f"{self._host.nft.path} -f {self._reverted}/before.nft",
            *restored,
            *(step for value, step in steps if value != "0"),
            f"rm -r {self._reverted}",
        ]
        return "".join(f"{line}\n" for line in lines)
