# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule sees: the expectations beside what was observed, by the questions that rules ask."""

from __future__ import annotations

from copy import copy
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.inbound.mail.plugins.module_utils._addresses import special_purpose
from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAIL_PORT = 25


Said = tuple[str, list[str], Optional[str]]


class Case:
    """domain: judged by itself, where nothing is expected of it. manual: as in the plan."""

    def __init__(
        self,
        expect: dict[str, list[dict[str, Any]]],
        observation: seen.Observation,
        domain: str | None = None,
        public_networks: Sequence[str] = (),
        controls: Sequence[str] = (),
        egress_targets: Sequence[str] = (),
    ) -> None:
        self.expect = expect
        self.observation = observation
        self.domain = domain
        self.controls = list(controls)
        self.egress_targets = list(egress_targets)
        self._is_of_backups = self._is_of_former = False
        self._public_networks = [ip_network(network, strict=False) for network in public_networks]
        self.zones = {zone["name"]: zone for zone in observation["zones"]}
        self._answers: dict[tuple[str, str], list[tuple[seen.NameServer, seen.Answer]]] = {}
        for zone in observation["zones"]:
            for server in zone["servers"]:
                for answer in seen.answers_of(zone, server):
                    self._answers.setdefault((answer["name"], answer["type"]), []).append((server, answer))
        self._resolved: dict[tuple[str, str], list[seen.Resolved]] = {}
        for one in observation["resolved"]:
            self._resolved.setdefault((one["name"], one["type"]), []).append(one)
        # Many rules ask for the same.
        self._said: dict[tuple[str, str], list[Said]] = {}
        self._values: dict[tuple[str, str], list[str]] = {}
        self._expected = {(record["name"], record["type"]): record for record in self.public_records}
        self._connections = {(one["source"], one["address"], one["port"]): one for one in observation["connections"]}
        self._dialogues = {(one["address"], one["port"]): one for one in observation["dialogues"]}

    # DNS

    @property
    def public_records(self) -> list[dict[str, Any]]:
        return [record for record in self.expect["records"] if record["view"] == "public"]

    @property
    def internal_records(self) -> list[dict[str, Any]]:
        return [record for record in self.expect["records"] if record["view"] != "public"]

    def inside(self, name: str, rdtype: str) -> list[seen.Inside]:
        """What hosts inside are told by their resolvers."""
        return [one for one in self.observation["inside"] if (one["name"], one["type"]) == (name, rdtype)]

    @property
    def mail_domains(self) -> list[str]:
        """Whose MX RRset is judged."""
        names = [record["name"] for record in self.public_records if record["type"] == "MX"]
        return list(dict.fromkeys([*names, *([self.domain] if self.domain else [])]))

    def expected_values(self, name: str, rdtype: str) -> list[str] | None:
        """None: nothing is declared about it."""
        record = self._expected.get((name, rdtype))
        return None if record is None else sorted(normal(value, rdtype) for value in record["values"])

    def answers(self, name: str, rdtype: str) -> list[tuple[seen.NameServer, seen.Answer]]:
        """What each authoritative server that was asked answered."""
        return self._answers.get((name, rdtype), [])

    def said(self, name: str, rdtype: str) -> list[Said]:
        """(who, values, alias) of everyone who gave an answer that counts: with authority, or else the resolvers."""
        if (name, rdtype) not in self._said:
            self._said[name, rdtype] = self._who_said(name, rdtype)
        return self._said[name, rdtype]

    def _who_said(self, name: str, rdtype: str) -> list[Said]:
        found: list[Said] = [
            (label(server), sorted(normal(value, rdtype) for value in answer["values"]), answer["alias"])
            for server, answer in self.answers(name, rdtype)
            if counts(answer)
        ]
        resolved = self.resolved(name, rdtype)
        if not found and self.zone_of(name) is None and resolved:
            found = [("the resolver", sorted(normal(value, rdtype) for value in resolved["values"]), resolved["alias"])]
        return found

    def served(self, name: str, rdtype: str) -> list[tuple[list[str], int]]:
        """(values, seconds that resolvers keep them) of every server with authority."""
        return [
            (sorted(normal(value, rdtype) for value in answer["values"]), answer["ttl"] or 0)
            for _server, answer in self.answers(name, rdtype)
            if counts(answer)
        ]

    def caches(self, name: str, rdtype: str) -> list[seen.Resolved]:
        """What each resolver that was asked answered."""
        return self._resolved.get((name, rdtype), [])

    def resolved(self, name: str, rdtype: str) -> seen.Resolved | None:
        """The first answer of a resolver that says something."""
        return next((one for one in self.caches(name, rdtype) if usable(one)), None)

    def zone_of(self, name: str) -> seen.Zone | None:
        """The zone whose servers were asked for the name."""
        owner = name
        while owner and owner not in self.zones:
            owner = owner.partition(".")[2]
        return self.zones.get(owner or ".")

    def values(self, name: str, rdtype: str) -> list[str]:
        """All that anyone answers."""
        if (name, rdtype) not in self._values:
            found = {value for _who, values, _alias in self.said(name, rdtype) for value in values}
            self._values[name, rdtype] = sorted(found)
        return self._values[name, rdtype]

    def exchanges(self, domain: str) -> dict[str, int]:
        """Exchange to preference, of what is served."""
        found: dict[str, int] = {}
        for value in self.values(domain, "MX"):
            preference, exchange = value.split(" ", 1)
            name = exchange.rstrip(".")
            if name:
                found[name] = min(int(preference), found.get(name, 65536))
        return found

    def addresses(self, name: str) -> list[str]:
        """As the servers of its zone say, or else the resolvers, who follow aliases into other zones."""
        found = [*self.values(name, "A"), *self.values(name, "AAAA")]
        if not found:
            answers = [self.resolved(name, rdtype) for rdtype in ("A", "AAAA")]
            found = [value for answer in answers if answer for value in answer["values"]]
        return list(dict.fromkeys(found))

    def was_resolved(self, name: str) -> bool:
        """Whether both kinds of addresses of the name were asked for and answered, by whomever."""
        return all(self.said(name, rdtype) or self.resolved(name, rdtype) for rdtype in ("A", "AAAA"))

    def not_public(self, address: str) -> str | None:
        """What a special-purpose address is meant for, None for a public one."""
        return special_purpose(ip_address(address), self._public_networks)

    # Connections

    @property
    def vantage(self) -> str:
        return self.observation["vantage"]

    def status(self, address: str, port: int = MAIL_PORT, source: str | None = None) -> str | None:
        """How a connection ended; None if none was tried."""
        if source in (None, self.vantage):
            dialogue = self._dialogues.get((address, port))
            if dialogue is not None:
                return dialogue["status"]
        connection = self._connections.get((source or self.vantage, address, port))
        return connection["status"] if connection else None

    @property
    def expected_open(self) -> list[tuple[str, str, int]]:
        """(host, address, port) that must answer the vantage, each once."""
        ports = [(one["host"], one["address"], one["port"]) for one in self.expect["ports"] if one["open"]]
        ports += [(one["host"], address, one["port"]) for one in self.expect["smtp"] for address in one["addresses"]]
        talks = (one for one in self.observation["dialogues"] if not self.is_former(one))
        ports += [(one["host"], one["address"], one["port"]) for one in talks]
        by_address = {(address, port): host for host, address, port in reversed(ports)}
        return [(host, address, port) for (address, port), host in sorted(by_address.items())]

    @property
    def expected_shut(self) -> list[dict[str, Any]]:
        return [one for one in self.expect["ports"] if not one["open"]]

    def proven_family(self, version: int) -> bool:
        """Whether the vantage reached anybody at all on port 25 over that family: else 'no answer' says nothing."""
        tried = [(one["address"], one["status"]) for one in self.observation["dialogues"]]
        tried += [
            (one["address"], one["status"]) for one in self.observation["connections"] if one["source"] == self.vantage
        ]
        own = {one["local_address"] for one in self.observation["connections"] if one["source"] == self.vantage}
        return any(
            status == seen.OPEN and family(address) == version and address not in own for address, status in tried
        )

    def blocked(self, address: str) -> str | None:
        """Why nothing can be said of a connection to that address that was not answered."""
        status = self.status(address)
        if status == seen.NO_ROUTE:
            return f"this vantage has no IPv{family(address)}"
        controls = [one for one in self.controls if family(one) == family(address)]
        if controls and not any(self.status(one) == seen.OPEN for one in controls):
            return f"this vantage cannot send on port 25 over IPv{family(address)}: the controls do not answer either"
        return None

    # SMTP

    @property
    def dialogues(self) -> list[seen.Dialogue]:
        """Those with a connection that came about; none of backup exchangers, which are others', and of former ones."""
        return [
            one
            for one in self.observation["dialogues"]
            if one["status"] == seen.OPEN
            and (one["host"] in self.backups) == self._is_of_backups
            and self.is_former(one) == self._is_of_former
        ]

    def is_former(self, dialogue: seen.Dialogue) -> bool:
        """Whether it was held where mail came in before, and is to come in no more."""
        return (dialogue["address"], dialogue["port"]) in self._former

    @cached_property
    def _former(self) -> set[tuple[str, int]]:
        return {(address, one["port"]) for one in self.expect["former"] for address in one["addresses"]}

    def of_former(self) -> Case:
        """The same with the dialogues of former exchangers in place of ours."""
        other = copy(self)
        other._is_of_former = True
        return other

    @cached_property
    def backups(self) -> dict[str, list[dict[str, Any]]]:
        """Backup exchangers by name, with what is expected of each."""
        found: dict[str, list[dict[str, Any]]] = {}
        for one in self.expect["backups"]:
            found.setdefault(one["fqdn"], []).append(one)
        return found

    def of_backups(self) -> Case:
        """The same with the dialogues of the backup exchangers in place of ours."""
        other = copy(self)
        other._is_of_backups = True
        return other

    def refuses_unknown(self, dialogue: seen.Dialogue) -> bool:
        """Whether the host is expected to know the recipients of its domains."""
        return all(one["refuses_unknown"] for one in self.expect["smtp"] if dialogue["host"] == one["host"])

    def message_size(self, dialogue: seen.Dialogue) -> int | None:
        """How many bytes a message to the host may have; None: nothing is declared about it."""
        # Plans of releases before 0.5.0 do not say it.
        sizes = (one.get("message_size") for one in self.expect["smtp"] if dialogue["host"] == one["host"])
        return next((size for size in sizes if size is not None), None)

    def public_name(self, dialogue: seen.Dialogue) -> str:
        """The name by which the world looks for the host."""
        for one in self.expect["smtp"]:
            if dialogue["host"] == one["host"] and dialogue["address"] in one["addresses"]:
                return str(one["fqdn"]).lower().rstrip(".")
        return dialogue["host"]

    def bound_by(self, dialogue: seen.Dialogue) -> str:
        """What binds senders to the certificate of a host being valid and for its name; empty if nothing does.

        DANE with the certificate's own key (usage 3) does not (RFC 7672, section 3.1.1).
        """
        name = self.public_name(dialogue)
        for pinned in self.observation["pinned"]:
            if pinned["host"] == name and pinned["authentic"] and set(pinned["usages"]) == {2}:
                return "DANE (TLSA records of usage 2)"
        for policy in self.observation["policies"]:
            if policy["mode"] == "enforce" and name in self.exchanges(policy["domain"]):
                return f"the MTA-STS policy of {policy['domain']}"
        return ""

    def names_of(self, host: str) -> set[str]:
        """Names that a mail host may have in a Received field: declared, by its own word, and by its greeting."""
        said = [(one["host"], one["fqdn"]) for one in self.expect["smtp"]]
        said += [(one["host"], name) for one in self.observation["mail_hosts"] for name in one["names"]]
        names = {_bare(name) for whose, name in said if whose == host}
        greetings = {
            _bare((step["text"].split() or [""])[0])
            for dialogue in self.dialogues
            if dialogue["host"] == host
            for step in steps(dialogue, "banner", "ehlo")
        }
        # Where a forward leads to another host than the one that is meant, it is the other one that greets.
        return (names | (greetings - {_bare(name) for whose, name in said if whose != host})) - {""}


def _bare(name: str) -> str:
    return name.lower().rstrip(".")


def steps(dialogue: seen.Dialogue, *whats: str) -> Iterator[seen.Step]:
    return (step for step in dialogue["steps"] if step["what"] in whats)


def counts(answer: seen.Answer) -> bool:
    return usable(answer) and answer["authoritative"]


def usable(answer: seen.Answer) -> bool:
    """An alias is an answer, also where it leads to nothing: BIND adds SERVFAIL to a loop of them."""
    if answer["status"] != seen.ANSWERED:
        return False
    return answer["rcode"] in ("NOERROR", "NXDOMAIN") or answer["alias"] is not None


def label(server: seen.NameServer) -> str:
    return f"{server['name']} ({server['address']})"


def family(address: str) -> int:
    return ip_address(address).version


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
