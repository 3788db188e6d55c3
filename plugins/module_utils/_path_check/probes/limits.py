# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what strangers publish is looked at: a hostile zone does not make a vantage send thousands of packets.

What is declared comes first and has no limit. What is left out is recorded, and is a finding.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import DOCUMENTATION, special_purpose

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import Expectations

# Mail exchangers of one domain, and addresses of one name: more than any sound domain has.
EXCHANGERS = 12
ADDRESSES = 12
# Addresses of the exchangers of one domain, all names together.
ADDRESSES_OF_DOMAIN = 24
# As the root zone has them; the addresses of all of them together.
NAME_SERVERS = 13
ADDRESSES_OF_NAME_SERVERS = 26
# Names that the address of a mail host has by PTR records.
NAMES_OF_ADDRESS = 4
# Queries about what is not declared that all servers of one zone together are sent.
QUERIES_OF_ZONE = 200
# Addresses of name servers of zones in which nothing is declared, for each domain whose mail is looked at.
STRANGE_SERVERS = 40


class Limits:
    """Chooses what is contacted. public_networks: as public as the internet, for a laboratory."""

    def __init__(self, expect: Expectations, public_networks: Collection[str], domains: int) -> None:
        self._networks = [ip_network(network, strict=False) for network in public_networks]
        # A laboratory that plays the internet on documentation addresses has its name servers on others of them.
        if any(network.network_address in block for network in self._networks for block in DOCUMENTATION):
            self._networks += DOCUMENTATION
        names: dict[str, set[str]] = {}
        declared: set[str] = set()
        for record in expect["records"]:
            if record["type"] == "MX":
                for value in record["values"]:
                    names.setdefault(record["name"], set()).add(value.split()[-1].rstrip(".").lower())
            else:
                declared.update(record["values"])
        for backup in expect["backups"]:
            names.setdefault(backup["domain"], set()).add(backup["fqdn"])
        for exchanger in expect["smtp"]:
            declared.update(exchanger["addresses"])
        declared.update(port["address"] for port in expect["ports"])
        self._own_names = names
        self._own = {str(ip_address(address)) for address in declared}
        self._strange_servers = STRANGE_SERVERS * max(domains, 1)
        self._left: dict[tuple[str, str], seen.LeftOut] = {}

    @property
    def left_out(self) -> list[seen.LeftOut]:
        return [self._left[key] for key in sorted(self._left)]

    def exchangers(self, domain: str, found: dict[str, int]) -> dict[str, int]:
        """Exchanger to preference, the best first."""
        own = self._own_names.get(domain, set())
        ranked = sorted(found.items(), key=lambda item: (item[0] not in own, item[1], item[0]))
        most = max(EXCHANGERS, len(own & found.keys()))
        self._note("mail exchangers", domain, len(ranked) - most, EXCHANGERS)
        return dict(sorted(ranked[:most], key=lambda item: (item[1], item[0])))

    def addresses(self, name: str, found: list[str]) -> list[str]:
        """Those of one name that may be contacted; the declared ones first, else in the order given."""
        return self._bounded("addresses", name, self.public(found), ADDRESSES)

    def addresses_of_domain(self, domain: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """(name, address) of a domain's exchangers that may be contacted."""
        kept = [pair for pair in found if pair[1] in self._own]
        others = [pair for pair in found if pair[1] not in self._own]
        room = max(ADDRESSES_OF_DOMAIN - len(kept), 0)
        self._note("addresses of mail exchangers", domain, len(others) - room, ADDRESSES_OF_DOMAIN)
        chosen = {*kept, *others[:room]}
        return [pair for pair in found if pair in chosen]

    def public(self, addresses: list[str]) -> list[str]:
        """Without what is no public address, unless it is declared: strangers could lead the vantage anywhere."""
        return [address for address in addresses if self.is_public(address)]

    def is_public(self, address: str) -> bool:
        return address in self._own or special_purpose(ip_address(address), self._networks) is None

    def name_servers(self, zone: str, names: list[str]) -> list[str]:
        self._note("name servers", zone, len(names) - NAME_SERVERS, NAME_SERVERS)
        return names[:NAME_SERVERS]

    def servers(self, zone: str, pairs: list[tuple[str, str]], strange: bool) -> list[tuple[str, str]]:
        """(name server, address) that may be queried. strange: nothing in the zone is declared."""
        most = ADDRESSES_OF_NAME_SERVERS
        if strange:
            most = min(most, self._strange_servers)
        # Each of them has its first address before any has its second.
        turns: dict[str, int] = {}
        ranked = []
        for place, (name, address) in enumerate(pairs):
            turns[name] = turns.get(name, 0) + 1
            ranked.append((turns[name], place, (name, address)))
        ranked.sort()
        self._note("addresses of name servers", zone, len(ranked) - most, ADDRESSES_OF_NAME_SERVERS)
        chosen = ranked[:most]
        if strange:
            self._strange_servers -= len(chosen)
        return [pair for _turn, _place, pair in sorted(chosen, key=lambda one: one[1])]

    def questions(
        self, zone: str, asked: list[tuple[str, str]], declared: Collection[tuple[str, str]], servers: int
    ) -> list[tuple[str, str]]:
        """Which of the (name, type) all servers of the zone are asked for."""
        room = QUERIES_OF_ZONE // max(servers, 1)
        own = [question for question in asked if question in declared]
        others = [question for question in asked if question not in declared]
        self._note("names of mail exchangers in its zone", zone, len(others) - room, room)
        return [*own, *others[:room]]

    def _bounded(self, kind: str, subject: str, found: list[str], most: int) -> list[str]:
        own = [address for address in found if address in self._own]
        others = [address for address in found if address not in self._own]
        room = max(most - len(own), 0)
        self._note(kind, subject, len(others) - room, most)
        chosen = {*own, *others[:room]}
        return [address for address in found if address in chosen]

    def _note(self, kind: str, subject: str, number: int, limit: int) -> None:
        if number > 0:
            self._left[kind, subject] = {"kind": kind, "subject": subject, "number": number, "limit": limit}
