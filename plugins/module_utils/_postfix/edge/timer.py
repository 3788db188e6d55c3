# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer of systemd that starts an owner's program, which sends back what has outlived its domain's lifetime."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_text
from ansible_collections.inbound.mail.plugins.module_utils._host.systemd import UNITS, Systemctl, booted
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import OVERWRITTEN
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.expire_queue import DEFERRED
from ansible_collections.inbound.mail.plugins.module_utils._postfix.files import replace_text
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.module_utils.basic import AnsibleModule

PROGRAM = "expire_queue.py"
"""What the program is called, beside the owner's tables."""

# In the queue of deferred mail alone: what is put on hold meanwhile stays as it is, and so does a new message
# that gets the queue ID of one that has just gone (postsuper(1)).
_SERVICE = """\
[Unit]
Description=Send back mail that has waited for longer than its domain allows ({directory})
Documentation=man:postsuper(1)
ConditionPathExists={program}

[Service]
Type=oneshot
ExecStart=/bin/bash -e -o pipefail -c 'due=$$(postqueue -c {directory} -j \\
    | {python} -I -X utf8 {program} $$(postconf -c {directory} -hx queue_directory)); \\
    [ -z "$$due" ] || postsuper -c {directory} -e - {queue} <<< "$$due"'
"""

_TIMER = """\
[Unit]
Description=Look for mail that has waited for longer than its domain allows ({directory})

[Timer]
OnCalendar=*:0/10

[Install]
WantedBy={wanted_by}
"""
_WANTED_BY = "timers.target"


class Timer:
    """Of one owner and one Postfix: each of several on a host has its own configuration directory."""

    def __init__(self, module: AnsibleModule, owner: str, config_directory: Path) -> None:
        self._module = module
        self._systemctl = Systemctl(Commands(module))
        self._directory = config_directory
        self._name = f"inbound-mail-expiry-{owner}@{_escaped(config_directory)}"

    @property
    def _timer(self) -> str:
        return f"{self._name}.timer"

    @property
    def _service(self) -> str:
        return f"{self._name}.service"

    def units(self, folder: Path) -> dict[str, str]:
        """File below UNITS -> its text. folder: where the program lies."""
        words = {"directory": self._directory, "program": folder / PROGRAM, "python": _python(), "queue": DEFERRED}
        words["wanted_by"] = _WANTED_BY
        return {
            self._service: OVERWRITTEN + _SERVICE.format(**words),
            self._timer: OVERWRITTEN + _TIMER.format(**words),
        }

    def read(self) -> dict[str, str]:
        """The same, of what is there."""
        paths = (UNITS / name for name in (self._service, self._timer))
        return {path.name: read_text(path) for path in paths if path.is_file()}

    def is_waiting(self) -> bool:
        """Whether it starts the program when its time comes, also after a reboot."""
        return self._systemctl.is_enabled(self._timer) and self._systemctl.is_active(self._timer)

    def problems(self) -> list[Problem]:
        if booted():
            return []
        what = "a domain has a queue_lifetime, and no systemd runs here to send back what has outlived it"
        return [Problem("relay.domains", what, "Leave it out, and set edge.queue_lifetime for all mail")]

    def put_live(self, units: Mapping[str, str]) -> None:
        """Write them, and start the timer."""
        for name, text in units.items():
            replace_text(self._module, UNITS / name, text, 0o644)
        self._systemctl.must("daemon-reload")
        self._systemctl.must("enable", self._timer)
        self._systemctl.must("restart", self._timer)

    def remove(self) -> None:
        self._systemctl.run("stop", self._timer)
        # The last one is what systemctl enable makes.
        for name in (self._timer, self._service, f"{_WANTED_BY}.wants/{self._timer}"):
            (UNITS / name).unlink(missing_ok=True)
        self._systemctl.must("daemon-reload")
        # A run that failed would be remembered.
        self._systemctl.run("reset-failed", self._timer, self._service)


def _escaped(path: Path) -> str:
    """As ``systemd-escape --path`` does it."""
    words = str(path).strip("/").split("/")
    return "-".join(
        re.sub(r"[^\w:.]", lambda one: "".join(rf"\x{byte:02x}" for byte in one[0].encode()), word, flags=re.ASCII)
        for word in words
    )


def _python() -> str:
    """What runs this module, by the name that it keeps when the system gets a newer one."""
    general = shutil.which("python3")
    return general if general and os.path.samefile(general, sys.executable) else sys.executable
