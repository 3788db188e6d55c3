# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of nftables as plain data: written as text for nft, read back from what the kernel holds.

Both ways end in the same text, so that comparing and showing a difference is comparing texts. Every rule carries a
checksum of itself as its comment: nft may list a rule in other words than it was given in, but not its comment.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FAMILY = "inet"
# The priorities of nft(8) by name, where the hook has one.
_PRIORITIES = {"prerouting": ("dstnat", -100), "postrouting": ("srcnat", 100), "forward": ("filter", 0)}
_HOOKS = ("prerouting", "output", "forward", "postrouting")
_RULE_LINE = re.compile(r'\t\t(?P<rule>.+) comment "(?P<checksum>[0-9a-f]{12})"')


class Listing(TypedDict):
    """What ``nft -j list table`` prints (libnftables-json(5)): an object for each part of the table."""

    nftables: list[dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Set:
    """A named set or, with ``value_type``, a named map; elements are texts as nft writes them."""

    name: str
    key_type: tuple[str, ...]
    value_type: str = ""
    interval: bool = False
    elements: tuple[str, ...] = ()
    dynamic: str = ""
    """The definition of a set that packets fill; its elements are state, not configuration."""

    @property
    def kind(self) -> str:
        return "map" if self.value_type else "set"

    def lines(self) -> list[str]:
        value = f" : {self.value_type}" if self.value_type else ""
        found = [f"\t{self.kind} {self.name} {{", f"\t\ttype {' . '.join(self.key_type)}{value}"]
        if self.interval:
            found.append("\t\tflags interval")
        if self.dynamic:
            found += [f"\t\t{line}" for line in self.dynamic.split("; ")]
        if self.elements:
            found.append("\t\telements = {")
            found += [f"\t\t\t{element}," for element in sorted(self.elements)]
            found.append("\t\t}")
        return [*found, "\t}"]

    def definition(self) -> list[str]:
        """What cannot be changed in place."""
        return self.lines()


@dataclass(frozen=True)
class Chain:
    """A chain, or with ``hook`` a base chain (nft(8))."""

    name: str
    rules: tuple[str, ...] = ()
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"

    def lines(self) -> list[str]:
        found = [f"\tchain {self.name} {{"]
        if self.hook:
            priority = _priority(self.hook, self.priority)
            found.append(f"\t\ttype {self.type} hook {self.hook} priority {priority}; policy {self.policy};")
        return [*found, *(f'\t\t{rule} comment "{checksum(rule)}"' for rule in self.rules), "\t}"]

    def definition(self) -> list[str]:
        """What cannot be changed in place."""
        return self.empty().lines()

    def empty(self) -> Chain:
        """The same chain without its rules."""
        return replace(self, rules=())


@dataclass(frozen=True)
class Table:
    """A table of the family inet."""

    name: str
    sets: tuple[Set, ...] = ()
    chains: tuple[Chain, ...] = ()

    def parts(self) -> dict[str, Set | Chain]:
        """Sets and chains by name."""
        return {**{one.name: one for one in self.sets}, **{one.name: one for one in self.chains}}

    def text(self) -> str:
        """The table as nft reads it: base chains first, all else by name."""
        return self._text

    @cached_property
    def _text(self) -> str:
        chains = sorted(self.chains, key=lambda one: (_HOOKS.index(one.hook) if one.hook else len(_HOOKS), one.name))
        parts = [one.lines() for one in sorted(self.sets, key=lambda one: one.name)]
        parts += [one.lines() for one in chains]
        body = "\n\n".join(map("\n".join, parts))
        return f"table {FAMILY} {self.name} {{\n{body}{chr(10) if body else ''}}}\n"

    def script(self) -> str:
        """What replaces the table, whether it is there or not, in one transaction."""
        return f"{removal(self.name)}{self.text()}"


def replacement(live: Table, wanted: Table) -> tuple[str, ...]:
    """What turns the one table into the other: scripts for nft, a transaction each.

    A transaction is atomic, and yet a packet can fall between two tables: a base chain that is made anew hooks in
    before the former one, so a packet that is between the two when the kernel goes over sees neither's rules. So base
    chains stay, and only rules are exchanged. What they look into is made before and removed afterwards, and never
    changes in between: a set or map of ours that has other contents has another name.
    """
    there, ours = live.parts(), wanted.parts()
    if any(there[name].definition() != ours[name].definition() for name in there.keys() & ours.keys()):
        # It was changed by other means.
        return (wanted.script(),)
    table = f"{FAMILY} {wanted.name}"
    new = tuple(one for one in wanted.sets if one.name not in there)
    changed = tuple(chain for chain in wanted.chains if there.get(chain.name) != chain)
    to_flush = [chain for chain in live.chains if ours.get(chain.name) != chain and (chain.name in ours or chain.hook)]
    former = [chain for chain in live.chains if chain.name not in ours]
    scripts = (
        Table(wanted.name, new, tuple(chain.empty() for chain in changed)).text(),
        "".join(f"flush chain {table} {chain.name}\n" for chain in to_flush) + Table(wanted.name, (), changed).text(),
        "".join(f"flush chain {table} {chain.name}\n" for chain in former)
        + "".join(f"delete {one.kind} {table} {one.name}\n" for one in live.sets if one.name not in ours)
        + "".join(f"delete chain {table} {chain.name}\n" for chain in former),
    )
    return tuple(filter(None, scripts))


def removal(name: str) -> str:
    """What removes the table, whether it is there or not, in one transaction (nft 1.0.6 has no destroy)."""
    return f"table {FAMILY} {name}\ndelete table {FAMILY} {name}\n"


def checksum(rule: str) -> str:
    return hashlib.sha256(rule.encode()).hexdigest()[:12]


def rules_in(*texts: str) -> dict[str, str]:
    """Checksum -> rule, for every rule in texts of tables."""
    return {match["checksum"]: match["rule"] for text in texts for match in _RULE_LINE.finditer(text)}


def read(listing: Listing, known: Table, texts: Iterable[str] = ()) -> Table:
    """The table that ``nft -j list table`` shows.

    Rules are told by their checksum, from the known table and the texts of former ones; one that is not ours is shown
    as nft's JSON. Dynamic sets are compared by their name and type only.
    """
    rules = rules_in(known.text(), *texts)
    dynamic = {(one.name, one.key_type): one for one in known.sets if one.dynamic}
    sets: list[Set] = []
    chains: dict[str, dict[str, Any]] = {}
    chain_rules: dict[str, list[str]] = {}
    name = known.name
    for item in listing["nftables"]:
        if "table" in item:
            name = item["table"]["name"]
        for kind in ("set", "map"):
            if kind in item:
                found = _set(item[kind])
                sets.append(dynamic.get((found.name, found.key_type), found))
        if "chain" in item:
            chains[item["chain"]["name"]] = item["chain"]
        if "rule" in item:
            rule = item["rule"]
            known_rule = rules.get(rule.get("comment", ""))
            text = known_rule or f"# a rule that is not ours: {json.dumps(rule['expr'], sort_keys=True)}"
            chain_rules.setdefault(rule["chain"], []).append(text)
    return Table(
        name,
        tuple(sets),
        tuple(
            Chain(
                chain,
                tuple(chain_rules.get(chain, ())),
                about.get("type", ""),
                about.get("hook", ""),
                about.get("prio", 0),
                about.get("policy", "accept"),
            )
            for chain, about in chains.items()
        ),
    )


def configuration(listing: Listing | None, name: str, file: str) -> str:
    """The table that a listing shows as text, without what packets add to it; empty if there is none.

    file: a text that its rules are known from, see read().
    """
    if listing is None:
        return ""
    items = [
        {**item, "set": {**item["set"], "elem": []}} if "dynamic" in item.get("set", {}).get("flags", ()) else item
        for item in listing["nftables"]
    ]
    return read({"nftables": items}, Table(name), [file]).text()


def _set(about: Mapping[str, Any]) -> Set:
    types = about["type"]
    key_type = (types,) if isinstance(types, str) else tuple(types)
    value_type = about.get("map", "")
    elements = []
    for element in about.get("elem", ()):
        if value_type:
            elements.append(f"{_key(element[0], key_type)} : {_value(element[1])}")
        else:
            elements.append(_key(element, key_type))
    return Set(about["name"], key_type, value_type, "interval" in about.get("flags", ()), tuple(elements))


def _key(value: object, key_type: tuple[str, ...]) -> str:
    if isinstance(value, dict) and "elem" in value:
        value = value["elem"]["val"]
    values = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    # A key that does not fit the type was not made by us; it is shown as it is.
    kinds = key_type if len(values) == len(key_type) else ("",) * len(values)
    return " . ".join(_field(one, kind) for one, kind in zip(values, kinds))


def _field(value: object, kind: str) -> str:
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return f'"{value}"' if kind == "ifname" else str(value)


def _value(value: object) -> str:
    if isinstance(value, dict) and len(value) == 1:
        verdict, about = next(iter(value.items()))
        return verdict if about is None else f"{verdict} {about['target']}"
    return str(value)


def _priority(hook: str, priority: int) -> str:
    name, base = _PRIORITIES.get(hook, ("", 0))
    if not name or priority == base:
        return name or str(priority)
    return f"{name} {'+' if priority > base else '-'} {abs(priority - base)}"
