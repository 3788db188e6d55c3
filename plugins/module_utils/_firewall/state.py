# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of a table, and the way from one state to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import Flow
    from ansible_collections.inbound.mail.plugins.module_utils._firewall.managers.base import FirewallManager


@dataclass(frozen=True)
class State:
    """All of a host that belongs to a table; empty where there is nothing."""

    table: str
    """The table in the kernel, as text."""
    file: str
    sysctl_file: str
    sysctls: Mapping[str, str]
    """The kernel's values of those that the table is about."""
    at_boot: bool
    openings: Mapping[str, str] = field(default_factory=dict)
    """What firewall managers accept for the table, by their title: live."""
    kept_openings: Mapping[str, str] = field(default_factory=dict)
    """The same as the next boot will have it."""


@dataclass(frozen=True)
class TableChange:
    """A change to the table of that name.

    scripts: for nft, a transaction each; managers: by title, those whose openings are in the states.
    """

    name: str
    backend: str
    before: State
    after: State
    scripts: tuple[str, ...]
    managers: Mapping[str, FirewallManager] = field(default_factory=dict)
    forwards: tuple[Flow, ...] = ()
    """What is forwarded afterwards."""

    @property
    def is_one_transaction(self) -> bool:
        """Whether nft's one script is what is done first: if it is refused, nothing was changed."""
        before, after = self.before, self.after
        stops_routing = any(value == "0" and before.sysctls.get(key) != "0" for key, value in after.sysctls.items())
        return len(self.scripts) == 1 and before.openings == after.openings and not stops_routing
