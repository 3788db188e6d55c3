# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module: look, or take what was seen before, and judge."""

from __future__ import annotations

import platform
import socket
from datetime import date
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._dns.transport import place
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
    bare,
    complete,
    mailbox,
    of_exchangers,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.look import Request, observe
from ansible_collections.inbound.mail.plugins.module_utils._path_check.report import proven, report, verdict
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import RULES
from ansible_collections.inbound.mail.plugins.module_utils._path_check.verdict import fails, judge, summary


class ArgumentsError(ValueError):
    """The arguments cannot be worked with; says all that is wrong."""


def run(params: dict[str, Any], check_mode: bool) -> tuple[bool, dict[str, Any]]:
    """Whether the task fails, and its result. params: as in ARGUMENT_SPEC. Raises ArgumentsError."""
    if params["exchangers"] and not params["domain"]:
        raise ArgumentsError("exchangers: they are a domain's. Name it (domain), or use expectations alone.")
    try:
        domain = bare(params["domain"]) if params["domain"] else None
        exchangers = of_exchangers(domain or "", params["exchangers"]) if params["exchangers"] else None
    except ValueError as error:
        raise ArgumentsError(f"domain, exchangers: {error}: not a domain name or address") from None
    expect = exchangers or complete(params["expectations"])
    _check(params, expect)
    if params["observations"]:
        observation = _earlier(params["observations"])
    else:
        observation = observe(_request(params, expect, domain, check_mode))

    case = Case(
        expect,
        observation,
        domain=domain,
        public_networks=params["public_networks"],
        controls=params["controls"],
        egress_targets=params["egress_targets"],
    )
    findings = [] if params["egress_only"] or params["inside"] else judge(case, params["accepted"], date.today())
    counts = summary(findings)
    failed = fails(counts, params["fail_on"])
    result: dict[str, Any] = {
        "changed": False,
        "findings": findings,
        "summary": counts,
        "proven": proven(case),
        "report": report(case, findings, counts),
        "stats": {
            "seconds": observation["seconds"],
            "servers": sum(len(zone["servers"]) for zone in observation["zones"]),
            "dialogues": len(observation["dialogues"]),
            "rules": len(RULES),
        },
    }
    if failed:
        return True, {"msg": f"{verdict(counts)}\n{result.pop('report')}", **result}
    return False, {**result, "observation": observation}


def _request(
    params: dict[str, Any], expect: dict[str, list[dict[str, Any]]], domain: str | None, check_mode: bool
) -> Request:
    own_name = socket.getfqdn().lower()
    request = Request(
        expect=expect,
        domain=domain,
        vantage=params["vantage"] or platform.node(),
        helo=params["helo"] or (own_name if "." in own_name and not own_name.endswith(".localdomain") else ""),
        resolvers=params["resolvers"],
        authoritative=params["authoritative"],
        smtp=params["smtp"],
        send=params["delivery"] and not check_mode,
        controls=params["controls"],
        egress_targets=params["egress_targets"],
        only_egress=params["egress_only"],
        inside=params["inside"],
        timeout=params["timeout"],
        smtp_timeout=params["smtp_timeout"],
        deadline=params["deadline"] + params["greylist_timeout"],
        patience=params["delivery_timeout"],
        greylist_patience=params["greylist_timeout"],
        concurrency=params["concurrency"],
    )
    return request.with_resolvers() if request.needs_dns else request


def _earlier(observations: list[dict[str, Any]]) -> seen.Observation:
    """Earlier observations as one."""
    for one in observations:
        if one.get("format_version") not in seen.READ_VERSIONS:
            raise ArgumentsError(
                f"observations: one has format_version {one.get('format_version')!r}, and this release reads "
                f"{' and '.join(map(str, seen.READ_VERSIONS))}. Observe again."
            )
    return seen.merged(observations)  # type: ignore[arg-type]


def _check(params: dict[str, Any], expect: dict[str, list[dict[str, Any]]]) -> None:
    """Normalise names and addresses in place; ArgumentsError with everything that is no address, number or date."""
    problems: list[str] = []

    def read(option: str, reader: Any, value: Any, what: str) -> Any:
        try:
            return reader(value)
        except ValueError:
            problems.append(f"{option}: {value!r} is no {what}")
            return value

    def address(value: str) -> str:
        return str(ip_address(value))

    def network(value: str) -> str:
        return str(ip_network(value, strict=False))

    def resolver(value: str) -> str:
        place(value)
        return value

    params["resolvers"] = [
        read("resolvers", resolver, one, "IP address, tcp:// or tls://") for one in params["resolvers"]
    ]
    for option in ("egress_targets", "controls"):
        params[option] = [read(option, address, value, "IP address") for value in params[option]]
    params["public_networks"] = [read("public_networks", network, one, "network") for one in params["public_networks"]]
    limits = ("timeout", "smtp_timeout", "deadline", "concurrency")
    problems += [f"{limit}: {params[limit]:g} is not more than 0" for limit in limits if params[limit] <= 0]
    for record in expect["records"]:
        record["name"] = read("expectations.records.name", bare, record["name"], "domain name")
        zone = record.get("zone") or None
        record["zone"] = zone and read("expectations.records.zone", bare, zone, "domain name")
        for value in record["values"]:
            read("expectations.records.values", _reader(record["type"]), value, f"{record['type']} value")
    for deployed in expect["serials"]:
        deployed["zone"] = read("expectations.serials.zone", bare, deployed["zone"], "domain name")
        if not 0 <= deployed["serial"] < 2**32:
            problems.append(f"expectations.serials.serial: {deployed['serial']} is no serial number")
    for kind in ("ports", "smtp", "former"):
        numbers = [one["port"] for one in expect[kind] if not 1 <= one["port"] <= 65535]
        problems += [f"expectations.{kind}.port: {number} is no TCP port" for number in numbers]
    for port in expect["ports"]:
        port["address"] = read("expectations.ports.address", address, port["address"], "IP address")
    for kind in ("smtp", "former"):
        for exchanger in expect[kind]:
            exchanger["addresses"] = [
                read(f"expectations.{kind}.addresses", address, value, "IP address") for value in exchanger["addresses"]
            ]
            exchanger["domains"] = [
                read(f"expectations.{kind}.domains", bare, one, "domain name") for one in exchanger["domains"]
            ]
    for backup in expect["backups"]:
        backup["fqdn"] = read("expectations.backups.fqdn", bare, backup["fqdn"], "domain name")
        backup["domain"] = read("expectations.backups.domain", bare, backup["domain"], "domain name")
    for delivery in expect["delivery"]:
        delivery["domain"] = read("expectations.delivery.domain", bare, delivery["domain"], "domain name")
        read("expectations.delivery.recipient", mailbox, delivery["recipient"], "mail address")
    if params["helo"]:
        params["helo"] = read("helo", bare, params["helo"], "domain name")
    for one in params["accepted"]:
        if one.get("until"):
            read("accepted.until", date.fromisoformat, one["until"], "date such as 2030-12-31")
        if one["id"] not in RULES:
            problems.append(f"accepted.id: there is no rule {one['id']!r}; docs/checks.md lists them")
    if problems:
        raise ArgumentsError("; ".join(problems))


def _reader(rdtype: str) -> Any:
    def mx(value: str) -> None:
        preference, _exchange = value.split()
        if not 0 <= int(preference) <= 65535:
            raise ValueError(value)

    return mx if rdtype == "MX" else ip_address
