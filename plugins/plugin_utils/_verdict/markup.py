# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from anywhere, for HTML and SVG."""

from __future__ import annotations

from html import escape

from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

_LONGEST = 4000


def safe(text: object) -> str:
    """As text, never as markup; control characters and changes of writing direction as Python writes them."""
    return escape(harmless(str(text), _LONGEST))
