# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Smarthosts of other operators: where a front-end hands mail for the outside to, and how it logs in there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from ....module_utils._limits import SMTP_PORT
from ....module_utils._postfix.option_values import SUBMISSIONS, SUBMISSIONS_PROBLEM, TLS_LEVELS
from ..plan import PlannedHop
from ..problems import Several, Unfit
from .readers import address, described, host_name, items, mail_domain, one_of, text, whole_number
from .schema import KeySpec, read_entry

T = TypeVar("T")

_EXAMPLE = "[{address: smtp.example.net, port: 587, credentials: provider}]"


@dataclass(frozen=True)
class Smarthost:
    """tls, tls_name, credentials: empty if not declared."""

    address: str
    port: int = SMTP_PORT
    tls: str = ""
    tls_name: str = ""
    credentials: str = ""

    def as_hop(self) -> PlannedHop:
        hop: PlannedHop = {"address": self.address, "port": self.port}
        if self.tls:
            hop["tls"] = self.tls
        if self.tls_name:
            hop["tls_name"] = self.tls_name
        if self.credentials:
            hop["credentials"] = self.credentials
        return hop


@dataclass(frozen=True)
class SenderSmarthosts:
    """For the mail of one sender's domain."""

    domain: str
    smarthosts: tuple[Smarthost, ...]


def _address_or_name(value: object) -> str:
    try:
        ip_address(str(value))
    except ValueError:
        return host_name(value)
    return str(address(value))


def _port(value: object) -> int:
    found = _unshown(whole_number(65535, "a TCP port"), "TCP port", "one of 1 to 65535")(value)
    if not found:
        raise Unfit("0 is no TCP port", "Write one of 1 to 65535")
    if found == SUBMISSIONS:
        raise Unfit(*SUBMISSIONS_PROBLEM)
    return found


def smarthosts(value: object) -> tuple[Smarthost, ...]:
    """mail_smarthosts: dictionaries or mere addresses. Raises Unfit with everything that is wrong in it."""
    found, problems = [], []
    for index, entry in enumerate(items(value, "smarthosts", _EXAMPLE)):
        fields = {"address": entry} if isinstance(entry, str) else entry
        try:
            found.append(Smarthost(**read_entry(fields, SMARTHOST_KEYS, f"[{index}]: ")))
        except Several as several:
            problems += several.problems
    if problems:
        raise Several(problems)
    return tuple(found)


def sender_smarthosts(value: object) -> tuple[SenderSmarthosts, ...]:
    """mail_sender_smarthosts, as raw data. Raises Unfit with everything that is wrong in it."""
    found, problems, seen = [], [], set()
    example = "[{domain: example.org, smarthosts: [smtp.example.net]}]"
    for index, fields in enumerate(items(value, "dictionaries", example)):
        try:
            entry = SenderSmarthosts(**read_entry(fields, SENDER_SMARTHOST_KEYS, f"[{index}]: "))
        except Several as several:
            problems += several.problems
            continue
        if not entry.smarthosts:
            problems.append(Unfit(f"[{index}]: {entry.domain} has no smarthost", "Name one, or leave the entry out"))
        if entry.domain in seen:
            problems.append(Unfit(f"[{index}]: {entry.domain} is there twice", "Make one entry of the two"))
        seen.add(entry.domain)
        found.append(entry)
    if problems:
        raise Several(problems)
    return tuple(found)


def credential_names(value: object) -> tuple[str, ...]:
    """mail_credentials: what they are called. Nothing else of them is kept, and no message shows a value."""
    if not isinstance(value, Mapping):
        example = "Write logins by name, as {provider: 'username:password'}"
        raise Unfit(f"is {described(value)}, not a dictionary", example)
    return tuple(str(name) for name in value)


def apart_from_secrets(credentials: object) -> object:
    """mail_credentials without what the templates and vaults in it hold."""
    return dict.fromkeys(credentials, "") if isinstance(credentials, Mapping) else credentials


def _unshown(read: Callable[[object], T], what: str, remedy: str) -> Callable[[object], T]:
    """A reader whose message does not have what is written: beside credentials, these may have got there."""

    def unshown(value: object) -> T:
        try:
            return read(value)
        except Unfit:
            raise Unfit(f"is no {what}", f"Write {remedy}") from None

    return unshown


SMARTHOST_KEYS = {
    "address": KeySpec(
        "host name or address",
        "Where it is reached. Its name is looked up each time; no MX is.",
        _address_or_name,
        required=True,
    ),
    "port": KeySpec(
        "TCP port",
        f"{SMTP_PORT} if left out; a provider's is mostly 587. Not {SUBMISSIONS}, where TLS begins without STARTTLS.",
        _port,
    ),
    "tls": KeySpec(
        "`may`, `encrypt` or `secure`",
        "Encrypt where it can; hand nothing over in clear; demand a certificate for its name besides, of an authority "
        "in `mail_tls_ca`. Left out, `encrypt` with `credentials`, otherwise `may`.",
        _unshown(one_of(TLS_LEVELS, "", ""), "level of TLS", "may, encrypt or secure"),
    ),
    "tls_name": KeySpec(
        "host name",
        "The name in its certificate, if it is not the one in `address`.",
        _unshown(host_name, "host name", "the name in the certificate, or leave it out"),
    ),
    "credentials": KeySpec("name in `mail_credentials`", "What to log in with.", text),
}

SENDER_SMARTHOST_KEYS = {
    "domain": KeySpec("domain name", "The domain of the sender.", mail_domain, required=True),
    "smarthosts": KeySpec("list", "Its smarthosts, as in `mail_smarthosts`.", smarthosts, required=True),
}
