# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the module's options, read and checked."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import read_network
from ansible_collections.inbound.mail.plugins.module_utils._limits import is_tcp_port
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network

OWNER = re.compile(r"[a-z][a-z0-9_]*")
"""What an owner can be called: it names a directory, and a block in files of others."""

# Wider than any network that one organisation could mean by "my servers".
_NARROWEST_WIDE_PREFIX = {4: 7, 6: 15}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}")


class OptionReader(Problems):
    """Turns declared values into checked ones and collects what is wrong with them."""

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

    def port(self, option: str, value: int) -> int:
        if not is_tcp_port(value):
            self.report(option, f"{value} is not a TCP port", "Write one of 1 to 65535")
        return value

    def networks(self, option: str, values: Iterable[str]) -> list[Network]:
        networks: list[Network] = []
        for number, value in enumerate(values):
            network = self._network(f"{option}[{number}]", value)
            if network:
                networks.append(network)
        return networks

    def _network(self, option: str, value: str) -> Network | None:
        try:
            return read_network(value)
        except ValueError as error:
            remedy = "Write an address such as 192.0.2.1, or a network such as 192.0.2.0/24 with no host bits set"
            self.report(option, f"{value!r} is neither an address nor a network ({error})", remedy)
            return None

    def trusted_networks(self, option: str, values: Iterable[str]) -> list[Network]:
        """Networks that may relay: none so wide that it makes an open relay."""
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
                f"{value!r} is not a path that Postfix can read",
                "Write the absolute path of a PEM file, without blanks, commas and dollar signs",
            )


def is_too_wide(network: Network) -> bool:
    return network.prefixlen <= _NARROWEST_WIDE_PREFIX[network.version]
