# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a change: in the kernel and in the firewall managers first, then in what the next boot loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.pending import TakenOverError
from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.records import LiveState, ToKeep
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import conntrack, sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import registry
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import together
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import table_name
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.table import configuration
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm.pending import PendingChange
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange


def carry_out(host: FirewallHost, change: TableChange, pending: PendingChange, timeout: int) -> str:
    """Make the change; returns its ID if it waits for its confirmation, else it is to stay already."""
    before, after = change.before, change.after
    if before == after:
        return ""
    host.check_writable(
        sysctls.SYSCTL_FILE, systemd_units.table_file(change.name), systemd_units.table_unit(host.nft.path).file
    )
    if timeout:
        return _try_out(host, change, pending, timeout)
    if _is_in_kernel(change):
        _change_kernel(host, change)
    with pending.boot_files_alone():
        _keep(host, change.name, after.file, after.sysctl_file)
        reloaded = False
        for title, text in after.kept_openings.items():
            if reloaded or before.kept_openings[title] != text:
                change.managers[title].keep(text)
                reloaded = True
    return ""


def _try_out(host: FirewallHost, change: TableChange, pending: PendingChange, timeout: int) -> str:
    """Make the change for the present alone."""
    change_id = pending.arm(change, timeout)
    with pending.work(change_id, begins=True):
        try:
            if _is_in_kernel(change):
                _change_kernel(host, change)
            keys = change.after.sysctls
            managers = [change.managers[title] for title in change.after.openings]
            pending.finish(change_id, _live(host, change.name, change.after.file, keys, managers))
        except TakenOverError:
            raise
        except (HostError, OSError):
            # Rather now than in time: nothing of it is to be confirmed.
            pending.revert(change_id)
            raise
    return change_id


def confirm(
    host: FirewallHost,
    name: str,
    pending: PendingChange,
    change_id: str,
    kept: ToKeep,
    present: Sequence[FirewallManager],
    chains: Sequence[ListedChain],
) -> None:
    """Let the pending change of that ID stay; this process works on it. Raises HostError if it is not in force as made.

    kept: what the change is to leave for the next boot.
    """
    live = pending.live(change_id)
    managers = [manager for manager in present if manager.title in live.openings]
    differences = live.differences(_live(host, name, kept.file, live.sysctls, managers))
    pending.check_confirmable(change_id, differences)
    with pending.confirming(change_id):
        _keep(host, name, kept.file, kept.sysctl_file(name))
        for manager in (*present, *registry.retired(host, name, present, chains)):
            manager.keep(kept.openings.get(manager.title, ""))


def _live(
    host: FirewallHost, name: str, file: str, keys: Iterable[str], managers: Iterable[FirewallManager]
) -> LiveState:
    """What is in force; file: what the rules are known from."""
    table = configuration(host.nft.listing(table_name(name)), table_name(name), file)
    return LiveState(table, sysctls.live(keys), {manager.title: manager.live() for manager in managers})


def _is_in_kernel(change: TableChange) -> bool:
    before, after = change.before, change.after
    return (before.table, before.sysctls, before.openings) != (after.table, after.sysctls, after.openings)


def _keep(host: FirewallHost, name: str, file: str, sysctl_file: str) -> None:
    """Write what the next boot is to find; first the sysctls, as their file alone knows what was there before."""
    host.write(sysctls.SYSCTL_FILE, sysctl_file)
    if not file:
        host.units.remove(systemd_units.table_unit(host.nft.path), name, systemd_units.table_file(name))
        return
    host.write(systemd_units.table_file(name), file)
    if host.units.are_possible and not host.units.is_loaded(systemd_units.table_unit(host.nft.path), name):
        host.units.load(systemd_units.table_unit(host.nft.path), name)


def _change_kernel(host: FirewallHost, change: TableChange) -> None:
    """Nothing is routed at any time that the rules would have stopped.

    While the table changes, firewall managers accept what the old one and the new one accept: so there is no moment in
    which neither way is open. What is open too far is dropped by the table.
    """
    before, after = change.before, change.after
    steps = [(key, value) for key, value in sorted(after.sysctls.items()) if before.sysctls.get(key) != value]
    for key, value in steps:
        if value == "0":
            sysctls.set_live(key, value)
    both = {title: together(before.openings[title], text) for title, text in after.openings.items()}
    _open(host, change.managers, before.openings, both)
    if before.table != after.table:
        for script in change.scripts:
            host.nft.load(script)
        if change.forwards and before.table and host.conntrack.is_installed:
            for forwarded in conntrack.stale(change.forwards, host.conntrack.forwarded(), host.interfaces.toward):
                host.conntrack.end(forwarded)
    _open(host, change.managers, both, after.openings)
    for key, value in steps:
        if value != "0":
            sysctls.set_live(key, value)


def _open(
    host: FirewallHost, managers: Mapping[str, FirewallManager], live: Mapping[str, str], openings: Mapping[str, str]
) -> None:
    """Have the managers accept exactly this, where they accept ``live`` now."""
    reloaded = False
    for title, text in openings.items():
        # firewalld comes first, and may flush what others have.
        if reloaded or live[title] != text:
            host.run_shell(managers[title].script(text))
            reloaded = True
