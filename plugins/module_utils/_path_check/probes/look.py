# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at everything that the expectations are about, all at once, and writes down what it saw.

Nothing here knows right from wrong, and nothing fails: what could not be seen is noted as such.
"""

from __future__ import annotations

import asyncio
import resource
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._addresses import reverse_name
from ansible_collections.inbound.mail.plugins.module_utils._dns.authoritative import ask_all, find_zone
from ansible_collections.inbound.mail.plugins.module_utils._dns.client import (
    Client,
    gathered,
)
from ansible_collections.inbound.mail.plugins.module_utils._dns.names import is_below
from ansible_collections.inbound.mail.plugins.module_utils._dns.resolv_conf import system_resolvers
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.submit import Delivery
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.mta_sts import find_policy
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_probe import Questions
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.smtp_session import try_connection
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import greeting_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

PORT = 25
_OTHER_FILES = 500
# Exchanges of one domain that are looked at: more than any sound domain has.
_MOST_EXCHANGES = 50
# Names of one address that are looked at; one is usual.
_MOST_NAMES = 10


@dataclass(frozen=True)
class Request:
    """What to look at, and how. All times are seconds.

    expect: as in the plan. domain: judged without expectations. vantage: what this host is called. helo: its public
    name, or empty. smtp: hold SMTP dialogues. send: send the messages of the expected deliveries. controls: addresses
    where port 25 is known to answer. egress_targets: addresses outside that hosts inside try to reach on port 25.
    only_egress: look at nothing else. inside: this host is,
    and looks at the records of that view alone. timeout: for a packet to be answered; smtp_timeout: for an SMTP reply;
    deadline: for the whole; patience: for a message that is told to come later; greylist_patience: for a recipient.
    """

    expect: dict[str, list[dict[str, Any]]]
    domain: str | None = None
    vantage: str = ""
    helo: str = ""
    resolvers: list[str] = field(default_factory=list)
    authoritative: bool = True
    smtp: bool = True
    send: bool = False
    controls: list[str] = field(default_factory=list)
    egress_targets: list[str] = field(default_factory=list)
    only_egress: bool = False
    inside: bool = False
    timeout: float = 5.0
    smtp_timeout: float = 30.0
    deadline: float = 120.0
    patience: float = 30.0
    greylist_patience: float = 0.0
    concurrency: int = 500

    @property
    def needs_dns(self) -> bool:
        return not self.only_egress and bool(
            self.domain or self.expect["records"] or self.expect["serials"] or (self.send and self.expect["delivery"])
        )

    def with_resolvers(self) -> Request:
        """With those of the system, if none are named."""
        return replace(self, resolvers=self.resolvers or system_resolvers())

    @property
    def public_records(self) -> list[dict[str, Any]]:
        return [record for record in self.expect["records"] if record["view"] == "public"]

    @property
    def internal_records(self) -> list[dict[str, Any]]:
        return [record for record in self.expect["records"] if record["view"] != "public"]


def observe(request: Request) -> seen.Observation:
    _allow_sockets(2 * request.concurrency + _OTHER_FILES)
    return asyncio.run(_observe(request))


def _allow_sockets(wanted: int) -> None:
    """As many open files as there may be connections and questions at one time, where a usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))


async def _observe(request: Request) -> seen.Observation:
    began = time.monotonic()
    observer = _Observer(request)
    task = asyncio.ensure_future(observer.all())
    done, pending = await asyncio.wait([task], timeout=request.deadline)
    for one in pending:
        one.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for one in done:
        one.result()
    observer.dns.close()
    return observer.finished(complete=not pending, seconds=round(time.monotonic() - began, 3))


class _Observer:
    """Writes down each thing as soon as it was seen, so that a deadline loses only what was not."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.record = seen.empty(request.vantage)
        self.record["resolvers"] = list(request.resolvers)
        # A name server answers in a moment or not at all, and each question is asked three times.
        self.dns = Client(request.resolvers, request.timeout / 2, request.concurrency)
        self.zones: dict[str, seen.Zone] = {}
        self.known: dict[tuple[str, str], list[str]] = {}
        self.slots = asyncio.Semaphore(request.concurrency)
        self.dialogues: list[Questions] = []
        self.deliveries: list[Delivery] = []

    def finished(self, complete: bool, seconds: float) -> seen.Observation:
        self.record["complete"] = complete
        self.record["seconds"] = seconds
        self.record["zones"] = sorted(self.zones.values(), key=lambda zone: zone["name"])
        for zone in self.record["zones"]:
            seen.fold(zone)
        if not self.request.inside:
            self.record["resolved"] = self.dns.resolved()
        self.record["connections"].sort(key=lambda one: (one["address"], one["port"]))
        self.record["policies"].sort(key=lambda one: one["domain"])
        self.record["pinned"].sort(key=lambda one: one["host"])
        self.record["dialogues"] = [questions.dialogue for questions in self.dialogues]
        self.record["sent"] = [delivery.sent for delivery in self.deliveries]
        return self.record

    async def all(self) -> None:
        request = self.request
        # Before the rest, so that a filtered port's time-out runs beside everything else.
        others: list[Awaitable[Any]] = [
            self._connect(address, PORT, ask=address in request.egress_targets)
            for address in dict.fromkeys([*request.egress_targets, *request.controls])
        ]
        if request.inside:
            others.append(self._names_inside())
        elif not request.only_egress:
            spoken = self._plan_dialogues()
            others += spoken
            others += [
                self._connect(port["address"], port["port"])
                for port in request.expect["ports"]
                if port["source"] == "outside" and not self._in_dialogue(port["address"], port["port"])
            ]
            if request.needs_dns:
                others.append(self._names())
        await gathered(others)
        if request.needs_dns and not request.inside:
            await self._greeting_names()

    async def _connect(self, address: str, port: int, ask: bool = False) -> None:
        async with self.slots:
            found = await try_connection(self.request.vantage, address, port, self.request.timeout, ask)
        self.record["connections"].append(found)

    # SMTP

    def _in_dialogue(self, address: str, port: int) -> bool:
        return any((one.dialogue["address"], one.dialogue["port"]) == (address, port) for one in self.dialogues)

    def _plan_dialogues(self) -> list[Awaitable[Any]]:
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

    def _converse(self, host: str, name: str, address: str, port: int, domains: list[str]) -> Awaitable[Any]:
        questions = Questions(host, name, address, port, domains, self.request.helo, _token())
        self.dialogues.append(questions)

        async def ask() -> None:
            async with self.slots:
                await questions.ask(self.request.timeout, self.request.smtp_timeout, self.request.greylist_patience)

        return gathered([ask(), self._reverse(address)]) if self.request.needs_dns else ask()

    # DNS

    async def _names(self) -> None:
        questions = {(record["name"], record["type"]): record["zone"] for record in self.request.public_records}
        for domain in self._domains():
            questions.setdefault((domain, "MX"), None)
        deployed = [one["zone"] for one in self.request.expect["serials"]]
        await self._ask(questions, deployed)
        await self._follow_exchanges(questions)
        work: list[Awaitable[Any]] = [self._names_of_inside(), self._converse_with_backups()]
        if self.request.smtp:
            work += [self._policy(domain) for domain in self._domains()]
            names = {name for domain in self._domains() for name in self._exchanges(domain)}
            work += [self._pinned(name) for name in sorted(names)]
        if self.request.domain and self.request.smtp:
            work.append(self._converse_with_found())
        if self.request.send:
            work += [self._deliver(expected) for expected in self.request.expect["delivery"]]
        await gathered(work)

    async def _policy(self, domain: str) -> None:
        found = await find_policy(self.dns, domain, self.request.timeout)
        if found is not None:
            self.record["policies"].append(found)

    async def _pinned(self, host: str) -> None:
        reply = await self.dns.resolve(f"_25._tcp.{host}", "TLSA")
        if reply.values:
            usages = sorted({int(value.split()[0]) for value in reply.values})
            self.record["pinned"].append({"host": host, "usages": usages, "authentic": reply.authentic})

    async def _names_of_inside(self) -> None:
        """Does anybody outside see them?"""
        public = {(record["name"], record["type"]) for record in self.request.public_records}
        questions = {(record["name"], record["type"]) for record in self.request.internal_records} - public
        await gathered(self.dns.resolve(*question) for question in sorted(questions))

    async def _names_inside(self) -> None:
        """What this host's resolvers say, and no other's."""
        records = [
            one for one in self.request.expect["records"] if one in self.request.internal_records or one["type"] == "MX"
        ]
        questions = dict.fromkeys((record["name"], record["type"]) for record in records)
        resolvers = self.request.resolvers
        await gathered(self.dns.resolve_at(resolver, *question) for resolver in resolvers for question in questions)
        for answer in self.dns.resolved():
            self.record["inside"].append({**answer, "source": self.request.vantage})

    async def _ask(self, questions: dict[tuple[str, str], str | None], zones: Iterable[str] = ()) -> None:
        """Ask every server of the zone, where no zone is given that in which the name stands, by the resolvers.

        zones: further ones whose servers are looked at.
        """
        by_resolvers = [
            self.dns.resolve_at(resolver, *question) for resolver in self.request.resolvers for question in questions
        ]
        unplaced = [question for question, zone in questions.items() if zone is None]
        found = dict(zip(unplaced, await gathered(self._zone(*question) for question in unplaced)))
        by_zone: dict[str, list[tuple[str, str]]] = {zone: [] for zone in zones}
        for question, zone in questions.items():
            place = self._of_hosts(question[0], zone) if zone else found[question]
            if place is not None:
                by_zone.setdefault(place, []).append(question)
        if self.request.authoritative:
            await gathered(self._ask_zone(zone, asked) for zone, asked in by_zone.items())
        for answer in by_resolvers:
            await answer
        self._remember()

    def _remember(self) -> None:
        """What is known of each name: what the servers of its zone say, or else the resolvers."""
        asked = [answer for zone in self.zones.values() for server in zone["servers"] for answer in server["answers"]]
        for answers in (self.dns.resolved(), asked):
            found: dict[tuple[str, str], list[str]] = {}
            for answer in answers:
                found.setdefault((answer["name"], answer["type"]), []).extend(answer["values"])
            self.known |= {question: list(dict.fromkeys(values)) for question, values in found.items() if values}

    async def _zone(self, name: str, rdtype: str) -> str | None:
        if rdtype == "MX" and not (await self.dns.resolve(name, "SOA")).usable:
            # Where the resolvers fail, the parent of a mail domain still knows whom it is delegated to.
            return name
        return self._of_hosts(name, await self.dns.zone_of(name))

    def _of_hosts(self, name: str, zone: str | None) -> str | None:
        # What stands in the root or in a top-level domain is nobody's host: it does not exist, as resolvers say too.
        if zone and ("." in zone.strip(".") or zone == name):
            return zone
        # Where the resolvers do not answer: one that is known, and that it is below.
        return max((one for one in self.zones if zone is None and is_below(name, one)), key=len, default=None)

    async def _ask_zone(self, zone: str, questions: list[tuple[str, str]]) -> None:
        if zone not in self.zones:
            found = await find_zone(self.dns, zone)
            self.zones.setdefault(zone, found)
            questions = [*questions, (zone, "NS")]
        await ask_all(self.dns, self.zones[zone], questions)

    async def _follow_exchanges(self, asked: dict[tuple[str, str], str | None]) -> None:
        """The addresses of every exchange that an MX names, whoever's zone it is in."""
        names = {name for domain in self._domains() for name in self._exchanges(domain)}
        names |= {backup["fqdn"] for backup in self.request.expect["backups"]}
        questions: dict[tuple[str, str], str | None] = {
            (name, rdtype): None for name in sorted(names) for rdtype in ("A", "AAAA") if (name, rdtype) not in asked
        }
        # A zone that is known already need not be looked for.
        known = {name: zone for (name, _rdtype), zone in asked.items()}
        await self._ask({question: known.get(question[0]) for question in questions})
        if self.request.domain and not names:
            await self._ask({(self.request.domain, rdtype): None for rdtype in ("A", "AAAA")})

    def _domains(self) -> list[str]:
        found = [record["name"] for record in self.request.public_records if record["type"] == "MX"]
        found += [delivery["domain"] for delivery in self.request.expect["delivery"]]
        return list(dict.fromkeys([*found, *([self.request.domain] if self.request.domain else [])]))

    def _exchanges(self, domain: str) -> dict[str, int]:
        """Exchange to preference, as any of the servers says; the resolvers' word where no server was asked."""
        found: dict[str, int] = {}
        for value in self._values(domain, "MX"):
            preference, exchange = value.split(" ", 1)
            name = exchange.rstrip(".")
            if name:
                found[name] = min(int(preference), found.get(name, 65536))
        return dict(sorted(found.items(), key=lambda item: (item[1], item[0]))[:_MOST_EXCHANGES])

    def _values(self, name: str, rdtype: str) -> list[str]:
        return self.known.get((name, rdtype), [])

    def _addresses(self, name: str) -> list[str]:
        return [*self._values(name, "A"), *self._values(name, "AAAA")]

    async def _converse_with_found(self) -> None:
        domain = self.request.domain or ""
        names = list(self._exchanges(domain)) or [domain]
        await gathered(
            self._converse(name, name, address, PORT, [domain])
            for name in names
            for address in self._addresses(name)
            if not self._in_dialogue(address, PORT)
        )

    async def _converse_with_backups(self) -> None:
        domains: dict[str, list[str]] = {}
        for backup in self.request.expect["backups"] if self.request.smtp else []:
            domains.setdefault(backup["fqdn"], []).append(backup["domain"])
        await gathered(
            self._converse(name, name, address, PORT, held)
            for name, held in domains.items()
            for address in self._addresses(name)
        )

    async def _reverse(self, address: str) -> None:
        """The name of an address, and whether it leads back."""
        found = await self.dns.resolve(reverse_name(address), "PTR")
        await gathered(self.dns.addresses(name) for name in found.values[:_MOST_NAMES])

    async def _greeting_names(self) -> None:
        """Do the names resolve by which the exchangers greet?"""
        names = {greeting_name(one.dialogue) for one in self.dialogues}
        await gathered(self.dns.addresses(name) for name in names if "." in name)

    async def _deliver(self, expected: dict[str, Any]) -> None:
        delivery = Delivery(expected["domain"], expected["recipient"], _token(), self.request.helo)
        self.deliveries.append(delivery)
        exchanges = [
            (name, address) for name in self._exchanges(expected["domain"]) for address in self._addresses(name)
        ]
        async with self.slots:
            await delivery.send(exchanges, (self.request.timeout, self.request.smtp_timeout), self.request.patience)


def _token() -> str:
    return f"path-check-{secrets.token_hex(12)}"
