# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hiding the hosts inside: their Received lines are removed from mail that leaves for the outside.

Lines of hosts outside stay, so that a mail loop is still detected (RFC 5321, section 6.3). Mail on
its way in keeps all of them: the transport that it goes by is told to leave headers alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    LookupTable,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.internal_transport import internal_services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Address
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import HideReceivedOption

_NAME = "smtp_header_checks"
# Loopback, private use and link-local (RFC 6890), as a POSIX expression (regexp_table(5)).
_PRIVATE = (
    r"127\.[0-9.]+",
    r"10\.[0-9.]+",
    r"172\.(1[6-9]|2[0-9]|3[01])\.[0-9.]+",
    r"192\.168\.[0-9.]+",
    r"169\.254\.[0-9.]+",
    "::1",
    "f[cd][0-9a-f][0-9a-f]:[0-9a-f:]+",
    "fe[89ab][0-9a-f]:[0-9a-f:]+",
)


def received_configuration(
    owner: str,
    declared: HideReceivedOption,
    former: Mapping[str, str],
    services: Mapping[str, Service],
    check: OptionReader,
) -> Configuration:
    """declared: the suboptions of ``edge.hide_received``; former, services: main.cf and master.cf without ours."""
    addresses = [
        re.escape(str(address))
        for number, value in enumerate(declared.get("addresses") or ())
        if (address := _address(f"edge.hide_received.addresses[{number}]", value, check))
    ]
    table = LookupTable("hide_received", "regexp", tuple((pattern, "IGNORE") for pattern in _patterns(addresses)))
    settings = {_NAME: preceded(reference(owner, table), former, _NAME)}
    return Configuration(
        settings, (table,), services=internal_services({_NAME: former.get(_NAME, "")}, services, check)
    )


def _patterns(addresses: list[str]) -> tuple[str, ...]:
    inside = "|".join((*_PRIVATE, *addresses))
    return (
        # from name (name [address]), as Postfix writes it, or from name (address), as Exchange does. The first name is
        # what the client said of itself.
        rf"/^Received: from [^[:space:]]+ \(([^[:space:]]+ )?\[?(IPv6:)?({inside})\]?\)/",
        r"/^Received: by [^[:space:]]+ \([^)]*from userid [0-9]+\)/",
    )


def _address(option: str, value: str, check: OptionReader) -> Address | None:
    address = parse_ip(value)
    if address is None:
        check.report(option, f"{value!r} is not an IP address", "Write the address of a host inside")
    return address
