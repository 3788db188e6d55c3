# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Next hops as they are written in a transport: ``[address]:port`` (transport(5))."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader


@dataclass(frozen=True)
class NextHop:
    """destination: ``[address]:port``; policy: its smtp_tls_policy_maps entry or nothing; credentials: their name."""

    destination: str
    policy: str
    credentials: str


def joined(hops: Iterable[NextHop]) -> str:
    """Next hops as Postfix tries them one after the other (postconf(5), relayhost; since 3.5)."""
    return ", ".join(hop.destination for hop in hops)


def one_value_each(pairs: Iterable[tuple[str, str]], option: str, what: str, check: OptionReader) -> dict[str, str]:
    """A next hop is looked up by its address and port, wherever it is named, so it has one value."""
    found: dict[str, str] = {}
    for key, value in sorted(pairs):
        if found.setdefault(key, value) != value:
            check.report(option, f"{key} is named twice, each time with other {what}", "Write the same in both places")
    return found
