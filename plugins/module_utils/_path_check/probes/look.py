# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at everything that the expectations are about, all at once, and records what it saw.

It does not judge, and nothing fails: what could not be seen is recorded as such.
"""

from __future__ import annotations

import asyncio
import resource
import secrets
import time
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._dns.client import gathered
from ansible_collections.inbound.mail.plugins.module_utils._limits import SMTP_PORT
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.submit import Delivery
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import OUTSIDE
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.dns import DnsProbe
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_probe import SmtpProbe
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_session import try_connection
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import greeting_name

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import ExpectedDelivery
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.request import ObservationRequest

# Open files beside sockets.
_OTHER_FILES = 500


def observe(request: ObservationRequest) -> seen.Observation:
    """Takes at most the request's deadline."""
    _allow_sockets(2 * request.concurrency + _OTHER_FILES)
    return asyncio.run(_observe(request))


def _allow_sockets(wanted: int) -> None:
    """As many open files as there may be connections and queries at one time, where a usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))


async def _observe(request: ObservationRequest) -> seen.Observation:
    began = time.monotonic()
    observer = _Observer(request)
    task = asyncio.ensure_future(observer.all())
    done, pending = await asyncio.wait([task], timeout=request.deadline)
    for one in pending:
        one.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for one in done:
        one.result()
    observer.dns.client.close()
    return observer.finished(complete=not pending, seconds=round(time.monotonic() - began, 3))


class _Observer:
    """Records each thing as soon as it was seen, so that a deadline loses only what was not."""

    def __init__(self, request: ObservationRequest) -> None:
        self.request = request
        self.record = seen.empty(request.vantage)
        self.record["resolvers"] = list(request.resolvers)
        self.dns = DnsProbe(request, self.record)
        self.slots = asyncio.Semaphore(request.concurrency)
        self.dialogues: list[SmtpProbe] = []
        self.places: set[tuple[str, int]] = set()
        self.deliveries: list[Delivery] = []

    def finished(self, complete: bool, seconds: float) -> seen.Observation:
        """In an order that does not depend on who answered first."""
        self.record["complete"] = complete
        self.record["left_out"] = self.dns.limits.left_out
        self.record["seconds"] = seconds
        self.record["zones"] = sorted(self.dns.zones.values(), key=lambda zone: zone["name"])
        for zone in self.record["zones"]:
            seen.fold(zone)
        if not self.request.inside:
            self.record["resolved"] = self.dns.client.resolved()
        self.record["connections"].sort(key=lambda one: (one["address"], one["port"]))
        self.record["policies"].sort(key=lambda one: one["domain"])
        self.record["pinned"].sort(key=lambda one: one["host"])
        self.record["dialogues"] = [probe.dialogue for probe in self.dialogues]
        self.record["sent"] = [delivery.sent for delivery in self.deliveries]
        return self.record

    async def all(self) -> None:
        """Everything that the request is about."""
        request = self.request
        # Before the rest, so that a filtered port's time-out runs beside everything else.
        others: list[Awaitable[object]] = [
            self._connect(address, SMTP_PORT, ask=address in request.egress_targets)
            for address in dict.fromkeys([*request.egress_targets, *request.controls])
        ]
        if request.inside:
            others.append(self.dns.names_as_seen_inside())
        elif not request.only_egress:
            others += self._expected_dialogues()
            others += [
                self._connect(port["address"], port["port"])
                for port in request.expect["ports"]
                if port["source"] == OUTSIDE and not self._in_dialogue(port["address"], port["port"])
            ]
            if request.needs_dns:
                others.append(self._names_and_what_follows())
        await gathered(others)
        if request.needs_dns and not request.inside:
            names = {greeting_name(one.dialogue) for one in self.dialogues}
            await self.dns.addresses_of(name for name in names if "." in name)

    async def _names_and_what_follows(self) -> None:
        await self.dns.expected_names()
        work: list[Awaitable[object]] = [self.dns.names_of_inside()]
        if self.request.smtp:
            work += [self._converse_with_backups(), self.dns.policies()]
            if self.request.domain:
                work.append(self._converse_with_exchangers_of(self.request.domain))
        if self.request.send:
            work += [self._deliver(expected) for expected in self.request.expect["delivery"]]
        await gathered(work)

    async def _connect(self, address: str, port: int, ask: bool = False) -> None:
        async with self.slots:
            found = await try_connection(self.request.vantage, address, port, self.request.timeout, ask)
        self.record["connections"].append(found)

    # SMTP dialogues

    def _in_dialogue(self, address: str, port: int) -> bool:
        return (address, port) in self.places

    def _expected_dialogues(self) -> list[Awaitable[object]]:
        if not self.request.smtp:
            return []
        return [
            self._converse(exchanger["host"], exchanger["fqdn"], address, exchanger["port"], exchanger["domains"])
            for exchanger in self.request.expect["smtp"]
            for address in exchanger["addresses"]
        ] + [
            self._converse(former["host"], "", address, former["port"], former["domains"])
            for former in self.request.expect["former"]
            for address in former["addresses"]
        ]

    async def _converse_with_exchangers_of(self, domain: str) -> None:
        names = list(self.dns.exchangers(domain)) or [domain]
        await gathered(
            self._converse(name, name, address, SMTP_PORT, [domain])
            for name, address in self.dns.places(domain, names)
            if not self._in_dialogue(address, SMTP_PORT)
        )

    async def _converse_with_backups(self) -> None:
        domains: dict[str, list[str]] = {}
        for backup in self.request.expect["backups"]:
            domains.setdefault(backup["fqdn"], []).append(backup["domain"])
        await gathered(
            self._converse(name, name, address, SMTP_PORT, held)
            for name, held in domains.items()
            for _name, address in self.dns.places(name, [name])
        )

    def _converse(self, host: str, name: str, address: str, port: int, domains: list[str]) -> Awaitable[object]:
        probe = SmtpProbe(host, name, address, port, domains, self.request.helo, _token())
        self.dialogues.append(probe)
        self.places.add((address, port))

        async def ask() -> None:
            async with self.slots:
                await probe.ask(self.request.timeout, self.request.smtp_timeout, self.request.greylist_patience)

        return gathered([ask(), self.dns.reverse(address)]) if self.request.needs_dns else ask()

    # Messages

    async def _deliver(self, expected: ExpectedDelivery) -> None:
        delivery = Delivery(expected["domain"], expected["recipient"], _token(), self.request.helo)
        self.deliveries.append(delivery)
        exchangers = self.dns.places(expected["domain"], self.dns.exchangers(expected["domain"]))
        async with self.slots:
            await delivery.send(exchangers, (self.request.timeout, self.request.smtp_timeout), self.request.patience)


def _token() -> str:
    return f"path-check-{secrets.token_hex(12)}"
