# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall manager owns the host's packet filter, and what stands in the way of our own table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.nft import PREFIX
from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.nft import ListedChain

NFTABLES, FIREWALLD, UFW, IPTABLES = "nftables", "firewalld", "ufw", "iptables"
BACKENDS = (NFTABLES, FIREWALLD, UFW, IPTABLES)

# Made by Docker for the rules of others, and left alone by it.
DOCKER_USER = "DOCKER-USER"
_FAMILIES = {4: "ip", 6: "ip6"}


def managers(chains: Iterable[ListedChain]) -> list[str]:
    """The programs that own the filter for what is routed, told by the chains that ``nft -j list chains`` shows."""
    found = set()
    for chain in chains:
        name, table = chain["name"], chain["table"]
        if table == "firewalld" or name.startswith("FORWARD_POLICIES"):
            found.add(FIREWALLD)
        elif name in ("ufw-before-forward", "ufw6-before-forward"):
            found.add(UFW)
    return sorted(found)


def choose(wanted: str, chains: Sequence[ListedChain], has_saved_iptables: bool, has_docker: bool = False) -> str:
    """The backend that is meant by ``wanted``, one of BACKENDS or 'auto'. Raises HostError.

    has_saved_iptables: whether the host loads rules of iptables at boot.
    has_docker: whether Docker is there; it sets the same policy in iptables that an administrator may have set.
    """
    found = managers(chains)
    iptables_drops = not has_docker and _iptables_drops(chains)
    # ufw's chains hang in those of iptables, whose policy is ufw's own.
    if found == [FIREWALLD] and iptables_drops:
        found.append(IPTABLES)
    if wanted == "auto":
        if len(found) > 1:
            raise HostError(
                f"backend: this host's packet filter is managed by {' and '.join(found)} at once, and each drops "
                "what the other accepts. Disable one of them, or name in backend the one that is to stay"
            )
        if found:
            return found[0]
        return IPTABLES if has_saved_iptables or iptables_drops else NFTABLES
    if wanted in (FIREWALLD, UFW) and wanted not in found:
        raise HostError(
            f"backend: {wanted} is not running on this host, so rules for it would have no effect. Start it (ufw "
            "enable; systemctl start firewalld), or set backend: auto"
        )
    others = [manager for manager in found if manager != wanted]
    if wanted == IPTABLES and others:
        raise HostError(
            f"backend: this host's packet filter is managed by {' and '.join(others)}, which puts its own rules before "
            f"those of iptables. Set backend: {others[0]}"
        )
    return wanted


def _iptables_drops(chains: Iterable[ListedChain]) -> bool:
    return any(_is_forward_of_iptables(chain) and chain.get("policy") == "drop" for chain in chains)


def docker_families(chains: Iterable[ListedChain]) -> list[int]:
    """The IP versions in which Docker has the chain that is there for the rules of others."""
    return families_of(DOCKER_USER, chains)


def families_of(name: str, chains: Iterable[ListedChain]) -> list[int]:
    """The IP versions in which iptables has a chain of that name in its table filter."""
    found = {chain["family"] for chain in chains if chain["name"] == name and chain["table"] == "filter"}
    return [version for version, family in _FAMILIES.items() if family in found]


def translated_families(chains: Iterable[ListedChain]) -> set[int]:
    """The IP versions in which chains of others translate addresses."""
    families = {
        chain["family"] for chain in chains if chain.get("type") == "nat" and not chain["table"].startswith(PREFIX)
    }
    return {version for version, family in _FAMILIES.items() if families & {family, "inet"}}


def _is_forward_of_iptables(chain: ListedChain) -> bool:
    return chain["family"] in _FAMILIES.values() and chain["table"] == "filter" and chain["name"] == "FORWARD"


def dropping_chains(chains: Iterable[ListedChain], opened: Iterable[str]) -> list[str]:
    """Base chains of others that drop forwarded packets unless a rule in them accepts, as ``family table chain``.

    opened: the tables in which what we accept is accepted, as ``family table``.
    """
    return [
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward"
        and chain.get("policy") == "drop"
        and chain["family"] in ("ip", "ip6", "inet")
        and not chain["table"].startswith(PREFIX)
        and f"{chain['family']} {chain['table']}" not in opened
    ]


def opened_tables(backend: str, chains: Iterable[ListedChain]) -> list[str]:
    """The tables in which a backend has what we accept accepted, as ``family table``."""
    families = _FAMILIES if backend in (UFW, IPTABLES) else docker_families(chains)
    found = [f"{_FAMILIES[version]} filter" for version in families]
    return [*found, "inet firewalld"] if backend == FIREWALLD else found
