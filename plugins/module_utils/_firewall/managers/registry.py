# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keepers a host has, for a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall import detection
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import iptables_builtin
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.firewalld import (
    Firewalld,
    StoppedFirewalld,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.iptables import (
    PROGRAMS,
    Iptables,
    IptablesBesideFirewalld,
    chain_name,
)
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.ufw import Ufw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import Host
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import Keeper


def in_charge(host: Host, name: str, backend: str, chains: Iterable[Mapping[str, Any]]) -> list[Keeper]:
    """Those that have to let through what our table accepts; Docker's drop is in the way of every backend.

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
            missing += iptables_builtin.remarks(program, host.has_table(*iptables_builtin.TABLES[program]))
    # In this order: firewalld flushes the chains of others when it is reloaded for a new policy.
    found: list[Keeper] = [Firewalld(host, name)] if backend == detection.FIREWALLD else []
    if hooks:
        kind = IptablesBesideFirewalld if backend == detection.FIREWALLD else Iptables
        found.append(kind(host, name, hooks, missing))
    return found


def _hooks(host: Host, name: str, backend: str, chains: Iterable[Mapping[str, Any]]) -> dict[int, list[str]]:
    """The chains of iptables that are to call ours; see Iptables."""
    docker = detection.docker_families(chains)
    if not docker and host.has_dockers_bridge:
        # firewalld has flushed its chains, and it is about to make them again.
        docker = Iptables(host, name, {}).kept_families(detection.DOCKER_USER)
    filtered = _filtered(host, chains) if backend == detection.IPTABLES else set()
    # Where our chain is, or somebody has removed it and left what iptables has made for it.
    there = {*detection.families_of(chain_name(name), chains)}
    made = iptables_builtin.remarks_in(host.read(systemd_units.openings_file(name)).splitlines())
    made_by = {iptables_builtin.program_of(remark) for remark in made}
    there |= {family for family in detection.families_of("FORWARD", chains) if PROGRAMS[family] in made_by}
    hooks = {}
    for family in PROGRAMS:
        hooked = ["FORWARD"] if family in filtered else []
        hooked += [detection.DOCKER_USER] if family in docker else []
        if hooked or family in there:
            hooks[family] = hooked
    return hooks


def _filtered(host: Host, chains: Iterable[Mapping[str, Any]]) -> set[int]:
    """The families that iptables filters, now or from the next boot on; both if somebody says so who has no rules yet.

    Where it has none, nothing is in the way, and to make an opening would make its tables too.
    """
    return {*detection.families_of("FORWARD", chains), *host.iptables_at_boot} or set(PROGRAMS)


def retired(host: Host, name: str, keepers: Iterable[Keeper], chains: Iterable[Mapping[str, Any]]) -> list[Keeper]:
    """Those that are not in charge any more and would still make openings of ours at the next boot."""
    titles = {keeper.title for keeper in keepers}
    others: list[Keeper] = [Iptables(host, name, {}), Ufw(host, name)]
    if Firewalld.title not in titles:
        firewalld = Firewalld(host, name)
        runs = detection.FIREWALLD in detection.managers(chains) and firewalld.runs
        others.append(firewalld if runs else StoppedFirewalld(host, name))
    return [keeper for keeper in others if keeper.title not in titles and keeper.kept()]
