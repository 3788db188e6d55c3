# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that relay and server have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Postfix's own value without relay_domains: with it, a relay for example.org would take mail for every name below
# example.org, which was not declared (postconf(5), parent_domain_matches_subdomains).
PARENT_DOMAIN_MATCHES_WITHOUT_RELAY_DOMAINS = (
    "debug_peer_list, fast_flush_domains, mynetworks, permit_mx_backup_networks, qmqpd_authorized_clients, "
    "smtpd_access_maps"
)
_LOOPBACK_ONLY = ("loopback-only", "localhost", "127.0.0.1", "127.0.0.1, ::1", "127.0.0.1, [::1]")


def listening(former: Mapping[str, str]) -> dict[str, str]:
    """Listen on every interface where Postfix listens to itself only; an administrator's own choice stays."""
    if former.get("inet_interfaces", "all") in _LOOPBACK_ONLY:
        return {"inet_interfaces": "all"}
    return {}


def preceded(ours: str, former: Mapping[str, str], name: str) -> str:
    """A list setting with ours first and what the host has there after it."""
    return ", ".join(filter(None, (ours, former.get(name, ""))))
