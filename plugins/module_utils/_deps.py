# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third-party libraries of the managed side, imported in one place: a module must be importable without them."""

from __future__ import annotations

from typing import Any


def x509() -> Any:
    """cryptography.x509, or None. It takes a while to import; without it nothing is said of certificates."""
    try:
        from cryptography import x509
    except ImportError:
        return None
    return x509
