# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries DNS for all that a request is about: at every authoritative server, and at the resolvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import reverse_name
from ansible_collections.inbound.mail.plugins.module_utils._dns.answers import ANSWERED
from ansible_collections.inbound.mail.plugins.module_utils._dns.authoritative import ask_all, find_zone
from ansible_collections.inbound.mail.plugins.module_utils._dns.client import Client, gathered
from ansible_collections.inbound.mail.plugins.module_utils._dns.names import is_below
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.limits import NAMES_OF_ADDRESS, Limits
from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.mta_sts import find_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.probes.request import ObservationRequest


class DnsProbe:
    """Fills in the parts of the record that are about DNS, and tells the other probes what it found."""

    def __init__(self, request: ObservationRequest, record: seen.Observation) -> None:
        self._request = request
        self._record = record
        # A name server answers in a moment or not at all, and each query is sent three times.
        self.client = Client(request.resolvers, request.timeout / 2, request.concurrency)
        self.limits = Limits(request.expect, request.public_networks, len(request.mail_domains))
        self.zones: dict[str, seen.Zone] = {}
        self._exchangers: dict[str, dict[str, int]] = {}
        self._declared = {(record["name"], record["type"]) for record in request.public_records}
        self._declared |= {(domain, "MX") for domain in request.mail_domains}
        self._known: dict[tuple[str, str], list[str]] = {}

    # What was found

    def exchangers(self, domain: str) -> dict[str, int]:
        """Exchanger to preference, as any of the servers says; as the resolvers say where no server was queried."""
        if domain not in self._exchangers or not self._exchangers[domain]:
            self._exchangers[domain] = self.limits.exchangers(domain, self._named(domain))
        return self._exchangers[domain]

    def _named(self, domain: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for value in self._values(domain, "MX"):
            preference, exchange = value.split(" ", 1)
            name = exchange.rstrip(".")
            if name:
                found[name] = min(int(preference), found.get(name, 65536))
        return found

    def addresses(self, name: str) -> list[str]:
        """Those that are contacted, IPv4 first."""
        return self.limits.addresses(name, [*self._values(name, "A"), *self._values(name, "AAAA")])

    def places(self, domain: str, names: Iterable[str]) -> list[tuple[str, str]]:
        """(name, address) of a domain's exchangers where mail can be handed in."""
        found = [(name, address) for name in names for address in self.addresses(name)]
        return self.limits.addresses_of_domain(domain, found)

    def _values(self, name: str, rdtype: str) -> list[str]:
        return self._known.get((name, rdtype), [])

    # Queries

    async def expected_names(self) -> None:
        """The declared records, the MX of every domain, and the addresses of the exchangers that they name."""
        questions = {(record["name"], record["type"]): record["zone"] for record in self._request.public_records}
        for domain in self._request.mail_domains:
            questions.setdefault((domain, "MX"), None)
        deployed = [one["zone"] for one in self._request.expect["serials"]]
        await self._ask(questions, deployed)
        await self._follow_exchangers(questions)

    async def names_of_inside(self) -> None:
        """What the resolvers answer about names that hosts inside alone should see."""
        public = {(record["name"], record["type"]) for record in self._request.public_records}
        questions = {(record["name"], record["type"]) for record in self._request.internal_records} - public
        await gathered(self.client.resolve(*question) for question in sorted(questions))

    async def names_as_seen_inside(self) -> None:
        """What this host's own resolvers answer, for a host inside."""
        internal = self._request.internal_records
        records = [one for one in self._request.expect["records"] if one in internal or one["type"] == "MX"]
        questions = dict.fromkeys((record["name"], record["type"]) for record in records)
        resolvers = self._request.resolvers
        await gathered(self.client.resolve_at(resolver, *question) for resolver in resolvers for question in questions)
        for answer in self.client.resolved():
            self._record["inside"].append({**answer, "source": self._request.vantage})

    async def policies(self) -> None:
        """What binds senders: MTA-STS policies and TLSA records."""
        domains = self._request.mail_domains
        hosts = sorted({name for domain in domains for name in self.exchangers(domain)})
        await gathered([*(self._policy(domain) for domain in domains), *(self._pinned(host) for host in hosts)])

    async def reverse(self, address: str) -> None:
        """The name of an address, and the addresses of that name."""
        found = await self.client.resolve(reverse_name(address), "PTR")
        await self.addresses_of(found.values[:NAMES_OF_ADDRESS])

    async def addresses_of(self, names: Iterable[str]) -> None:
        """As the resolvers tell them."""
        await gathered(self.client.addresses(name) for name in names)

    async def _policy(self, domain: str) -> None:
        found = await find_policy(self.client, domain, self._request.timeout, self.limits)
        if found is not None:
            self._record["policies"].append(found)

    async def _pinned(self, host: str) -> None:
        reply = await self.client.resolve(f"_25._tcp.{host}", "TLSA")
        if reply.values:
            usages = sorted({int(value.split()[0]) for value in reply.values})
            self._record["pinned"].append({"host": host, "usages": usages, "authentic": reply.authentic})

    async def _follow_exchangers(self, asked: dict[tuple[str, str], str | None]) -> None:
        """The addresses of every name in an MX record, in whichever zone it is."""
        names = {name for domain in self._request.mail_domains for name in self.exchangers(domain)}
        names |= {backup["fqdn"] for backup in self._request.expect["backups"]}
        questions = [
            (name, rdtype) for name in sorted(names) for rdtype in ("A", "AAAA") if (name, rdtype) not in asked
        ]
        # A zone that is known already need not be looked for.
        known = {name: zone for (name, _rdtype), zone in asked.items()}
        await self._ask({question: known.get(question[0]) for question in questions})
        if self._request.domain and not names:
            await self._ask({(self._request.domain, rdtype): None for rdtype in ("A", "AAAA")})

    async def _ask(self, questions: dict[tuple[str, str], str | None], zones: Iterable[str] = ()) -> None:
        """Query every server of the zone; where none is given, of the zone that the resolvers say the name is in.

        zones: further ones whose servers are looked at.
        """
        by_resolvers = [
            self.client.resolve_at(resolver, *question)
            for resolver in self._request.resolvers
            for question in questions
        ]
        unplaced = [question for question, zone in questions.items() if zone is None]
        found = dict(zip(unplaced, await gathered(self._zone(*question) for question in unplaced)))
        by_zone: dict[str, list[tuple[str, str]]] = {zone: [] for zone in zones}
        for question, zone in questions.items():
            place = self._of_hosts(question[0], zone) if zone else found[question]
            if place is not None:
                by_zone.setdefault(place, []).append(question)
        if self._request.authoritative:
            await gathered(self._ask_zone(zone, asked) for zone, asked in by_zone.items())
        for answer in by_resolvers:
            await answer
        self._remember()

    def _remember(self) -> None:
        """What is known of each name: what the servers of its zone say, or else the resolvers."""
        asked = [answer for zone in self.zones.values() for server in zone["servers"] for answer in server["answers"]]
        for answers in (self.client.resolved(), asked):
            found: dict[tuple[str, str], list[str]] = {}
            for answer in answers:
                found.setdefault((answer["name"], answer["type"]), []).extend(answer["values"])
            self._known |= {question: list(dict.fromkeys(values)) for question, values in found.items() if values}

    async def _zone(self, name: str, rdtype: str) -> str | None:
        if rdtype == "MX" and not (await self.client.resolve(name, "SOA")).usable:
            # Where the resolvers fail, the parent of a mail domain still knows whom it is delegated to.
            return name
        return self._of_hosts(name, await self.client.zone_of(name))

    def _of_hosts(self, name: str, zone: str | None) -> str | None:
        # A name in the root or in a top-level domain is no host's: it does not exist, as resolvers say too.
        if zone and ("." in zone.strip(".") or zone == name):
            return zone
        # Where the resolvers do not answer: one that is known, and that it is below.
        return max((one for one in self.zones if zone is None and is_below(name, one)), key=len, default=None)

    async def _ask_zone(self, zone: str, questions: list[tuple[str, str]]) -> None:
        if zone not in self.zones:
            found = await find_zone(self.client, zone, self.limits, self._is_strange(zone))
            self.zones.setdefault(zone, found)
            self._declared.add((zone, "NS"))
            questions = [*questions, (zone, "NS")]
        servers = sum(server["status"] == ANSWERED for server in self.zones[zone]["servers"])
        await ask_all(self.client, self.zones[zone], self.limits.questions(zone, questions, self._declared, servers))

    def _is_strange(self, zone: str) -> bool:
        """Whether nothing in it is declared."""
        return not any(is_below(name, zone) for name, _rdtype in self._declared)
