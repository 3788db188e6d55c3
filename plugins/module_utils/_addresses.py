# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP addresses, and which of them the internet cannot reach.

Source: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), as of 2025: the blocks that are not
globally reachable, and multicast (RFC 5771, RFC 4291).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Union

Address = Union[IPv4Address, IPv6Address]
Network = Union[IPv4Network, IPv6Network]

SHARED_ADDRESS_SPACE = ip_network("100.64.0.0/10")
"""The inside of a provider's carrier-grade NAT (RFC 6598)."""

# The first that holds an address names it: the smaller block before the larger.
_REGISTRY: list[tuple[Network, str]] = [
    (ip_network(block), meaning)
    for block, meaning in [
        ("0.0.0.0/8", "'this network' (RFC 791)"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
        ("127.0.0.0/8", "loopback (RFC 1122)"),
        ("169.254.0.0/16", "link-local (RFC 3927)"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "IETF protocol assignments (RFC 6890)"),
        ("192.0.2.0/24", "documentation (RFC 5737)"),
        ("192.88.99.0/24", "the former 6to4 relay anycast (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("198.18.0.0/15", "benchmarking (RFC 2544)"),
        ("198.51.100.0/24", "documentation (RFC 5737)"),
        ("203.0.113.0/24", "documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 5771)"),
        ("240.0.0.0/4", "reserved (RFC 1112)"),
        ("::1/128", "loopback (RFC 4291)"),
        ("::/128", "unspecified (RFC 4291)"),
        ("::ffff:0:0/96", "IPv4-mapped (RFC 4291)"),
        ("64:ff9b::/96", "IPv4/IPv6 translation (RFC 6052)"),
        ("64:ff9b:1::/48", "IPv4/IPv6 translation (RFC 8215)"),
        ("100::/64", "discard-only (RFC 6666)"),
        ("2001:db8::/32", "documentation (RFC 3849)"),
        ("2001::/23", "IETF protocol assignments (RFC 2928)"),
        ("2002::/16", "6to4 (RFC 3056)"),
        ("3fff::/20", "documentation (RFC 9637)"),
        ("5f00::/16", "segment routing (RFC 9602)"),
        ("fc00::/7", "unique local (RFC 4193)"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("ff00::/8", "multicast (RFC 4291)"),
    ]
]
_GLOBAL_UNICAST = ip_network("2000::/3")

DOCUMENTATION = tuple(
    ip_network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
"""For examples (RFC 5737, RFC 3849, RFC 9637): nothing on the internet has these, and laboratories use them."""

# No host has these as its own.
_OF_NO_HOST = [
    ip_network(block) for block in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "::ffff:0:0/96", "ff00::/8")
]


@lru_cache(maxsize=65536)
def _meaning(address: Address) -> str | None:
    for network, meaning in _REGISTRY:
        if address in network:
            return meaning
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return "not assigned for global unicast (RFC 4291)"
    return None


def read_ip(text: str) -> Address:
    """The address that the text means. Raises ValueError, also for one with a scope identifier (RFC 4007): such an
    address means something to one host alone."""
    if "%" in text:
        raise ValueError(f"{text!r} has a scope identifier, which holds for one link of one host")
    return ip_address(text)


def read_network(text: str, strict: bool = True) -> Network:
    """The network that the text means; strict: no bits set behind the prefix. Raises ValueError as read_ip does."""
    if "%" in text:
        raise ValueError(f"{text!r} has a scope identifier, which holds for one link of one host")
    return ip_network(text, strict=strict)


def parse_ip(text: str) -> Address | None:
    """The address that the text means, None if it is not an address, or one with a scope identifier."""
    try:
        return read_ip(text)
    except ValueError:
        return None


def special_purpose(address: Address, public_networks: Iterable[Network] = ()) -> str | None:
    """What the address is meant for if not for the internet, None if it is public.

    public_networks: networks to be taken as public all the same, for a lab on documentation addresses.
    """
    meaning = _meaning(address)
    if meaning is None or any(address in network for network in public_networks):
        return None
    return meaning


def can_be_a_hosts_own(address: Address) -> bool:
    return not any(address in network for network in _OF_NO_HOST)


def reverse_name(address: str) -> str:
    """The name of which the PTR record names the host (RFC 1035, section 3.5; RFC 3596, section 2.5)."""
    return ip_address(address).reverse_pointer
