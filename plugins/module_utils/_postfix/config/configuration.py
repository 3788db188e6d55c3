# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one owner wants of Postfix: settings of main.cf and the lookup tables that they name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service

TABLE_DIRECTORY = "inbound_mail"
"""Where the tables lie, below Postfix's configuration directory; one directory in it for each owner."""

_ANYWHERE = "${config_directory}"

OVERWRITTEN = "# Written by Ansible (inbound.mail): a change here is overwritten.\n"
"""The first line of each file that is ours as a whole."""

PASSWORDS = "passwords"
"""The table that is secret: root alone reads its file, and no diff shows it."""

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


@dataclass(frozen=True)
class LookupTable:
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
    tables: tuple[LookupTable, ...] = ()
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


def reference(owner: str, table: LookupTable) -> str:
    """How a setting names the table, wherever the configuration directory is; `located` says where."""
    return f"{table.kind}:{_ANYWHERE}/{TABLE_DIRECTORY}/{owner}/{table.name}"


def located(value: str, config_directory: str) -> str:
    """A setting whose tables of ours lie in that directory.

    A main.cf that is in use names the directory itself: a process of Postfix that starts within two seconds of a change
    of main.cf, by any program, reads the file again (dict_load_file_xt), and ``config_directory`` may be empty then.
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


def access_table(name: str, allowed: Sequence[Network]) -> LookupTable:
    """A client access table that leaves the allowed networks to later restrictions and rejects all other clients.

    Rejected clients get Postfix's own text. DUNNO, not OK: the host's own restrictions that come after it still count
    for those networks.
    """
    rows = [(str(network), "DUNNO") for network in (*LOOPBACK, *allowed)]
    rows += [("0.0.0.0/0", "REJECT Access denied"), ("::/0", "REJECT Access denied")]
    return LookupTable(name, "cidr", tuple(rows))
