# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change as Ansible's diff shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls, systemd_units
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import table_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.firewall_host import FirewallHost
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.state import State, TableChange


def diff(host: FirewallHost, change: TableChange) -> list[dict[str, str]]:
    name, before, after = change.name, change.before, change.after
    unit = str(systemd_units.table_unit(host.nft.path).file)
    parts = [
        (f"table inet {table_name(name)}", before.table, after.table),
        # The file holds the same text again.
        (str(systemd_units.table_file(name)), before.file if before.table == after.table else after.file, after.file),
        (str(sysctls.SYSCTL_FILE), before.sysctl_file, after.sysctl_file),
        ("sysctl", _lines(before.sysctls), _lines(after.sysctls)),
        (unit, _at_boot(before, name), _at_boot(after, name)),
    ]
    for title in change.managers:
        live = before.openings.get(title, ""), after.openings.get(title, "")
        kept = before.kept_openings[title], after.kept_openings[title]
        parts.append((title, *live))
        if live[0] == live[1]:
            parts.append((f"{title} (at boot)", *kept))
    return [
        {"before_header": header, "after_header": header, "before": old, "after": new}
        for header, old, new in parts
        if old != new
    ]


def _lines(sysctls: Mapping[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in sorted(sysctls.items()))


def _at_boot(state: State, name: str) -> str:
    return f"loads {name} at boot\n" if state.at_boot else ""
