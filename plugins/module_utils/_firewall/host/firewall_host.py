# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the module runs on: its parts, and the files and scripts that they share."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.conntrack import Conntrack
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.interfaces import Interfaces
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.iptables import IptablesSave
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import Nft
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.systemd_units import BootUnits
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands, HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import replace_text, require_regular

if TYPE_CHECKING:
    from pathlib import Path

    from ansible.module_utils.basic import AnsibleModule


class FirewallHost:
    """Everything about a firewall that is asked of the host or done to it."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.commands = Commands(module)
        self.nft = Nft(self.commands)
        self.iptables = IptablesSave(self.commands)
        self.conntrack = Conntrack(self.commands)
        self.interfaces = Interfaces(self.commands)
        self.units = BootUnits(module, self.commands)

    def check_writable(self, *files: Path) -> None:
        """Raise HostError if one of them could not be written or removed, as where the file system is read-only."""
        folders = {next(parent for parent in file.parents if parent.is_dir()) for file in files}
        read_only = sorted(str(folder) for folder in folders if not os.access(folder, os.W_OK))
        if read_only:
            raise HostError(
                f"nothing can be written to {', '.join(read_only)}, so no change would outlive a reboot, and none was "
                "made. Make the file system writable, and run as root (become: true)"
            )
        for file in files:
            require_regular(file)

    def write(self, path: Path, text: str) -> None:
        """In one step, with the owner and mode that the file has; an empty text removes it."""
        if not text:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_text(self._module, path, text, 0o644)

    def run_shell(self, script: str) -> None:
        """Raises HostError with what the first command that fails prints."""
        # From a file: where it is long and fails early, what goes to its standard input would be an error of its own.
        with tempfile.NamedTemporaryFile("w", dir=self._module.tmpdir) as file:
            file.write(script)
            file.flush()
            output = self.commands.run("/bin/sh", "-e", file.name)
        if not output.ok:
            raise HostError(
                f"the firewall manager's rules cannot be set: {output.message or f'exit status {output.rc}'}"
            )
