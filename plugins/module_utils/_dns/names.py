# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names as text: lower case, without the final dot, the root as ``.``."""

from __future__ import annotations


def is_below(name: str, zone: str) -> bool:
    """Whether the name is the zone's apex or below it (RFC 8499, section 7: in-domain)."""
    return zone == "." or f".{name}".endswith(f".{zone}")
