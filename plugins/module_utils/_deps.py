# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party libraries of the managed side, imported in one place: a module must be importable without them."""

from __future__ import annotations

try:
    import dns
    import dns.asyncquery
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdatatype
    import dns.resolver

    HAS_DNSPYTHON = True
except ImportError:
    dns = None  # type: ignore[assignment]
    HAS_DNSPYTHON = False

try:
    # It comes with Ansible. On another host it is not needed, but without it nothing is said of certificates.
    from cryptography import x509
except ImportError:
    x509 = None  # type: ignore[assignment]

__all__ = ["HAS_DNSPYTHON", "MISSING_DNSPYTHON", "dns", "x509"]

MISSING_DNSPYTHON = (
    "The Python library dnspython is missing on the host that observes: install the package python3-dnspython there, "
    "or dnspython 2.3 or later for the Python that its modules run with."
)
