# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypedDict, cast

from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import DnsAction, validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ArgumentSpec
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import Declared, declare

EXCHANGER_SPEC: ArgumentSpec = {
    "host": {"type": "str", "required": True},
    "preference": {"type": "int", "default": 10},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "ttl": {"type": "int"},
}


class ExchangerOptions(TypedDict):
    host: str
    preference: int
    addresses: list[str]
    ttl: int | None


class MxOptions(TypedDict):
    """The options beside those of the provider."""

    domain: str
    zone: str | None
    exchangers: list[object]
    ttl: int | None
    state: str


class ActionModule(DnsAction):
    """inbound.mail.mx; documented in plugins/modules/mx.py."""

    argument_spec: ArgumentSpec = {
        "domain": {"type": "str", "required": True},
        "zone": {"type": "str"},
        "exchangers": {"type": "list", "elements": "raw", "default": []},
        "ttl": {"type": "int"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }

    def declared(self, options: Mapping[str, object]) -> Declared:
        given = cast(MxOptions, options)
        places = {f"exchangers[{index}]": value for index, value in enumerate(given["exchangers"])}
        exchangers = cast(dict[str, ExchangerOptions], validated(EXCHANGER_SPEC, places))
        if given["state"] == "present" and not exchangers:
            raise InvalidOptions(
                ["exchangers: name at least one host; the host '.' says that the domain takes no mail"]
            )
        problems = [
            f"{place}: a preference is 0 to 65535, not {exchanger['preference']}"
            for place, exchanger in exchangers.items()
            if not 0 <= exchanger["preference"] <= 65535
        ]
        if problems:
            raise InvalidOptions(problems)
        return declare(dict(_records(given, exchangers)))


def _records(options: MxOptions, exchangers: Mapping[str, ExchangerOptions]) -> Iterator[tuple[str, dict[str, object]]]:
    """The MX RRset, and for each exchanger with addresses its A and AAAA RRsets; each with its place in the task."""
    common = {"zone": options["zone"] or options["domain"], "state": options["state"]}
    values = [f"{exchanger['preference']} {exchanger['host']}" for exchanger in exchangers.values()]
    yield "domain", {**common, "name": options["domain"], "type": "MX", "values": values, "ttl": options["ttl"]}
    for place, exchanger in exchangers.items():
        for rdtype, of_family in (("A", _is_ipv4), ("AAAA", _is_ipv6)):
            addresses = [address for address in exchanger["addresses"] if of_family(address)]
            if addresses:
                record = {"name": exchanger["host"], "type": rdtype, "values": addresses, "ttl": exchanger["ttl"]}
                yield f"{place}.addresses ({rdtype})", {**common, **record}


def _is_ipv6(address: str) -> bool:
    return ":" in address


def _is_ipv4(address: str) -> bool:
    return not _is_ipv6(address)
