# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail software of a server, as `mail_software` names it."""

from __future__ import annotations

POSTFIX = "postfix"
"""The one that the roles configure."""
EXCHANGE = "exchange"
EXIM = "exim"
OPENSMTPD = "opensmtpd"
SOFTWARE = (POSTFIX, EXCHANGE, EXIM, OPENSMTPD)
