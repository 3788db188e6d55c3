# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many rules of iptables as a tree of chains, so that a packet walks down a few of them.

iptables has no sets of its own. So rules for single addresses hang in chains by the first bits of those addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# So many are walked down as quickly, and read more easily. A chain that hangs in another one has no more than the last.
_FEW_RULES, _FEWER_RULES = 16, 4
# What chains are told apart by. Twice two bits are found with fewer questions than four.
_BITS = 2
# The kernel follows 16 jumps (NFT_JUMP_STACK_SIZE), and those who call us have made some.
_LEVELS = 10
# How a rule names a single address, and how a jump names many. The first one costs less than the last.
_FIELDS = (
    (re.compile(r"(?:^| )-d (\S+)/(?:32|128) "), "-d {}"),
    (re.compile(r"(?:^| )-s (\S+)/(?:32|128) "), "-s {}"),
    (re.compile(r" --ctorigdst (\S+) "), "-m conntrack --ctorigdst {}"),
)


class _Group(NamedTuple):
    """Rules for addresses of one network. match: how a jump names it."""

    match: str
    rules: list[str]


def tree(chain: str, branch: str, rules: Iterable[str]) -> dict[str, list[str]]:
    """Chains and their rules, first the one that others call; the other ones are ``branch.1`` and so on.

    The order of the rules says nothing: each of them accepts.
    """
    chains: dict[str, list[str]] = {chain: []}
    _plant(chains, chain, branch, sorted(rules))
    return chains


def read(chain: str, branch: str, lines: Iterable[str]) -> dict[str, list[str]]:
    """The same from the lines of iptables-save; empty if there is none of those chains."""
    is_ours = re.compile(rf"(:|-A )({re.escape(chain)}|{re.escape(branch)}\.\d+) (.*)")
    chains: defaultdict[str, list[str]] = defaultdict(list)
    for match in filter(None, map(is_ours.fullmatch, lines)):
        rules = chains[match[2]]
        if match[1] != ":":
            rules.append(match[3])
    return dict(chains)


def leaves(chains: Mapping[str, Sequence[str]]) -> list[str]:
    """The rules that are no jumps within the tree."""
    return sorted(rule for rules in chains.values() for rule in rules if rule.rpartition("-j ")[2] not in chains)


def same(some: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> bool:
    """Whether both have the same rules in the same chains."""
    return some.keys() == others.keys() and all(sorted(some[chain]) == sorted(others[chain]) for chain in some)


def _plant(chains: dict[str, list[str]], chain: str, branch: str, rules: list[str], level: int = 0) -> None:
    few = _FEWER_RULES if level else _FEW_RULES
    groups, rest = _best_groups(rules) if len(rules) > few and level < _LEVELS else ([], rules)
    if len(rest) > few and groups:
        # They may be told apart by another address.
        groups, rest = [*groups, _Group("", rest)], []
    chains[chain] += rest
    for match, members in groups:
        if len(members) == 1:
            chains[chain] += members
            continue
        name = f"{branch}.{len(chains)}"
        chains[name] = []
        chains[chain].append(f"{match} -j {name}".lstrip())
        _plant(chains, name, branch, members, level + 1)


def _best_groups(rules: Sequence[str]) -> tuple[list[_Group], list[str]]:
    """By the address that tells the most of them apart; and the rules that have none."""
    found = max((_groups(field, rules) for field in range(len(_FIELDS))), key=lambda one: len(one[0]))
    return found if len(found[0]) > 1 else ([], [*rules])


def _groups(field: int, rules: Sequence[str]) -> tuple[list[_Group], list[str]]:
    keyed: defaultdict[int, list[str]] = defaultdict(list)
    rest, width = [], 0
    for rule in rules:
        address = _addresses(rule)[field]
        if address is None:
            rest.append(rule)
        else:
            width = address.max_prefixlen
            keyed[int(address)].append(rule)
    if not keyed:
        return [], rest
    shift = max(0, (min(keyed) ^ max(keyed)).bit_length() - _BITS)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(keyed):
        members[number >> shift].append(number)
    groups = []
    for numbers in members.values():
        different = (numbers[0] ^ numbers[-1]).bit_length()
        match = _match(field, numbers[0] >> different << different, width, width - different)
        groups.append(_Group(match, [rule for number in numbers for rule in keyed[number]]))
    return groups, rest


def _match(field: int, number: int, width: int, length: int) -> str:
    """As iptables-save writes it."""
    _pattern, match = _FIELDS[field]
    address = (ipaddress.IPv4Address if width == ipaddress.IPV4LENGTH else ipaddress.IPv6Address)(number)
    # Of the extension it leaves the length of a whole address out.
    return match.format(address if "-m" in match and length == width else f"{address}/{length}")


@cache
def _addresses(rule: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address | None, ...]:
    found = [pattern.search(rule) for pattern, _match in _FIELDS]
    return tuple(ipaddress.ip_address(match[1]) if match else None for match in found)
