# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in a chain of iptables that is our own: by hand, in Docker's DOCKER-USER, and beneath ufw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_builtin, iptables_tree
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables_rules import (
    BRANCH_OCTETS,
    PROGRAMS,
    chain_name,
    restore_lines,
    rules,
    serialized,
)
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import AllowRule
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost

_FILE_HEADER = "# Written by Ansible (inbound.mail.firewall): a change here is overwritten.\n"


class Iptables(FirewallManager):
    """Our chain, others that hang in it where it has many rules, and jumps to it from chains that others own.

    hooks: family -> those chains, none where nothing is let through; without a family there is no chain of ours either.
    missing: remarks on chains and tables of iptables' own that are not there; see iptables_builtin.
    """

    _unit = systemd_units.openings_unit()
    # Where firewalld is in charge, or was; and beside firewalld the one that releases before 0.4.0 enabled.
    _other_unit = systemd_units.openings_unit_beside_firewalld()

    def __init__(
        self, host: FirewallHost, name: str, hooks: Mapping[int, Sequence[str]], missing: Sequence[str] = ()
    ) -> None:
        self.title = f"iptables, chain {chain_name(name)}"
        self._host = host
        self._name = name
        self._chain, self._branch = chain_name(name), chain_name(name, BRANCH_OCTETS)
        self._hooks = hooks
        self._missing = missing

    def _made(self) -> list[str]:
        """Remarks on what is there for our tables alone, or will be; the last one of them takes it out."""
        files = sorted(systemd_units.FILES.glob(f"*{systemd_units.openings_file(self._name).suffix}"))
        kept = [line for file in files for line in iptables_builtin.remarks_in(read_if_present(file).splitlines())]
        return [*dict.fromkeys([*kept, *self._missing])]

    def _kept_lines(self) -> list[str]:
        return read_if_present(systemd_units.openings_file(self._name)).splitlines()

    def wanted(self, allow_rules: Sequence[AllowRule]) -> str:
        families = [family for family, chains in self._hooks.items() if chains]
        found = rules(allow_rules, families)
        programs = {rule.partition(" ")[0] for rule in found}
        found += [remark for remark in self._made() if iptables_builtin.program_of(remark) in programs]
        return "".join(f"{line}\n" for line in found)

    def check(self, openings: str) -> None:
        for family, program in PROGRAMS.items():
            if f"{program} " in openings and not self._host.iptables.is_installed(family):
                raise HostError(
                    f"backend: {program} is not installed on this host. Install the package iptables, or name in "
                    "backend the firewall manager of this host"
                )

    def live(self) -> str:
        """Without all jumps to it, the chain lets nothing through; but it is there, and has to go with the rest."""
        found = []
        for family, chains in self._hooks.items():
            program, saved = PROGRAMS[family], self._host.iptables.filter_table(family)
            is_called = all(f"-A {chain} -j {self._chain}" in saved for chain in chains)
            lines = self._openings_in(saved, program) if is_called else []
            if not lines and any(line.startswith(f":{self._chain} ") for line in saved):
                lines = [f"# {program} has the chain {self._chain} to no purpose"]
            found += lines
        programs = {PROGRAMS[family] for family in self._hooks}
        made = iptables_builtin.remarks_in(self._kept_lines())
        found += [remark for remark in made if iptables_builtin.program_of(remark) in programs]
        return "".join(f"{line}\n" for line in found)

    def kept(self) -> str:
        """A remark where they would not all be made, as where Docker came later or a unit was disabled by hand."""
        lines = self._kept_lines()
        incomplete = f"# {systemd_units.openings_file(self._name)} does not make all of them\n"
        if lines and self._host.units.are_possible and not self._is_loaded_at_boot():
            return incomplete
        found = []
        for family, program in PROGRAMS.items():
            begins = [number for number, line in enumerate(lines) if line.startswith(f"{program}-restore ")]
            if begins and not all(self._jump(program, chain) in lines for chain in self._hooks.get(family, ())):
                return incomplete
            for begin in begins:
                found += self._openings_in(lines[begin : lines.index("END", begin)], program)
        return "".join(f"{line}\n" for line in [*found, *iptables_builtin.remarks_in(lines)])

    def _is_loaded_at_boot(self) -> bool:
        host, name = self._host, self._name
        return host.units.is_loaded(self._unit, name) and not host.units.is_enabled(self._other_unit, name)

    def script(self, openings: str) -> str:
        unused = [remark for remark in self._made() if remark not in openings.splitlines()]
        return serialized(
            [*self._commands(openings), *(iptables_builtin.removal(remark, self._host.nft.path) for remark in unused)]
        )

    def _commands(self, openings: str) -> list[str]:
        lines = []
        for family, chains in self._hooks.items():
            program = PROGRAMS[family]
            planted = self._chains(openings, program)
            if planted and chains:
                # All rules of our chains in one transaction; then the jumps that are not there.
                lines += [f"{program}-restore --wait --noflush <<'END'", *restore_lines(planted), "END"]
                lines += [self._jump(program, chain) for chain in chains]
                lines += self._removal_of_chains(program, f"\\({self._branch}\\.[0-9]*\\)", len(planted))
            else:
                lines += self._removal(program)
        return lines

    def _commands_of_unit(self, openings: str) -> list[str]:
        return self._commands(openings)

    def kept_families(self, hook: str) -> list[int]:
        """The families in which the next boot has that chain call ours."""
        lines = self._kept_lines()
        return [family for family, program in PROGRAMS.items() if self._jump(program, hook) in lines]

    def _jump(self, program: str, chain: str) -> str:
        jump = f"{chain} -j {self._chain}"
        return f"{program} --wait -C {jump} 2>/dev/null || {program} --wait -I {jump}"

    def _removal(self, program: str) -> list[str]:
        # To ask iptables itself for a chain would make its tables where there are none.
        saved = f"{program}-save -t filter 2>/dev/null"
        jumps = f"{saved} | sed -n 's/^-A \\([^ ]* -j {self._chain}\\)$/\\1/p'"
        return [
            f"{jumps} | while read -r jump; do {program} --wait -D $jump; done",
            *self._removal_of_chains(program, f"\\({self._chain}\\|{self._branch}\\.[0-9]*\\)", 0),
        ]

    @staticmethod
    def _removal_of_chains(program: str, names: str, first: int) -> list[str]:
        """In one transaction, those whose number is as high or higher. names: an expression of sed(1)."""
        chains = f"{program}-save -t filter 2>/dev/null | sed -n 's/^:{names} .*/\\1/p' | awk -F. '$2 + 0 >= {first}'"
        script = "echo '*filter'; printf ':%s - [0:0]\\n' $chains; printf ' -X %s\\n' $chains; echo COMMIT"
        return [
            f"chains=$({chains})",
            f'if test -n "$chains"; then {{ {script}; }} | {program}-restore --wait --noflush; fi',
        ]

    def _chains(self, openings: str, program: str) -> dict[str, list[str]]:
        """Ours for the openings that are the program's; empty if there are none."""
        mine = [line.partition(" ")[2] for line in openings.splitlines() if line.startswith(f"{program} ")]
        return iptables_tree.tree(self._chain, self._branch, mine) if mine else {}

    def _openings_in(self, lines: Iterable[str], program: str) -> list[str]:
        """What is let through by our chains in lines of iptables-save, and a remark where they are others."""
        chains = iptables_tree.read(self._chain, self._branch, lines)
        found = [f"{program} {rule}" for rule in iptables_tree.leaves(chains)]
        if found and not iptables_tree.same(chains, self._chains("\n".join(found), program)):
            found.append(f"# {program} has chains in {self._chain} that are not as they should be")
        return found

    def keep(self, openings: str) -> None:
        file = systemd_units.openings_file(self._name)
        if not openings:
            # Of the manager that owned the packet filter when they were made.
            for unit in (self._unit, self._other_unit):
                self._host.units.remove(unit, self._name, file)
            return
        made = "".join(f"{remark}\n" for remark in iptables_builtin.remarks_in(openings.splitlines()))
        self._host.write(file, _FILE_HEADER + made + serialized(self._commands_of_unit(openings)))
        if self._host.units.are_possible and not self._is_loaded_at_boot():
            for unit in (self._unit, self._other_unit):
                self._host.units.disable(unit, self._name)
            self._host.units.load(self._unit, self._name)
