# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in charge of the host's packet filter, and what stands in the way of our own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall.nftables import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NFTABLES = "nftables"
BACKENDS = (NFTABLES, "firewalld", "ufw", "iptables")


def in_charge(chains: Iterable[Mapping[str, Any]]) -> list[str]:
    """The programs that own chains among all that ``nft -j list chains`` shows; none: whoever writes nft by hand."""
    found = set()
    for chain in chains:
        name, table = chain["name"], chain["table"]
        if table == "firewalld" or name.startswith("FORWARD_POLICIES"):
            found.add("firewalld")
        elif name.startswith(("ufw-", "ufw6-")):
            found.add("ufw")
        elif name == "DOCKER-USER" or table.startswith("docker-"):
            found.add("Docker")
    return sorted(found)


def dropping_chains(chains: Iterable[Mapping[str, Any]]) -> list[str]:
    """Base chains of others that drop forwarded packets unless a rule in them accepts, as ``family table chain``."""
    return [
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward"
        and chain.get("policy") == "drop"
        and chain["family"] in ("ip", "ip6", "inet")
        and not chain["table"].startswith(PREFIX)
    ]


def obstacle(backend: str, chains: Iterable[Mapping[str, Any]]) -> str:
    """Why the wanted backend cannot be used; empty if it can."""
    if backend not in ("auto", NFTABLES):
        return (
            f"backend: the backend {backend} is not part of this release, which speaks nftables only. "
            f"Use backend: {NFTABLES}, and let {backend} accept forwarded TCP of the flows' ports"
        )
    found = in_charge(chains) if backend == "auto" else []
    if found:
        who = " and ".join(found)
        return (
            f"backend: this host's packet filter is kept by {who}, and this release speaks nftables only. What a "
            f"table of its own accepts, {who} may still drop. Either switch {who} off, or let it accept forwarded TCP "
            f"of the flows' ports and say backend: {NFTABLES}"
        )
    return ""
