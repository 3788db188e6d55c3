# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall managers a host has, for a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.iptables import families_at_boot
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_builtin
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld import (
    Firewalld,
    StoppedFirewalld,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables import Iptables
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables_beside_firewalld import (
    IptablesBesideFirewalld,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables_rules import PROGRAMS, chain_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.ufw import Ufw
from ansible_collections.inbound.mail.plugins.module_utils._host.files import read_if_present

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager


def in_charge(host: FirewallHost, name: str, backend: str, chains: Iterable[ListedChain]) -> list[FirewallManager]:
    """Those that have to accept what our table accepts; Docker's drop is in the way of every backend.

    One that has nothing to let through is among them too, if it still has openings of ours.
    """
    if backend == detection.UFW:
        # Its chains come before the policy by which Docker drops.
        return [Ufw(host, name)]
    hooks = _hooks(host, name, backend, chains)
    missing = []
    for family, hooked in hooks.items():
        if "FORWARD" in hooked and family not in detection.families_of("FORWARD", chains):
            program = PROGRAMS[family]
            missing += iptables_builtin.remarks(program, host.nft.has_table(*iptables_builtin.TABLES[program]))
    # In this order: firewalld flushes the chains of others when it is reloaded for a new policy.
    found: list[FirewallManager] = [Firewalld(host, name)] if backend == detection.FIREWALLD else []
    if hooks:
        kind = IptablesBesideFirewalld if backend == detection.FIREWALLD else Iptables
        found.append(kind(host, name, hooks, missing))
    return found


def _hooks(host: FirewallHost, name: str, backend: str, chains: Iterable[ListedChain]) -> dict[int, list[str]]:
    """The chains of iptables that are to call ours; see Iptables."""
    docker = detection.docker_families(chains)
    if not docker and host.interfaces.has_docker:
        # firewalld has flushed its chains, and it is about to make them again.
        docker = Iptables(host, name, {}).kept_families(detection.DOCKER_USER)
    filtered = _filtered(chains) if backend == detection.IPTABLES else set()
    # Where our chain is, or it was removed by hand, which leaves what iptables has made for it.
    there = {*detection.families_of(chain_name(name), chains)}
    made = iptables_builtin.remarks_in(read_if_present(systemd_units.openings_file(name)).splitlines())
    made_by = {iptables_builtin.program_of(remark) for remark in made}
    there |= {family for family in detection.families_of("FORWARD", chains) if PROGRAMS[family] in made_by}
    hooks = {}
    for family in PROGRAMS:
        hooked = ["FORWARD"] if family in filtered else []
        hooked += [detection.DOCKER_USER] if family in docker else []
        if hooked or family in there:
            hooks[family] = hooked
    return hooks


def _filtered(chains: Iterable[ListedChain]) -> set[int]:
    """The families that iptables filters, now or from the next boot on; both where it is declared and has no rules.

    Where it has none, nothing is in the way, and to make an opening would make its tables too.
    """
    return {*detection.families_of("FORWARD", chains), *families_at_boot()} or set(PROGRAMS)


def retired(
    host: FirewallHost, name: str, managers: Iterable[FirewallManager], chains: Iterable[ListedChain]
) -> list[FirewallManager]:
    """Those that are not in charge any more and would still make openings of ours at the next boot."""
    titles = {manager.title for manager in managers}
    others: list[FirewallManager] = [Iptables(host, name, {}), Ufw(host, name)]
    if Firewalld.title not in titles:
        firewalld = Firewalld(host, name)
        runs = detection.FIREWALLD in detection.managers(chains) and firewalld.runs
        others.append(firewalld if runs else StoppedFirewalld(host, name))
    return [manager for manager in others if manager.title not in titles and manager.kept()]
