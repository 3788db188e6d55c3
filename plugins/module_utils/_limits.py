# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that the standards set and that several parts of the collection keep to."""

from __future__ import annotations

SMTP_PORT = 25
"""Where mail exchangers listen (RFC 5321, section 4.5.4.2)."""
MAX_PORT = 65535


def is_tcp_port(number: int) -> bool:
    """Whether a connection can be made to a port of that number."""
    return 1 <= number <= MAX_PORT
