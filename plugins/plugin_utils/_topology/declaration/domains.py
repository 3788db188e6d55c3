# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of domains and zones that all hosts share. Each entry by itself; see checks/ for what is between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....module_utils._addresses import Address
from ....module_utils._postfix.option_values import (
    NONE,
    STATIC,
    VALIDATIONS,
    lookup_table_problem,
    recipient_problem,
)
from ..problems import Several, Unfit
from .edge import lifetime
from .readers import (
    address,
    boolean,
    domain_name,
    each,
    host_name,
    items,
    mail_domain,
    one_of,
    preference,
    text,
    ttl,
)
from .schema import KeySpec, label, read_entries, read_entry

DEFAULT_TTL = 3600
"""Seconds."""
INTERNAL = "internal"
"""The endpoint of mail_dns that is the view from inside."""
DEFAULT_ENDPOINT = "default"
MANUAL = "manual"
"""The provider that is a person: the plan says what to ask for."""
BACKUP_DISTANCE = 10
"""How much higher than the last primary's a backup MX's preference is if it is not declared."""


@dataclass(frozen=True)
class Exchanger:
    """A mail exchanger that is no host of ours. preference None: as its kind has it."""

    name: str
    preference: int | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class DeclaredZone:
    """endpoints: keys of mail_dns, empty for the default; ttl in seconds, of addresses in it."""

    name: str
    endpoints: tuple[str, ...] = ()
    ttl: int = DEFAULT_TTL


@dataclass(frozen=True)
class Recipients:
    """Whom a relay takes mail for. addresses and maps (lookup tables of Postfix on the relay): of static alone."""

    validation: str = NONE
    addresses: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()

    def as_option(self) -> dict[str, object]:
        """As the role mail_relay takes it."""
        return {"validation": self.validation, "addresses": list(self.addresses), "maps": list(self.maps)}


@dataclass(frozen=True)
class MailDomain:
    """servers None: every mail server. zone: the zone that holds the domain's MX, mostly the domain itself."""

    name: str
    zone: str
    zone_declared: bool = False
    servers: tuple[str, ...] | None = None
    backups: tuple[Exchanger, ...] = ()
    exchangers: tuple[Exchanger, ...] = ()
    endpoints: tuple[str, ...] = ()
    ttl: int = DEFAULT_TTL
    null_mx: bool = False
    recipients: Recipients | None = None
    queue_lifetime: str = ""

    @property
    def validates_recipients(self) -> bool:
        return self.recipients is not None and self.recipients.validation != NONE


def _recipients(value: object) -> Recipients:
    entry = read_entry(value, RECIPIENT_KEYS, "")
    found = Recipients(**entry)
    listed = found.addresses or found.maps
    if listed and found.validation != STATIC:
        raise Unfit(f"has a list of recipients, and its validation is {found.validation}", "Write validation: static")
    if found.validation == STATIC and not listed:
        raise Unfit("is static and names no recipient", "Name the recipients in addresses, or tables in maps")
    return found


def _table(value: object) -> str:
    written = text(value)
    if problem := lookup_table_problem(written):
        raise Unfit(*problem)
    return written


def _exchangers(value: object) -> tuple[Exchanger, ...]:
    """Dictionaries or mere names, one or several."""
    entries = (
        [value] if isinstance(value, (str, Mapping)) else items(value, "mail exchangers", "[{name: mx.example.net}]")
    )
    found, problems = [], []
    for index, entry in enumerate(entries):
        fields = {"name": entry} if isinstance(entry, str) else entry
        try:
            found.append(Exchanger(**read_entry(fields, EXCHANGER_KEYS, f"{label(fields) or f'[{index}]'}: ")))
        except Several as several:
            problems += several.problems
    if problems:
        raise Several(problems)
    return tuple(found)


def _labelled(value: object) -> tuple[str, ...]:
    return each(text, "keys of mail_dns", "[default]")(value)


EXCHANGER_KEYS = {
    "name": KeySpec("host name", "What the MX points to.", host_name, required=True),
    "preference": KeySpec("0 to 65535", "The preference of its MX.", preference),
    "addresses": KeySpec(
        "list of addresses",
        "Its addresses, if its name is in a zone of ours.",
        each(address, "addresses", "[192.0.2.1]"),
    ),
}

RECIPIENT_KEYS = {
    "validation": KeySpec(
        "`static`, `callout` or `none`",
        "`static`: those in `addresses` and `maps`, and postmaster; also while the servers are away. `callout`: those "
        "that the server knows; it is asked once and the answer is kept. `none`: all; what the server refuses bounces.",
        one_of(VALIDATIONS, "validation", "static, callout or none"),
    ),
    "addresses": KeySpec(
        "list of addresses",
        "The recipients, whole or without the domain.",
        each(text, "recipients", "[info, sales]"),
    ),
    "maps": KeySpec(
        "list of tables",
        "Lookup tables of Postfix on the relays that know recipients, as `texthash:/etc/postfix/people`.",
        each(_table, "tables", "[texthash:/etc/postfix/people]"),
    ),
}

DOMAIN_KEYS = {
    "name": KeySpec("domain name", "The domain: what stands after the @.", mail_domain, required=True),
    "servers": KeySpec(
        "list of hosts of `mail_servers`",
        "Where its mailboxes are; every mail server if left out.",
        each(text, "mail servers", "[mail]"),
    ),
    "backup_mx": KeySpec(
        "list of `name`, `preference`, `addresses`",
        "Hosts that keep the mail while the others are down: other operators' hosts, or our relays by `mail_fqdn`. "
        f"Their preference is higher than the others'; {BACKUP_DISTANCE} more than the last of these if left out.",
        _exchangers,
    ),
    "exchangers": KeySpec(
        "list of `name`, `preference`, `addresses`",
        "Outside hosts that stand in front, as a filtering service does. They are the MX, ours are not.",
        _exchangers,
    ),
    "dns": KeySpec(
        "key of `mail_dns`, or several",
        f"Who hosts the zone; several if it is hosted twice. If left out, `{DEFAULT_ENDPOINT}` or the only one.",
        _labelled,
    ),
    "zone": KeySpec(
        "domain name", "The zone that holds the domain's records, if the domain is not a zone itself.", domain_name
    ),
    "ttl": KeySpec("seconds", f"The TTL of the records; {DEFAULT_TTL} if left out.", ttl),
    "recipients": KeySpec(
        "`validation`, `addresses`, `maps`",
        "Which recipients relays accept mail for; others are refused at once. All of them if left out.",
        _recipients,
    ),
    "queue_lifetime": KeySpec(
        "time, as `14d`",
        "How long its mail may wait on a relay of ours before it goes back to its sender; as long as other mail, "
        "`mail_queue_lifetime`, if left out.",
        lifetime,
    ),
    "null_mx": KeySpec("true or false", "The domain takes no mail (RFC 7505).", boolean),
}

ZONE_KEYS = {
    "name": KeySpec("domain name", "The zone.", domain_name, required=True),
    "dns": KeySpec("key of `mail_dns`, or several", "Who hosts the zone, as in `mail_domains`.", _labelled),
    "ttl": KeySpec("seconds", f"The TTL of addresses in it; {DEFAULT_TTL} if left out.", ttl),
}


def domains(value: object) -> tuple[MailDomain, ...]:
    """mail_domains, as raw data. Raises Unfit with everything that is wrong in it."""
    reading = read_entries(value, DOMAIN_KEYS, "domains", "[{name: example.org}]")
    problems = [*reading.problems, *_strange_recipients(reading.entries)]
    if problems:
        raise Several(problems)
    return tuple(
        MailDomain(
            name=entry["name"],
            zone=entry.get("zone", entry["name"]),
            zone_declared="zone" in entry,
            servers=entry.get("servers"),
            backups=entry.get("backup_mx", ()),
            exchangers=entry.get("exchangers", ()),
            endpoints=entry.get("dns", ()),
            ttl=entry.get("ttl", DEFAULT_TTL),
            null_mx=entry.get("null_mx", False),
            recipients=entry.get("recipients"),
            queue_lifetime=entry.get("queue_lifetime", ""),
        )
        for entry in reading.entries
    )


def _strange_recipients(entries: Iterable[Mapping[str, Any]]) -> Iterator[Unfit]:
    for entry in entries:
        recipients = entry.get("recipients")
        for written in recipients.addresses if recipients else ():
            if problem := recipient_problem(written, entry["name"]):
                message, remedy = problem
                yield Unfit(f"{entry['name']}: recipients: {message}", remedy)


def zones(value: object) -> tuple[DeclaredZone, ...]:
    """mail_zones, as raw data. Raises Unfit with everything that is wrong in it."""
    reading = read_entries(value, ZONE_KEYS, "zones", "[{name: example.net}]")
    if reading.problems:
        raise Several(reading.problems)
    return tuple(
        DeclaredZone(entry["name"], entry.get("dns", ()), entry.get("ttl", DEFAULT_TTL)) for entry in reading.entries
    )
