# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings beneath ufw: our chain, which ufw's own rules for what is routed jump to, also after it was reloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables import Iptables
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables_rules import (
    PROGRAMS,
    chain_name,
    rules_of,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost

_FILES = {4: Path("/etc/ufw/before.rules"), 6: Path("/etc/ufw/before6.rules")}
_HOOKS = {4: "ufw-before-forward", 6: "ufw6-before-forward"}


class Ufw(Iptables):
    """ufw reads /etc/ufw/before.rules whenever it starts: there our lines are a block of their own."""

    def __init__(self, host: FirewallHost, name: str) -> None:
        super().__init__(host, name, {family: [hook] for family, hook in _HOOKS.items()})
        self.title = f"{_FILES[4].parent}, chain {chain_name(name)}"
        self._begin, self._end = f"# BEGIN inbound.mail.firewall {name}\n", f"# END inbound.mail.firewall {name}\n"
        self._block = re.compile(f"{self._begin}(.*?){self._end}", re.DOTALL)

    def kept(self) -> str:
        found = []
        for family, file in _FILES.items():
            match = self._block.search(read_if_present(file))
            found += self._openings_in(match[1].splitlines() if match else [], PROGRAMS[family])
        return "".join(f"{rule}\n" for rule in found)

    def keep(self, openings: str) -> None:
        for family, file in _FILES.items():
            text = self._block.sub("", read_if_present(file))
            chains = self._chains(openings, PROGRAMS[family])
            if chains:
                # At the end of the table: before it ufw empties the chain that ours is called from.
                end = text.index("COMMIT\n", text.index("*filter\n"))
                block = [*rules_of(chains), f"-A {_HOOKS[family]} -j {self._chain}"]
                lines = "".join(f"{line}\n" for line in block)
                text = f"{text[:end]}{self._begin}{lines}{self._end}{text[end:]}"
            self._host.write(file, text)
