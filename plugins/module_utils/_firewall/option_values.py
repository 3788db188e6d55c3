# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that the module's options take, for every part that writes or reads them."""

from __future__ import annotations

import re

ACTIONS = ("forward", "accept", "drop", "reject", "snat")
OUTSIDE = "wan"
"""The interface set that leads outside where no flow says which one does."""
INTERFACE = re.compile(r'[^\s/:"*\\]{1,15}')
"""IFNAMSIZ less the final null byte; see dev_valid_name() of Linux, without the characters that nft gives a meaning."""
