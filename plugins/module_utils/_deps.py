# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party libraries of the managed side, imported in one place: a module must be importable without them."""

from __future__ import annotations

try:
    # It comes with Ansible. On another host it is not needed, but without it nothing is said of certificates.
    from cryptography import x509
except ImportError:
    x509 = None  # type: ignore[assignment]

__all__ = ["x509"]
