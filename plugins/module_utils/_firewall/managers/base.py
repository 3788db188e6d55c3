# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall managers: the programs that own a host's packet filter, and have to accept what our table accepts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.allow_rules import AllowRule


class FirewallManager(ABC):
    """One of them, for one of our tables.

    Openings are what it accepts for us: a text of a line each, in an order that says nothing, as its own tools list
    them; empty where there are none. title: what the administrator calls the place where they are.
    """

    title: str

    @abstractmethod
    def wanted(self, allow_rules: Sequence[AllowRule]) -> str:
        """The openings for the allow rules. Raises InvalidError for what the manager cannot tell apart."""

    def check(self, openings: str) -> None:
        """Raise HostError if the openings cannot be made now; called before anything is changed."""
        del openings

    @abstractmethod
    def live(self) -> str:
        """The openings that are in force."""

    @abstractmethod
    def kept(self) -> str:
        """The openings that the next boot makes."""

    @abstractmethod
    def script(self, openings: str) -> str:
        """Shell commands that put exactly these openings in force, in one step."""

    @abstractmethod
    def keep(self, openings: str) -> None:
        """Have the next boot make exactly these openings."""


def together(some: str, others: str) -> str:
    """The openings of both."""
    return "".join(f"{line}\n" for line in dict.fromkeys([*some.splitlines(), *others.splitlines()]))
