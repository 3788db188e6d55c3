# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party library of the vantage's side, imported in one place.

A module must be importable without it (documentation, `ansible-test sanity`), so who works with it calls
`missing_libraries()` first and says what to install. dnspython 2.3 (Debian 12) is enough.
"""

from __future__ import annotations

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
except ImportError:
    dns = None  # type: ignore[assignment]

__all__ = ["dns", "missing_libraries"]


def missing_libraries() -> str | None:
    """What to tell the administrator if dnspython is not there, else None."""
    if dns is not None:
        return None
    return (
        "The Python library dnspython is missing on the host that observes: install the package python3-dnspython "
        "there, or give the host to the role inbound.mail.mail_verify, which does that."
    )
