# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of iptables on the host: those in force, and those of the next boot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._host.commands import Commands

# Where Debian's netfilter-persistent and the services of other distributions keep them.
_SAVED = {
    4: ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
    6: ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"),
}
# Of the network namespace that asks, and there only where such a table was used.
_LEGACY_TABLES = {4: Path("/proc/net/ip_tables_names"), 6: Path("/proc/net/ip6_tables_names")}
_SAVE = {4: "iptables-save", 6: "ip6tables-save"}


class IptablesSave:
    """iptables-save(8), by IP version."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._installed = {family for family, program in _SAVE.items() if commands.path(program)}

    def is_installed(self, family: int) -> bool:
        return family in self._installed

    def filter_table(self, family: int) -> list[str]:
        """The lines of the table filter as iptables-save prints them; none if there is no iptables."""
        return self._commands.must(_SAVE[family], "-t", "filter").splitlines() if family in self._installed else []


def families_at_boot() -> set[int]:
    """The IP versions of which rules of iptables are loaded at boot."""
    return {family for family, files in _SAVED.items() if any(map(os.path.exists, files))}


def legacy_families(table: str) -> set[int]:
    """The IP versions in which iptables-legacy has the table, which nft does not see."""
    return {family for family, file in _LEGACY_TABLES.items() if table in read_if_present(file).split()}
