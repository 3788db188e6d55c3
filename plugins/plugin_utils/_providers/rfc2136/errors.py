# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a request to a DNS server has no response that counts."""

from __future__ import annotations


class RequestFailed(Exception):
    """No usable answer."""


class NoAnswer(RequestFailed):
    """Nothing that counts as an answer came in time."""


class Unreachable(RequestFailed):
    """The server cannot be reached: connection refused, no route, a TLS handshake that failed."""


class Truncated(RequestFailed):
    """Even over a connection the server sent only a part of the answer."""


class Lost(RequestFailed):
    """An update was sent and not answered, for this `reason`: it may have been made or not."""

    def __init__(self, reason: RequestFailed) -> None:
        super().__init__(str(reason))
        self.reason = reason


class KeyRefused(RequestFailed):
    """The server did not take the signature; `reason`: BADKEY, BADSIG, BADTIME or BADTRUNC (RFC 8945, section 5.2)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConnectionClosed(RequestFailed):
    """The connection ended before the answer came."""
