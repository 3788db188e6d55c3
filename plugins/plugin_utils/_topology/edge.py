# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared of a mail host's edge: how much it takes from one client, how large, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .entries import Key, read_entry
from .problems import Unfit
from .values import described, each, network, whole_number

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_LARGEST = 2**31 - 1
_SMALLEST = 2**16
_MOST = 10**6

_how_many = whole_number(_MOST, "how many, 0 for no limit")


@dataclass(frozen=True)
class Edge:
    """As declared on one host; empty where it is not."""

    client_limits: Mapping[str, Any]
    queue_lifetime: str
    bounce_lifetime: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Edge:
        """values: variable -> its value."""
        return cls(**{field.name: values[f"mail_{field.name}"] for field in fields(cls)})

    def as_option(self, message_size: int | None, own: Iterable[str]) -> dict[str, Any]:
        """The option `edge` of the module postfix. own: addresses and networks that no limit applies to."""
        found: dict[str, Any] = {}
        if message_size is not None:
            found["message_size"] = message_size
        if self.client_limits:
            exempt = [*own, *(str(one) for one in self.client_limits.get("exempt", ()))]
            found["client_limits"] = {**self.client_limits, "exempt": list(dict.fromkeys(exempt))}
        for name in ("queue_lifetime", "bounce_lifetime"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        return found


def message_size(value: object) -> int:
    """Bytes, as a number or as text such as 50M."""
    remedy = "Write bytes, or a number and its unit: 52428800 or 50M; at least 64K"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Unfit(f"is {described(value)}, not a size", remedy)
    match = re.fullmatch(r"([0-9]+) ?([KMG]?)B?", str(value).strip())
    if not match:
        raise Unfit(f"'{value}' is not a size", remedy)
    size = int(match[1]) * _UNITS[match[2]]
    if not _SMALLEST <= size <= _LARGEST:
        raise Unfit(f"{size} bytes are outside {_SMALLEST}..{_LARGEST}", remedy)
    return size


def lifetime(value: object) -> str:
    remedy = "Write a number and its unit, as 5d, 12h or 30m"
    if not isinstance(value, str):
        raise Unfit(f"is {described(value)}, not a time with its unit", remedy)
    word = str(value).strip()
    if not re.fullmatch(r"[0-9]+[smhdw]", word):
        raise Unfit(f"'{word}' is not a time", remedy)
    return word


def client_limits(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unfit(f"is {described(value)}, not a dictionary", "Write limits, as {connections_per_minute: 60}")
    limits = read_entry(value, CLIENT_LIMIT_KEYS, "")
    if not set(limits) - {"exempt"}:
        raise Unfit("limits nothing", "Write a limit, as {connections_per_minute: 60}, or leave the variable out")
    return limits


CLIENT_LIMIT_KEYS = {
    "connections": Key("number", "Connections of one client at one time; Postfix's own limit is 50.", _how_many),
    "connections_per_minute": Key("number", "Connections that one client may make in a minute.", _how_many),
    "messages_per_minute": Key("number", "Messages that one client may hand in in a minute.", _how_many),
    "recipients_per_minute": Key("number", "Recipients that one client may name in a minute.", _how_many),
    "exempt": Key(
        "list of networks",
        "Who has no limit, besides the hosts of the plan and `mail_accept_from`, as a backup exchanger that sends from "
        "other addresses than its own MX has.",
        each(network, "networks", "[192.0.2.0/24]"),
    ),
}
