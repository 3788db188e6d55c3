# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings in a chain of iptables that is our own: by hand, in Docker's DOCKER-USER, and beneath ufw."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import network_text
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import HostError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_builtin, iptables_tree
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import Keeper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import Passage
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Peer
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import Host

PROGRAMS = {4: "iptables", 6: "ip6tables"}
# XT_EXTENSION_MAXNAMELEN less the final null byte; less a dot and the number of a branch.
_NAME_OCTETS, _BRANCH_OCTETS = 28, 22
_MULTIPORT_PORTS = 15
# A run and a unit may do the same at the same time: each looks for a jump before it makes one.
_LOCK = "/run/inbound-mail-openings.lock"
_FILE_HEADER = "# Written by Ansible (inbound.mail.firewall): a change here is overwritten.\n"


def chain_name(name: str, octets: int = _NAME_OCTETS) -> str:
    """``inbound_mail_NAME``; what is too long for iptables ends with a checksum instead."""
    chain = f"inbound_mail_{name}"
    if len(chain) <= octets:
        return chain
    return f"{chain[: octets - 7]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def rules(passages: Sequence[Passage], families: Iterable[int]) -> list[str]:
    """Lines of program and rule, 'iptables -d 192.0.2.1/32 ... -j ACCEPT', as iptables-save writes them; sorted."""
    found = []
    for family in families:
        program = PROGRAMS[family]
        mine = [passage for passage in passages if passage.family in (0, family)]
        lines = [_rule(passage) for passage in mine]
        ports = sorted({passage.port for passage in mine})
        for start in range(0, len(ports), _MULTIPORT_PORTS):
            some = ",".join(map(str, ports[start : start + _MULTIPORT_PORTS]))
            # The other direction of what was let through, where nobody else lets all answers pass.
            lines.append(
                f"-p tcp -m multiport --sports {some} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT"
            )
        found += [f"{program} {line}" for line in sorted(lines)]
    return found


def _rule(passage: Passage) -> str:
    words = [
        *_address("-s", passage.source),
        *_address("-d", passage.destination),
        *(("-i", passage.source.interface) if passage.source.interface else ()),
        *(("-o", passage.destination.interface) if passage.destination.interface else ()),
        "-p tcp",
    ]
    if passage.public_address:
        words.append(f"-m conntrack --ctstate DNAT --ctorigdst {passage.public_address}")
    return " ".join([*words, f"-m tcp --dport {passage.port} -j ACCEPT"])


def _address(option: str, peer: Peer) -> tuple[str, ...]:
    return (option, network_text(peer.network)) if peer.network is not None else ()


class Iptables(Keeper):
    """Our chain, others that hang in it where it has many rules, and jumps to it from chains of somebody else's.

    hooks: family -> those chains, none where nothing is let through; without a family there is no chain of ours either.
    missing: remarks on chains and tables of iptables' own that are not there; see base_chains.
    """

    _unit = systemd_units.openings_unit()
    # Where firewalld is in charge, or was; and beside firewalld the one that releases before 0.4.0 enabled.
    _other_unit = systemd_units.openings_unit_beside_firewalld()

    def __init__(self, host: Host, name: str, hooks: Mapping[int, Sequence[str]], missing: Sequence[str] = ()) -> None:
        self.title = f"iptables, chain {chain_name(name)}"
        self._host = host
        self._name = name
        self._chain, self._branch = chain_name(name), chain_name(name, _BRANCH_OCTETS)
        self._hooks = hooks
        self._missing = missing

    def _made(self) -> list[str]:
        """Remarks on what is there for our tables alone, or will be; the last one of them takes it out."""
        files = sorted(systemd_units.FILES.glob(f"*{systemd_units.openings_file(self._name).suffix}"))
        kept = [line for file in files for line in iptables_builtin.remarks_in(self._host.read(file).splitlines())]
        return [*dict.fromkeys([*kept, *self._missing])]

    def _kept_lines(self) -> list[str]:
        return self._host.read(systemd_units.openings_file(self._name)).splitlines()

    def wanted(self, passages: Sequence[Passage]) -> str:
        families = [family for family, chains in self._hooks.items() if chains]
        found = rules(passages, families)
        programs = {rule.partition(" ")[0] for rule in found}
        found += [remark for remark in self._made() if iptables_builtin.program_of(remark) in programs]
        return "".join(f"{line}\n" for line in found)

    def check(self, openings: str) -> None:
        for family, program in PROGRAMS.items():
            if f"{program} " in openings and not self._host.has_iptables(family):
                raise HostError(
                    f"backend: {program} is not installed on this host. Install the package iptables, or name in "
                    "backend who keeps the packet filter here"
                )

    def live(self) -> str:
        """Without all jumps to it, the chain lets nothing through; but it is there, and has to go with the rest."""
        found = []
        for family, chains in self._hooks.items():
            program, saved = PROGRAMS[family], self._host.iptables_save(family)
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
        """A word on it where they would not all be made, as where Docker came later or a unit was disabled by hand."""
        lines = self._kept_lines()
        incomplete = f"# {systemd_units.openings_file(self._name)} does not make all of them\n"
        if lines and self._host.keeps and not self._is_loaded_at_boot():
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
        return host.is_loaded_at_boot(self._unit, name) and not host.is_known_at_boot(self._other_unit, name)

    def script(self, openings: str) -> str:
        unused = [remark for remark in self._made() if remark not in openings.splitlines()]
        return _one_at_a_time(
            [*self._commands(openings), *(iptables_builtin.removal(remark, self._host.nft) for remark in unused)]
        )

    def _commands(self, openings: str) -> list[str]:
        lines = []
        for family, chains in self._hooks.items():
            program = PROGRAMS[family]
            planted = self._chains(openings, program)
            if planted and chains:
                # All rules of our chains in one transaction; then the jumps that are not there.
                lines += [f"{program}-restore --wait --noflush <<'END'", *_restoring(planted), "END"]
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
        """What is let through by our chains in lines of iptables-save, and a word on it where they are others."""
        chains = iptables_tree.read(self._chain, self._branch, lines)
        found = [f"{program} {rule}" for rule in iptables_tree.leaves(chains)]
        if found and not iptables_tree.same(chains, self._chains("\n".join(found), program)):
            found.append(f"# {program} has chains in {self._chain} that are not as they should be")
        return found

    def keep(self, openings: str) -> None:
        file = systemd_units.openings_file(self._name)
        if not openings:
            # Whoever kept the packet filter when they were made.
            for unit in (self._unit, self._other_unit):
                self._host.forget(unit, self._name, file)
            return
        made = "".join(f"{remark}\n" for remark in iptables_builtin.remarks_in(openings.splitlines()))
        self._host.write(file, _FILE_HEADER + made + _one_at_a_time(self._commands_of_unit(openings)))
        if self._host.keeps and not self._is_loaded_at_boot():
            for unit in (self._unit, self._other_unit):
                self._host.disable(unit, self._name)
            self._host.load_at_boot(self._unit, self._name)


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


def _one_at_a_time(commands: Iterable[str]) -> str:
    """A script that waits for another one that does the same."""
    return "".join(f"{line}\n" for line in (f"exec 9>{_LOCK}", "flock 9", *commands, "exec 9>&-"))


def rules_of(chains: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines that have iptables-restore --noflush make exactly these rules in these chains."""
    return [
        *(f":{chain} - [0:0]" for chain in chains),
        *(f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules),
    ]


def _restoring(chains: Mapping[str, Sequence[str]]) -> list[str]:
    return ["*filter", *rules_of(chains), "COMMIT"]
