# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and normalises the arguments of inbound.mail.path_check, and reports everything that is wrong with them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Callable, TypeVar

from ansible_collections.inbound.mail.plugins.module_utils._addresses import read_ip, read_network
from ansible_collections.inbound.mail.plugins.module_utils._dns.transport import place
from ansible_collections.inbound.mail.plugins.module_utils._limits import is_tcp_port
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
    bare,
    complete,
    mailbox,
    of_exchangers,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import RULES

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import Params
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations

_T = TypeVar("_T")


class ArgumentsError(ValueError):
    """The arguments are wrong; says everything that is wrong with them."""


def checked(params: Params) -> tuple[Params, Expectations]:
    """The arguments with names and addresses in their normal form, and what they expect. Raises ArgumentsError."""
    params = params.copy()
    if params["exchangers"] and not params["domain"]:
        raise ArgumentsError("exchangers: they belong to a domain. Name it (domain), or use expectations alone.")
    try:
        params["domain"] = bare(params["domain"]) if params["domain"] else None
        exchangers = of_exchangers(params["domain"] or "", params["exchangers"]) if params["exchangers"] else None
    except ValueError as error:
        raise ArgumentsError(f"domain, exchangers: {error}: not a domain name or address") from None
    expect = exchangers or complete(params["expectations"])
    checks = _Checks()
    checks.options(params)
    checks.expectations(expect)
    if checks.problems:
        raise ArgumentsError("; ".join(checks.problems))
    return params, expect


class _Checks:
    """Normalises in place, and collects problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, option: str, reader: Callable[[_T], _T], value: _T, what: str) -> _T:
        """The value as the reader gives it back, which raises ValueError."""
        try:
            return reader(value)
        except ValueError:
            self.problems.append(f"{option}: {value!r} is not a valid {what}")
            return value

    def names(self, option: str, values: list[str]) -> list[str]:
        return [self.name(option, value) for value in values]

    def name(self, option: str, value: str) -> str:
        return self.read(option, bare, value, "domain name")

    def addresses(self, option: str, values: list[str]) -> list[str]:
        return [self.read(option, _address, value, "IP address") for value in values]

    def port(self, option: str, number: int) -> None:
        if not is_tcp_port(number):
            self.problems.append(f"{option}: {number} is not a TCP port")

    def options(self, params: Params) -> None:
        """Everything but the expectations."""
        what = "IP address, tcp:// or tls://"
        params["resolvers"] = [self.read("resolvers", _resolver, one, what) for one in params["resolvers"]]
        params["egress_targets"] = self.addresses("egress_targets", params["egress_targets"])
        params["controls"] = self.addresses("controls", params["controls"])
        networks = params["public_networks"]
        params["public_networks"] = [self.read("public_networks", _network, one, "network") for one in networks]
        if params["helo"]:
            params["helo"] = self.name("helo", params["helo"])
        limits = {
            "timeout": params["timeout"],
            "smtp_timeout": params["smtp_timeout"],
            "deadline": params["deadline"],
            "concurrency": params["concurrency"],
        }
        self.problems += [f"{limit}: {value:g} is not greater than 0" for limit, value in limits.items() if value <= 0]
        for accepted in params["accepted"]:
            if accepted["until"]:
                self.read("accepted.until", _date, accepted["until"], "date such as 2030-12-31")
            if accepted["id"] not in RULES:
                self.problems.append(f"accepted.id: there is no rule {accepted['id']!r} (docs/checks.md lists them)")

    def expectations(self, expect: Expectations) -> None:
        """Kind by kind."""
        for record in expect["records"]:
            record["name"] = self.name("expectations.records.name", record["name"])
            zone = record.get("zone") or None
            record["zone"] = zone and self.name("expectations.records.zone", zone)
            for value in record["values"]:
                reader = _mx if record["type"] == "MX" else _address
                self.read("expectations.records.values", reader, value, f"{record['type']} value")
        for deployed in expect["serials"]:
            deployed["zone"] = self.name("expectations.serials.zone", deployed["zone"])
            if not 0 <= deployed["serial"] < 2**32:
                self.problems.append(f"expectations.serials.serial: {deployed['serial']} is not a serial number")
        for port in expect["ports"]:
            self.port("expectations.ports.port", port["port"])
            (port["address"],) = self.addresses("expectations.ports.address", [port["address"]])
        for kind, exchangers in (("smtp", expect["smtp"]), ("former", expect["former"])):
            for exchanger in exchangers:
                self.port(f"expectations.{kind}.port", exchanger["port"])
                exchanger["addresses"] = self.addresses(f"expectations.{kind}.addresses", exchanger["addresses"])
                exchanger["domains"] = self.names(f"expectations.{kind}.domains", exchanger["domains"])
        for backup in expect["backups"]:
            backup["fqdn"] = self.name("expectations.backups.fqdn", backup["fqdn"])
            backup["domain"] = self.name("expectations.backups.domain", backup["domain"])
        for delivery in expect["delivery"]:
            delivery["domain"] = self.name("expectations.delivery.domain", delivery["domain"])
            self.read("expectations.delivery.recipient", mailbox, delivery["recipient"], "mail address")


def _address(value: str) -> str:
    return str(read_ip(value))


def _network(value: str) -> str:
    return str(read_network(value, strict=False))


def _resolver(value: str) -> str:
    place(value)
    return value


def _date(value: str) -> str:
    date.fromisoformat(value)
    return value


def _mx(value: str) -> str:
    preference, _exchange = value.split()
    if not 0 <= int(preference) <= 65535:
        raise ValueError(value)
    return value
