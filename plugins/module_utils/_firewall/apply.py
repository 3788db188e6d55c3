# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a change: in the kernel and in the firewall managers first, then in what the next boot loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import conntrack, sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers import registry
from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.commit_confirm import PendingChange
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import TableChange


def carry_out(host: FirewallHost, change: TableChange, pending: PendingChange, timeout: int) -> bool:
    """Make the change; returns whether it is to stay already."""
    before, after = change.before, change.after
    if before == after:
        return True
    host.check_writable(
        sysctls.SYSCTL_FILE, systemd_units.table_file(change.name), systemd_units.table_unit(host.nft.path).file
    )
    in_kernel = (before.table, before.sysctls, before.openings) != (after.table, after.sysctls, after.openings)
    if timeout and in_kernel:
        pending.arm(change, timeout)
    if in_kernel:
        _change_kernel(host, change)
    if pending.exists:
        return False
    _keep(host, change.name, after.file, after.sysctl_file)
    reloaded = False
    for title, text in after.kept_openings.items():
        if reloaded or before.kept_openings[title] != text:
            change.managers[title].keep(text)
            reloaded = True
    return True


def confirm(
    host: FirewallHost,
    name: str,
    pending: PendingChange,
    present: Sequence[FirewallManager],
    chains: Sequence[ListedChain],
) -> None:
    """Let a pending change stay. Raises HostError if none is pending."""
    file, sysctl_file, openings = pending.confirm()
    _keep(host, name, file, sysctl_file)
    for manager in (*present, *registry.retired(host, name, present, chains)):
        manager.keep(openings.get(manager.title, ""))


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
            for forwarded in conntrack.stale(change.forwards, host.conntrack.forwarded()):
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
