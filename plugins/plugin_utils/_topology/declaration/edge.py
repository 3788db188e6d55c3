# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared of a mail host's edge: how much it takes from one client, how large, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ....module_utils._postfix.option_values import (
    DANE,
    HEAVIEST,
    SMALLEST_MESSAGE_SIZE,
    dnsbl_answers_problem,
    dnsbl_threshold_problem,
    dnsbl_weight_problem,
    lifetime_problem,
    proxy_port_problem,
)
from ..plan import PlannedEdge
from ..problems import Several, Unfit
from .readers import address, boolean, described, each, mail_domain, network, text, whole_number
from .schema import KeySpec, read_entries, read_entry

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_LARGEST = 2**31 - 1
_MOST = 10**6
_BALANCER_EXAMPLE = "Write {addresses: [192.0.2.80], port: 10025}"

_how_many = whole_number(_MOST, "how many, 0 for no limit")


@dataclass(frozen=True)
class Edge:
    """As declared on one host; empty where it is not."""

    client_limits: Mapping[str, Any]
    postscreen: Mapping[str, Any] | None
    hide_received: bool
    load_balancer: Mapping[str, Any]
    tls_outgoing: str
    tls_required: bool
    queue_lifetime: str
    bounce_lifetime: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Edge:
        """values: variable -> its value."""
        return cls(**{field.name: values[f"mail_{field.name}"] for field in fields(cls)})

    def as_option(
        self, message_size: int | None, known: Iterable[str], inside: Iterable[str], is_front_end: bool
    ) -> PlannedEdge:
        """The option `edge` of the module postfix.

        known: addresses and networks of those who need no test and no limit; inside: its own and of the servers
        behind it.
        """
        found: PlannedEdge = {}
        if message_size is not None:
            found["message_size"] = message_size
        if self.client_limits:
            found["client_limits"] = {**self.client_limits, "exempt": self._exempt(known, self.client_limits)}
        if self.postscreen is not None and is_front_end:
            found["postscreen"] = {**self.postscreen, "exempt": self._exempt(known, self.postscreen)}
        if self.hide_received and is_front_end:
            found["hide_received"] = {"addresses": list(inside)}
        if self.load_balancer and is_front_end:
            found["proxy_port"] = self.load_balancer["port"]
        if self.tls_outgoing == DANE and is_front_end:
            found["tls_outgoing"] = DANE
        if self.tls_required:
            found["tls_required"] = True
        if self.queue_lifetime:
            found["queue_lifetime"] = self.queue_lifetime
        if self.bounce_lifetime:
            found["bounce_lifetime"] = self.bounce_lifetime
        return found

    @staticmethod
    def _exempt(known: Iterable[str], declared: Mapping[str, Any]) -> list[str]:
        return list(dict.fromkeys([*known, *(str(one) for one in declared.get("exempt", ()))]))


def message_size(value: object) -> int:
    """Bytes, as a number or as text such as 50M."""
    remedy = "Write bytes, or a number and its unit: 52428800 or 50M; at least 64K"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Unfit(f"is {described(value)}, not a size", remedy)
    match = re.fullmatch(r"([0-9]{1,20}) ?([KMG]?)B?", str(value).strip())
    if not match:
        raise Unfit(f"'{value}' is not a size", remedy)
    size = int(match[1]) * _UNITS[match[2]]
    if not SMALLEST_MESSAGE_SIZE <= size <= _LARGEST:
        raise Unfit(f"{size} bytes are outside {SMALLEST_MESSAGE_SIZE}..{_LARGEST}", remedy)
    return size


def lifetime(value: object) -> str:
    if not isinstance(value, str):
        remedy = "Write a number and its unit, as 5d, 12h or 30m"
        raise Unfit(f"is {described(value)}, not a time with its unit", remedy)
    word = str(value).strip()
    if problem := lifetime_problem(word):
        raise Unfit(*problem)
    return word


def client_limits(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unfit(f"is {described(value)}, not a dictionary", "Write limits, as {connections_per_minute: 60}")
    limits = read_entry(value, CLIENT_LIMIT_KEYS, "")
    if not set(limits) - {"exempt"}:
        raise Unfit("limits nothing", "Write a limit, as {connections_per_minute: 60}, or leave the variable out")
    return limits


def postscreen(value: object) -> dict[str, Any] | None:
    """mail_postscreen: true, false, or what is asked of a client besides. Raises Unfit."""
    if not isinstance(value, Mapping):
        return {} if boolean(value) else None
    found = read_entry(value, POSTSCREEN_KEYS, "")
    weights = sum(max(entry.get("weight", 1), 0) for entry in found.get("dnsbl", ()))
    threshold = found.get("dnsbl_threshold", 1)
    if found.get("dnsbl") and (problem := dnsbl_threshold_problem(threshold, weights)):
        message, remedy = problem
        raise Unfit(f"dnsbl_threshold: {message}", remedy)
    return found


def load_balancer(value: object) -> dict[str, Any]:
    """mail_load_balancer, with all of its keys. Raises Unfit."""
    if not isinstance(value, Mapping):
        raise Unfit(f"is {described(value)}, not a dictionary", _BALANCER_EXAMPLE)
    found = read_entry(value, LOAD_BALANCER_KEYS, "")
    if not found["addresses"]:
        raise Unfit("addresses: is empty, so no host would reach the port", _BALANCER_EXAMPLE)
    return found


def _proxy_port(value: object) -> int:
    port = whole_number(65535, "a TCP port")(value)
    if problem := proxy_port_problem(port):
        raise Unfit(*problem)
    return port


def _dnsbl(value: object) -> list[dict[str, Any]]:
    reading = read_entries(value, DNSBL_KEYS, "block lists", "[{name: zen.example.net, weight: 2}]")
    if reading.problems:
        raise Several(reading.problems)
    return reading.entries


def _weight(value: object) -> int:
    if problem := dnsbl_weight_problem(value):
        raise Unfit(*problem)
    return int(str(value))


def _answers(value: object) -> str:
    written = text(value)
    if problem := dnsbl_answers_problem(written):
        raise Unfit(*problem)
    return written


DNSBL_KEYS = {
    "name": KeySpec("domain name", "The domain of the list.", mail_domain, required=True),
    "weight": KeySpec(
        "number", "What an entry in it counts: 1 if left out, negative for a list of good clients.", _weight
    ),
    "answers": KeySpec("pattern", "Which answers count, as `127.0.0.[2..11]`; all if left out.", _answers),
}

LOAD_BALANCER_KEYS = {
    "addresses": KeySpec(
        "list of addresses",
        "The balancer's own addresses, from which it connects to the host.",
        each(address, "addresses", "[192.0.2.80]"),
        required=True,
    ),
    "port": KeySpec(
        "TCP port", "Where the host takes its connections by the PROXY protocol; not 25.", _proxy_port, True
    ),
}

POSTSCREEN_KEYS = {
    "dnsbl": KeySpec("list of `name`, `weight`, `answers`", "Block lists that are asked for each new client.", _dnsbl),
    "dnsbl_threshold": KeySpec(
        "number", "The sum of weights at which a client is refused; 1 if left out.", whole_number(HEAVIEST, "a sum")
    ),
    "exempt": KeySpec(
        "list of networks",
        "Who goes straight to the SMTP server, besides the hosts of the plan and `mail_accept_from`.",
        each(network, "networks", "[192.0.2.0/24]"),
    ),
}

CLIENT_LIMIT_KEYS = {
    "connections": KeySpec("number", "Connections of one client at one time; Postfix's own limit is 50.", _how_many),
    "connections_per_minute": KeySpec("number", "Connections that one client may make in a minute.", _how_many),
    "messages_per_minute": KeySpec("number", "Messages that one client may hand in in a minute.", _how_many),
    "recipients_per_minute": KeySpec("number", "Recipients that one client may name in a minute.", _how_many),
    "exempt": KeySpec(
        "list of networks",
        "Who has no limit, besides the hosts of the plan and `mail_accept_from`, as a backup exchanger that sends from "
        "other addresses than its own MX has.",
        each(network, "networks", "[192.0.2.0/24]"),
    ),
}
