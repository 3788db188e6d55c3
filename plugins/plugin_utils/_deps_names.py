# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of dnspython that domain names need, without what speaks to servers.

So reading a declaration loads neither socket nor ssl. Everything else of dnspython comes by `_deps`.
"""

from __future__ import annotations

try:
    import dns
    import dns.exception
    import dns.name
except ImportError:
    dns = None  # type: ignore[assignment]

__all__ = ["dns"]
