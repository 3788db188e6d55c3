# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one owner wants of Postfix: settings of main.cf and the lookup tables that they name."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Union

from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

TABLE_DIRECTORY = "inbound_mail"
"""Where the tables lie, below Postfix's configuration directory; one directory in it for each owner."""

OWNER = re.compile(r"[a-z][a-z0-9_]*")
"""What an owner can be called: it names a directory, and a block in files of others."""

_ANYWHERE = "${config_directory}"

OVERWRITTEN = "# Written by Ansible (inbound.mail): a change here is overwritten.\n"
"""The first line of each file that is ours as a whole."""

PASSWORDS = "passwords"
"""The table that is secret: root alone reads its file, and no diff shows it."""

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))

# Wider than any network that one organisation could mean by "my servers".
_NARROWEST_WIDE_PREFIX = {4: 7, 6: 15}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")


@dataclass(frozen=True)
class Table:
    """A lookup table as a text file: ``texthash`` (by key) or ``cidr`` (the first network that holds the address).

    Postfix reads both without postmap, so there is no compiled file that could be out of date, and no question of
    which database types this Postfix was built with.
    """

    name: str
    kind: str
    entries: tuple[tuple[str, str], ...]

    def text(self) -> str:
        rows = "".join(f"{key} {value}\n" for key, value in self.entries)
        return OVERWRITTEN + rows


@dataclass(frozen=True)
class Configuration:
    """Settings in the order in which they are written, and the tables by name."""

    settings: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    domains: tuple[str, ...] = ()
    """Domains that Postfix is to take mail for."""
    address_class: str = ""
    """The setting that lists those domains; Postfix wants a domain in one address class only."""
    self_signed: str = ""
    """The file of a key and certificate that is made beside the tables where there is none."""
    services: tuple[Service, ...] = ()
    """Lines of master.cf."""
    program: str = ""
    """The text of a program that a timer is to start, if there is one."""

    def __add__(self, more: Configuration) -> Configuration:
        """With what another one has besides; of a setting, service or program that both have it is that one's."""
        return replace(
            self,
            settings={**self.settings, **more.settings},
            tables=(*self.tables, *more.tables),
            services=tuple({service.key: service for service in (*self.services, *more.services)}.values()),
            program=more.program or self.program,
        )


@dataclass(frozen=True)
class Former:
    """What the host has without ours.

    settings: of main.cf; services: of master.cf, by key; known: the parameters that this Postfix has, None where it is
    not installed yet.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    known: Collection[str] | None = None


def reference(owner: str, table: Table) -> str:
    """How a setting names the table, wherever the configuration directory is; `located` says where."""
    return f"{table.kind}:{_ANYWHERE}/{TABLE_DIRECTORY}/{owner}/{table.name}"


def located(value: str, config_directory: str) -> str:
    """A setting whose tables of ours lie in that directory.

    A main.cf that is in use names the directory itself: a process of Postfix that starts within two seconds of a change
    of main.cf, whoever makes it, reads the file again (dict_load_file_xt), and ``config_directory`` may be empty then.
    """
    return value.replace(f"{_ANYWHERE}/{TABLE_DIRECTORY}/", f"{config_directory}/{TABLE_DIRECTORY}/")


def without_values(text: str) -> str:
    """A table's text with the keys alone."""
    return "".join(
        line if line.startswith("#") else f"{line.split(None, 1)[0]} ********\n"
        for line in text.splitlines(True)
        if line.strip()
    )


def destination(address: str, port: int) -> str:
    """A next hop that is used as it stands: the brackets switch the MX lookup off (transport(5))."""
    return f"[{address}]:{port}"


def mynetworks_pattern(network: Network) -> str:
    """One network as mynetworks wants it: IPv6 addresses in brackets (postconf(5), mynetworks)."""
    if network.version == 6:
        return f"[{network.network_address}]/{network.prefixlen}"
    return str(network)


def access_table(name: str, allowed: Sequence[Network], refusal: str) -> Table:
    """A client access table that has no opinion on the allowed networks and refuses everybody else.

    DUNNO, not OK: the host's own restrictions that come after it still count for those that are let through.
    """
    rows = [(str(network), "DUNNO") for network in (*LOOPBACK, *allowed)]
    rows += [("0.0.0.0/0", f"REJECT {refusal}"), ("::/0", f"REJECT {refusal}")]
    return Table(name, "cidr", tuple(rows))


class Checker:
    """Turns declared values into checked ones and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, option: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(option, message, remedy))

    def finish(self) -> None:
        if self.problems:
            raise InvalidError(self.problems)

    def name(self, option: str, value: str) -> str:
        """A fully qualified name in lower case without final dot."""
        name = value.rstrip(".").lower()
        if not _HOST_NAME.fullmatch(name):
            self.report(
                option,
                f"{value!r} is not a fully qualified domain name",
                "Write one such as mail.example.org; an internationalised name in its A-label form (xn--...)",
            )
        return name

    def names(self, option: str, values: Iterable[str]) -> list[str]:
        names: list[str] = []
        for number, value in enumerate(values):
            name = self.name(f"{option}[{number}]", value)
            if name in names:
                self.report(f"{option}[{number}]", f"{name} is listed twice", "Leave one of the two out")
            names.append(name)
        return names

    def networks(self, option: str, values: Iterable[str]) -> list[Network]:
        networks: list[Network] = []
        for number, value in enumerate(values):
            network = self._network(f"{option}[{number}]", value)
            if network:
                networks.append(network)
        return networks

    def _network(self, option: str, value: str) -> Network | None:
        try:
            return ipaddress.ip_network(value)
        except ValueError as error:
            remedy = "Write an address such as 192.0.2.1, or a network such as 192.0.2.0/24 with no host bits set"
            self.report(option, f"{value!r} is no address and no network ({error})", remedy)
            return None

    def trusted_networks(self, option: str, values: Iterable[str]) -> list[Network]:
        """Networks that may relay: none so wide that everybody's mail would go through."""
        networks = self.networks(option, values)
        for network in networks:
            if is_too_wide(network):
                self.report(
                    option, f"{network} would make this host an open relay", "Name the addresses of your servers only"
                )
        return networks

    def path(self, option: str, value: str) -> None:
        """A file of the host's that a list setting can name."""
        if value and (not os.path.isabs(value) or any(character in value for character in ", \t\n$")):
            self.report(
                option,
                f"{value!r} is no path that Postfix can be given",
                "Write the absolute path of a PEM file, without blanks, commas and dollar signs",
            )


def is_too_wide(network: Network) -> bool:
    return network.prefixlen <= _NARROWEST_WIDE_PREFIX[network.version]
