# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in iptables where firewalld is in charge and Docker drops as well."""

from __future__ import annotations

from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables import Iptables
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables_rules import PROGRAMS


class IptablesBesideFirewalld(Iptables):
    """Our chain where firewalld is in charge and Docker drops as well; its chain DOCKER-USER alone calls ours.

    firewalld before 2.0 flushes the tables of iptables when it is reloaded. Docker makes its chains again a moment
    later, and leaves a DOCKER-USER that is there already as it is (https://github.com/moby/moby/issues/35043).
    """

    _unit, _other_unit = Iptables._other_unit, Iptables._unit

    def _commands(self, openings: str) -> list[str]:
        made = [f"{program} --wait -N {chain} 2>/dev/null || :" for program, chain in self._hooked_by(openings)]
        return [*made, *super()._commands(openings)]

    def _commands_of_unit(self, openings: str) -> list[str]:
        """What a run has made since the flush may be newer than the unit's file, and stays."""
        there = [
            f"{program} --wait -C {chain} -j {self._chain} 2>/dev/null" for program, chain in self._hooked_by(openings)
        ]
        return [f"if {' && '.join(there)}; then exit 0; fi", *self._commands(openings)]

    def _hooked_by(self, openings: str) -> list[tuple[str, str]]:
        """The programs that have openings, and the chains that are to call them."""
        programs = {line.partition(" ")[0] for line in openings.splitlines()}
        return [
            (PROGRAMS[family], chain)
            for family, chains in self._hooks.items()
            for chain in chains
            if PROGRAMS[family] in programs
        ]

    def keep(self, openings: str) -> None:
        super().keep(openings)
        # To forget a policy, firewalld may have been reloaded.
        self._host.run_shell(self.script(openings))
