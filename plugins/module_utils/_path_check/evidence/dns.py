# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask about DNS: what is declared, what each authoritative server answers, and what resolvers keep."""

from __future__ import annotations

from functools import cached_property, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import PUBLIC
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        Expectations,
        ExpectedRecord,
    )


class Said(NamedTuple):
    """An answer that counts. who: the name server and its address, or the resolvers; values: in their normal form."""

    who: str
    values: list[str]
    alias: str | None


class DnsEvidence:
    """domain: a mail domain that is judged by itself, where nothing is expected of it."""

    def __init__(self, expect: Expectations, observation: seen.Observation, domain: str | None = None) -> None:
        self.domain = domain
        self.zones = {zone["name"]: zone for zone in observation["zones"]}
        self.public_records = [record for record in expect["records"] if record["view"] == PUBLIC]
        self.internal_records = [record for record in expect["records"] if record["view"] != PUBLIC]
        self._expected: dict[tuple[str, str], ExpectedRecord] = {
            (record["name"], record["type"]): record for record in self.public_records
        }
        self._answers: dict[tuple[str, str], list[tuple[seen.NameServer, seen.Answer]]] = {}
        for zone in observation["zones"]:
            for server in zone["servers"]:
                for answer in seen.answers_of(zone, server):
                    self._answers.setdefault((answer["name"], answer["type"]), []).append((server, answer))
        self._resolved: dict[tuple[str, str], list[seen.Resolved]] = {}
        for one in observation["resolved"]:
            self._resolved.setdefault((one["name"], one["type"]), []).append(one)
        self._inside = observation["inside"]
        # Many rules ask for the same.
        self._said: dict[tuple[str, str], list[Said]] = {}
        self._values: dict[tuple[str, str], list[str]] = {}

    # What is declared

    @cached_property
    def mail_domains(self) -> list[str]:
        """Whose MX RRset is judged."""
        names = [record["name"] for record in self.public_records if record["type"] == "MX"]
        return list(dict.fromkeys([*names, *([self.domain] if self.domain else [])]))

    @cached_property
    def judged(self) -> list[tuple[str, str]]:
        """(name, type) of what is declared, and the MX of a domain that is judged by itself.

        Other names may have answers that depend on the place of the client.
        """
        found = [(record["name"], record["type"]) for record in self.public_records]
        found += [(domain, "MX") for domain in self.mail_domains]
        return list(dict.fromkeys(found))

    def expected_values(self, name: str, rdtype: str) -> list[str] | None:
        """None: nothing is declared about it."""
        record = self._expected.get((name, rdtype))
        return None if record is None else sorted(normal(value, rdtype) for value in record["values"])

    # What authoritative servers answer

    def answers(self, name: str, rdtype: str) -> list[tuple[seen.NameServer, seen.Answer]]:
        """What each authoritative server that was queried answered."""
        return self._answers.get((name, rdtype), [])

    def said(self, name: str, rdtype: str) -> list[Said]:
        """Every answer that counts: with authority, or else the resolvers'."""
        if (name, rdtype) not in self._said:
            self._said[name, rdtype] = self._who_said(name, rdtype)
        return self._said[name, rdtype]

    def _who_said(self, name: str, rdtype: str) -> list[Said]:
        found = [
            Said(label(server), sorted(normal(value, rdtype) for value in answer["values"]), answer["alias"])
            for server, answer in self.answers(name, rdtype)
            if is_authoritative(answer)
        ]
        resolved = self.resolved(name, rdtype)
        if not found and self.zone_of(name) is None and resolved:
            values = sorted(normal(value, rdtype) for value in resolved["values"])
            found = [Said("the resolver", values, resolved["alias"])]
        return found

    def served(self, name: str, rdtype: str) -> list[tuple[list[str], int]]:
        """(values, seconds that resolvers keep them) of every server with authority."""
        return [
            (sorted(normal(value, rdtype) for value in answer["values"]), answer["ttl"] or 0)
            for _server, answer in self.answers(name, rdtype)
            if is_authoritative(answer)
        ]

    def zone_of(self, name: str) -> seen.Zone | None:
        """The zone whose servers were queried for the name."""
        owner = name
        while owner and owner not in self.zones:
            owner = owner.partition(".")[2]
        return self.zones.get(owner or ".")

    def values(self, name: str, rdtype: str) -> list[str]:
        """The values of all answers that count, sorted."""
        if (name, rdtype) not in self._values:
            found = {value for _who, values, _alias in self.said(name, rdtype) for value in values}
            self._values[name, rdtype] = sorted(found)
        return self._values[name, rdtype]

    # What resolvers answer

    def caches(self, name: str, rdtype: str) -> list[seen.Resolved]:
        """What each resolver that was queried answered."""
        return self._resolved.get((name, rdtype), [])

    def resolved(self, name: str, rdtype: str) -> seen.Resolved | None:
        """The first usable answer of a resolver."""
        return next((one for one in self.caches(name, rdtype) if usable(one)), None)

    def inside(self, name: str, rdtype: str) -> list[seen.Inside]:
        """What resolvers answer to hosts inside."""
        return [one for one in self._inside if (one["name"], one["type"]) == (name, rdtype)]

    # What follows from both

    def exchangers(self, domain: str) -> dict[str, int]:
        """The names in the MX records that are served, and the best preference of each."""
        found: dict[str, int] = {}
        for value in self.values(domain, "MX"):
            preference, exchange = value.split(" ", 1)
            name = exchange.rstrip(".")
            if name:
                found[name] = min(int(preference), found.get(name, 65536))
        return found

    def mx_targets(self) -> dict[str, list[str]]:
        """Each name in an MX record that is served, with the mail domains whose records have it."""
        found: dict[str, list[str]] = {}
        for domain in self.mail_domains:
            for exchanger in self.exchangers(domain):
                found.setdefault(exchanger, []).append(domain)
        return found

    def addresses(self, name: str) -> list[str]:
        """What the servers of its zone answer, or else the resolvers, which follow aliases into other zones."""
        found = [*self.values(name, "A"), *self.values(name, "AAAA")]
        if not found:
            answers = [self.resolved(name, rdtype) for rdtype in ("A", "AAAA")]
            found = [value for answer in answers if answer for value in answer["values"]]
        return list(dict.fromkeys(found))

    def was_resolved(self, name: str) -> bool:
        """Whether there is a usable answer about both kinds of addresses of the name."""
        return all(self.said(name, rdtype) or self.resolved(name, rdtype) for rdtype in ("A", "AAAA"))


def is_authoritative(answer: seen.Answer) -> bool:
    """Whether the answer counts as the zone's own."""
    return usable(answer) and answer["authoritative"]


def usable(answer: seen.Answer) -> bool:
    """An alias is an answer, also where it leads to nothing: BIND adds SERVFAIL to a loop of aliases."""
    if answer["status"] != seen.ANSWERED:
        return False
    return answer["rcode"] in ("NOERROR", "NXDOMAIN") or answer["alias"] is not None


def label(server: seen.NameServer) -> str:
    """A name server in a finding."""
    return f"{server['name']} ({server['address']})"


@lru_cache(maxsize=100_000)
def normal(value: str, rdtype: str) -> str:
    """A value in the one way to write it."""
    if rdtype == "MX":
        preference, exchange = value.split(None, 1)
        return f"{int(preference)} {exchange.lower().rstrip('.')}."
    if rdtype in ("A", "AAAA"):
        return str(ip_address(value))
    return value


def shown(values: Iterable[str]) -> str:
    """A list of values for a sentence, in quotes what ends with a dot of its own."""
    return harmless(", ".join(f"'{value}'" if value.endswith(".") else value for value in values)) or "nothing"
