# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values as people write them in an inventory, to typed ones. Each reader raises Unfit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, TypeVar

from ....module_utils._addresses import Address, Network, can_be_a_hosts_own
from ....module_utils._firewall.option_values import INTERFACE, OUTSIDE
from ..._records.names import InvalidName, name_text, parse_name
from ..problems import Several, Unfit

T = TypeVar("T")

MAX_TTL = 2**31 - 1
"""Seconds (RFC 2181, section 8)."""
MAX_PREFERENCE = 2**16 - 1
"""RFC 1035, section 3.3.9."""

_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# Some mail domains have an underscore, which no host may have.
_MAIL_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_SET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def described(value: object) -> str:
    """The kind of a value, without the value."""
    if value is None:
        return "nothing"
    for kind, name in ((bool, "true or false"), (int, "a number"), (float, "a number"), (str, "text")):
        if isinstance(value, kind):
            return name
    if isinstance(value, Mapping):
        return "a dictionary"
    return "a list" if isinstance(value, (list, tuple)) else type(value).__name__


def items(value: object, what: str, example: str) -> list[Any]:
    """A list; text counts as a list of words, because an INI inventory can hardly say it otherwise."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    if isinstance(value, (list, tuple)):
        return list(value)
    raise Unfit(f"is {described(value)}, not a list of {what}", f"Write a list, as {example}")


def each(reader: Callable[[object], T], what: str, example: str) -> Callable[[object], tuple[T, ...]]:
    """A reader of lists, which finds each item that is unfit; the order stays, what is there twice stays once."""

    def read(value: object) -> tuple[T, ...]:
        found: dict[T, None] = {}
        problems: list[Unfit] = []
        for item in items(value, what, example):
            try:
                found[reader(item)] = None
            except Unfit as unfit:
                problems.append(unfit)
        if problems:
            raise Several(problems)
        return tuple(found)

    return read


def path(value: object) -> str:
    """An absolute path of a file on the host, as Postfix can be given it."""
    written = text(value)
    if not written.startswith("/") or re.search(r"[\s,$]", written):
        raise Unfit(
            f"{written!r} is no absolute path without blanks, commas and dollar signs",
            "Write the path of a PEM file on the host, as /etc/ssl/mail.pem",
        )
    return written


def text(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit(f"is {described(value)}, not text", "Write a name")
    if not value.strip():
        raise Unfit("is empty", "Write a name, or leave the variable out")
    return str(value).strip()


def one_of(choices: tuple[str, ...], what: str, meaning: str) -> Callable[[object], str]:
    """meaning: the choices, with what each means, for the remedy."""

    def read(value: object) -> str:
        if isinstance(value, str) and value.strip() in choices:
            return str(value).strip()
        shown = f"'{value}' is no {what}" if isinstance(value, str) else f"is {described(value)}, not a {what}"
        raise Unfit(shown, f"Write {meaning}")

    return read


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if isinstance(value, (str, int)) and word in ("true", "yes", "on", "1"):
        return True
    if isinstance(value, (str, int)) and word in ("false", "no", "off", "0"):
        return False
    raise Unfit("is neither true nor false", "Write true or false")


def whole_number(maximum: int, what: str, minimum: int = 0) -> Callable[[object], int]:
    def read(value: object) -> int:
        remedy = f"Write {what}: {minimum} to {maximum}"
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise Unfit(f"is {described(value)}, not a whole number", remedy)
        try:
            number = int(value)
        except ValueError:
            raise Unfit(f"'{value}' is not a whole number", remedy) from None
        if not minimum <= number <= maximum:
            raise Unfit(f"{number} is outside {minimum}..{maximum}", remedy)
        return number

    return read


preference = whole_number(MAX_PREFERENCE, "an MX preference, lower ones are tried first")
weight = whole_number(1000, "a share of the load", minimum=1)
ttl = whole_number(MAX_TTL, "a TTL in seconds")


def address(value: object) -> Address:
    """An address that a host can have."""
    example = "Write a single address, as 192.168.0.10 or 2001:db8::10"
    if not isinstance(value, str):
        raise Unfit(f"holds {described(value)}, not an address", example)
    word = str(value).strip()
    try:
        found = ip_address(word)
    except ValueError:
        try:
            alone = ip_interface(word).ip
        except ValueError:
            raise Unfit(f"'{word}' is not an IP address", example) from None
        raise Unfit(f"'{word}' has a prefix length", f"Write {alone} alone") from None
    if found.is_link_local or (found.version == 6 and found.scope_id is not None):
        raise Unfit(f"'{word}' holds for one link only", "Name an address that other hosts can reach")
    if not can_be_a_hosts_own(found):
        raise Unfit(f"{found} cannot be the address of a host", example)
    return found


def network(value: object) -> Network:
    """A network, or a single address as a network of its own."""
    example = "Write networks, as 192.0.2.0/24 or 2001:db8::/32"
    if not isinstance(value, str):
        raise Unfit(f"holds {described(value)}, not a network", example)
    word = str(value).strip()
    if "%" in word:
        raise Unfit(f"'{word}' holds for one link only", example)
    try:
        return ip_network(word)
    except ValueError:
        try:
            whole = ip_network(word, strict=False)
        except ValueError:
            raise Unfit(f"'{word}' is not a network", example) from None
        raise Unfit(
            f"'{word}' is an address within a network",
            f"Write the network {whole}, or the address without a prefix length",
        ) from None


def domain_name(value: object) -> str:
    """A-labels, lower case, without the final dot; of at least one label."""
    if not isinstance(value, str):
        raise Unfit(f"is {described(value)}, not a domain name", "Write a name, as example.org")
    try:
        name = name_text(parse_name(str(value)))
    except InvalidName as error:
        raise Unfit(str(error), "Write a name, as example.org") from None
    if name == ".":
        raise Unfit("the root is no mail domain", "Write a name, as example.org")
    return name


def host_name(value: object) -> str:
    """The fully qualified name of a host (RFC 1123, section 2.1; RFC 5321, section 2.3.5), as domain_name gives it."""
    return _of_labels(value, _HOST_LABEL, "the name of a host", "mail.example.org")


def mail_domain(value: object) -> str:
    """What stands after the @ of an address, with two labels or more, as domain_name gives it."""
    return _of_labels(value, _MAIL_LABEL, "a mail domain", "example.org")


def _of_labels(value: object, pattern: re.Pattern[str], what: str, example: str) -> str:
    name = domain_name(value)
    labels = name.split(".")
    if len(labels) < 2 or labels[-1] in ("localdomain", "localhost"):
        raise Unfit(f"'{name}' is not a fully qualified name", f"Write the whole name, as {example}")
    for label in labels:
        if not pattern.fullmatch(label):
            raise Unfit(
                f"'{name}' cannot be {what}: '{label}' is more than letters, digits and inner hyphens",
                f"Write a name, as {example}",
            )
    return name


def interface_sets(value: object) -> dict[str, tuple[str, ...]]:
    """Set name -> interfaces. One set is `wan`, the side of the internet; at least one other is inside."""
    example = "Write the interfaces of each side, as {wan: [eth0], lan: [eth1]}"
    if not isinstance(value, Mapping):
        raise Unfit(f"is {described(value)}, not a dictionary", example)
    sets: dict[str, tuple[str, ...]] = {}
    side_of: dict[str, str] = {}
    problems: list[Unfit] = []
    for side, members in value.items():
        if not isinstance(side, str) or not _SET_NAME.fullmatch(side) or side == "any":
            problems.append(Unfit(f"'{side}' cannot name a set of interfaces", example))
            continue
        try:
            names = items(members, f"interfaces in the set '{side}'", "[eth0]")
        except Unfit as unfit:
            problems.append(unfit)
            continue
        if not names:
            problems.append(Unfit(f"the set '{side}' has no interface", example))
        for name in names:
            if not isinstance(name, str) or not INTERFACE.fullmatch(name):
                problems.append(Unfit(f"'{name}' cannot be the name of an interface", example))
            elif side_of.setdefault(str(name), str(side)) != side:
                what = f"the interface {name} is in the sets '{side_of[name]}' and '{side}'"
                problems.append(Unfit(what, "Name it in one of them"))
        sets[str(side)] = tuple(dict.fromkeys(str(name) for name in names))
    if OUTSIDE not in value:
        problems.append(Unfit("has no set 'wan', the side of the internet", example))
    elif len(value) < 2:
        problems.append(Unfit("has no set beside 'wan': nothing is inside", example))
    if problems:
        raise Several(problems)
    return sets
