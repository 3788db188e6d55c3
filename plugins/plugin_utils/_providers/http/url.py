# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the option `url` may be. No message shows a password that is in it; pure, as the plan asks it too."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

CLEARTEXT_OPTION = "allow_cleartext"
"""In `options`: the token may be sent over http:// to another host."""


def url_problem(url: str) -> str | None:
    """Why it is no address of an interface over HTTP, None if it is one."""
    if "@" in url:
        return "it has a user name or a password in it. Leave them out, and give the token in api_token"
    if not url.isprintable() or " " in url or "\\" in url:
        return "it has a space, a backslash or a control character. Leave that out"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # of the port, or of an address in brackets
        return f"https:// or http:// and the name of a host, not {_shown(url)}"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"https:// or http:// and the name of a host, not {_shown(url)}"
    if parts.query or parts.fragment:
        return "it has a part that begins with ? or #. Leave it out, and give the token in api_token"
    return None


def _shown(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]


def sends_cleartext(url: str) -> bool:
    """Whether what is sent there passes a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
