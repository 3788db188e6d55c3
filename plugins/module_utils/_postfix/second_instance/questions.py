# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Postfix is asked to learn whether it does what was declared, and which answers do not contradict that."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from itertools import islice
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import STATIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import (
        PostfixOptions,
        RelayOption,
        ServerOption,
    )

# What no host here is a part of: reserved names (RFC 2606), and addresses of the IANA's own networks, as lists of
# networks that no client can have hold all reserved ones. Nothing is sent to or from them.
_ELSEWHERE = tuple(f"elsewhere.example.{top}" for top in ("net", "com", "org"))
_STRANGERS = (
    *("192.0.43.201", "199.43.135.201"),
    *("2001:500:88:200::201", "2001:500:8f::201"),
)
_UNKNOWN = "no-such-recipient-of-inbound-mail"


@dataclass(frozen=True)
class RouteQuestion:
    """Where a message goes.

    expected: ``transport:next_hop``, ``:next_hop`` for any SMTP client, or empty for any way out that Postfix has.
    """

    sender: str
    recipient: str
    expected: str

    def __str__(self) -> str:
        return f"mail from {f'<{self.sender}>'} for {self.recipient}"


@dataclass(frozen=True)
class ListenQuestion:
    """Whether Postfix answers on port 25 of one of these addresses."""

    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"port 25 of {' or '.join(self.addresses)}"


@dataclass(frozen=True)
class HandInQuestion:
    """Whether a client may hand in mail for a recipient.

    may_be_unknown: the reply that there is no such recipient does not contradict.
    """

    client: str
    recipient: str
    is_accepted: bool
    may_be_unknown: bool = False

    def __str__(self) -> str:
        return f"mail for {self.recipient} from a client at {self.client}"


@dataclass(frozen=True)
class Questions:
    """All of them."""

    helo: str
    """What clients call themselves."""
    routes: tuple[RouteQuestion, ...]
    listening: tuple[ListenQuestion, ...]
    hand_in: tuple[HandInQuestion, ...]

    @property
    def clients(self) -> list[str]:
        return list(dict.fromkeys(question.client for question in self.hand_in))


def questions_of(
    options: PostfixOptions,
    configuration: Configuration,
    addresses: Sequence[str],
    trusted: Iterable[Network],
    has_aliases: bool,
) -> Questions:
    """What follows from the options ``relay`` or ``server``.

    addresses: those of the host; trusted: networks that a stranger must not be in; has_aliases: whether the host has
    virtual_alias_maps.
    """
    declared: RelayOption | ServerOption = options["relay"] or options["server"] or {}
    relay = options["relay"]
    domains = configuration.domains
    elsewhere = next(
        name for name in _ELSEWHERE if not any(name == domain or name.endswith(f".{domain}") for domain in domains)
    )
    inside = _one_of_each(options["relay"]["relay_from"], addresses) if options["relay"] else []
    senders = _one_of_each(declared["accept_from"], addresses)
    kept_apart = [*trusted, *map(ip_network, (*declared["accept_from"], *(relay["relay_from"] if relay else ())))]
    strangers = _strangers(addresses, kept_apart)
    versions = {address.version for address in map(parse_ip, addresses) if address}
    hand_in = [
        *_of_strangers(strangers, senders, _recipients(options, configuration), elsewhere, bool(relay)),
        *(HandInQuestion(client, f"postmaster@{elsewhere}", True) for client in inside),
    ]
    return Questions(
        f"client.{elsewhere}",
        tuple(_routes(options, configuration, elsewhere, has_aliases)),
        tuple(_listening(declared, addresses)),
        tuple(question for question in hand_in if _version(question.client) in versions),
    )


def _routes(
    options: PostfixOptions, configuration: Configuration, elsewhere: str, has_aliases: bool
) -> Iterator[RouteQuestion]:
    tables = {table.name: dict(table.entries) for table in configuration.tables}
    by_sender = tables.get("sender_smarthosts", {})
    default = configuration.settings.get("relayhost", "")
    fqdn = configuration.settings["myhostname"]
    for domain, way in tables.get("transport", {}).items():
        if domain.isascii():
            yield RouteQuestion("", f"postmaster@{domain}", way)
    outside = f"postmaster@{elsewhere}"
    for sender in ("", f"root@{fqdn}", *(f"postmaster@{domain}" for domain in configuration.domains)):
        if f"@{sender.rpartition('@')[2]}" not in by_sender:
            yield RouteQuestion(sender, outside, f":{default}" if default else "")
    for sender, way in by_sender.items():
        yield RouteQuestion(f"postmaster{sender}", outside, f":{way}")
    if fqdn not in configuration.domains and not has_aliases:
        # With aliases it may go elsewhere: they are replaced before the resolver is asked.
        yield RouteQuestion("", f"root@{fqdn}", "")
    if options["server"]:
        for domain in configuration.domains:
            yield RouteQuestion("", f"postmaster@{domain}", "")


def _listening(declared: RelayOption | ServerOption, addresses: Sequence[str]) -> Iterator[ListenQuestion]:
    """One for each address that is declared and there: another one can be a pair's, which the other host has now."""
    named = [*(declared.get("addresses") or ()), *declared["send_from"]]
    wanted = list(dict.fromkeys(str(parse_ip(address)) for address in named))
    here = [address for address in wanted if address in addresses]
    if here:
        yield from (ListenQuestion((address,)) for address in here)
    elif addresses:
        yield ListenQuestion(tuple(addresses))


def _recipients(options: PostfixOptions, configuration: Configuration) -> Iterator[tuple[str, bool]]:
    """Recipients of the domains, and whether mail for them is taken."""
    known: dict[str, str] = {}
    for table in configuration.tables:
        for address, _value in table.entries if table.name == "relay_recipients" else ():
            local_part, _at, domain = address.rpartition("@")
            # Postmaster stands first; an address of the declaration says more.
            known[domain] = local_part or known.get(domain, "")
    entries = options["relay"]["domains"] if options["relay"] else ()
    static = [(entry.get("recipients") or {}).get("validation") == STATIC for entry in entries]
    for number, domain in enumerate(configuration.domains):
        if number < len(static) and static[number]:
            yield f"{known[domain]}@{domain}", True
            yield f"{known[domain]}+tag@{domain}", True
            if not (entries[number]["recipients"] or {}).get("maps"):
                yield f"{_UNKNOWN}@{domain}", False
        else:
            yield f"postmaster@{domain}", True


def _of_strangers(
    strangers: Sequence[str],
    senders: Sequence[str],
    recipients: Iterable[tuple[str, bool]],
    elsewhere: str,
    knows_recipients: bool,
) -> Iterator[HandInQuestion]:
    """senders: of those that alone may hand in mail; empty for any host."""
    recipients = list(recipients)
    for client in senders or strangers:
        for recipient, is_accepted in recipients:
            yield HandInQuestion(client, recipient, is_accepted, may_be_unknown=not knows_recipients)
        yield HandInQuestion(client, f"postmaster@{elsewhere}", False)
    for client in strangers if senders else ():
        for recipient in (f"postmaster@{elsewhere}", *(recipient for recipient, _is_accepted in recipients)):
            yield HandInQuestion(client, recipient, False)


def _strangers(addresses: Sequence[str], trusted: Sequence[Network]) -> list[str]:
    """At most one of each IP version that the host has."""
    found: dict[int, str] = {}
    for text in _STRANGERS:
        address = parse_ip(text)
        if address and text not in addresses and not any(address in network for network in trusted):
            found.setdefault(address.version, text)
    return list(found.values())


def _one_of_each(networks: Iterable[str], own: Sequence[str]) -> list[str]:
    """An address of each network that is not the host's own; none of one that has no other."""
    found = []
    for network in map(ip_network, networks):
        others = (str(address) for address in islice(network, len(own) + 2) if str(address) not in own)
        # The first one is the network's own, unless there is no other.
        found += list(islice(others, 2))[-1:]
    return found


def _version(text: str) -> int:
    address = parse_ip(text)
    return address.version if address else 0
