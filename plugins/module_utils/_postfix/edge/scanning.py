# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scanner that a relay's mail goes through: a milter while the sender waits, or an SMTP filter behind the queue."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    LookupTable,
    destination,
    mynetworks_pattern,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.internal_transport import TRANSPORT
from ansible_collections.inbound.mail.plugins.module_utils._scanner import (
    ACCEPT,
    MILTER,
    RSPAMD,
    RSPAMD_PROXY,
    SMTP,
    TEMPFAIL,
    AddressError,
    ScannerAddress,
    parse_address,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import RelayOption, ScannerOption

# The last restrictions before a message is taken. Clients, helo names and recipients are not what they are for, so
# the order of the host's own restrictions stays.
_RESTRICTIONS = "smtpd_end_of_data_restrictions"


@dataclass(frozen=True)
class Scanning:
    """trusted: further networks that may relay, as a filter brings back what the servers send."""

    settings: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[LookupTable, ...] = ()
    trusted: tuple[Network, ...] = ()


def scanning_of(owner: str, declared: RelayOption, former: Mapping[str, str], check: OptionReader) -> Scanning:
    """declared: the suboptions of ``relay``; its ``scanner`` has type, address and unavailable."""
    scanner = declared.get("scanner")
    if not scanner:
        return Scanning()
    address = _address(scanner, check)
    if not address:
        return Scanning()
    if scanner["type"] == SMTP:
        if scanner["unavailable"] == ACCEPT:
            check.report(
                "relay.scanner.unavailable",
                "mail waits in the queue while an SMTP filter is away, it cannot go past it",
                f"Write {TEMPFAIL}, or name a milter",
            )
        return _behind_the_queue(owner, address, former)
    # Of its own, so that milters that the host has besides keep their milter_default_action.
    ours = f"{{ {address}, default_action={scanner['unavailable']}, protocol=6 }}"
    return Scanning({"smtpd_milters": preceded(ours, {"smtpd_milters": _others(former, address)}, "smtpd_milters")})


def _address(scanner: ScannerOption, check: OptionReader) -> ScannerAddress | None:
    option = "relay.scanner.address"
    if scanner["type"] == RSPAMD:
        if scanner.get("address"):
            check.report(option, "rspamd on the relay itself has no other address", f"Leave it out, or name a {MILTER}")
        return RSPAMD_PROXY
    written = scanner.get("address")
    if not written:
        check.report(option, f"a scanner of type {scanner['type']} has no address", "Write where it listens")
        return None
    try:
        return parse_address(written, scanner["type"])
    except AddressError as error:
        check.report(option, str(error), error.remedy)
        return None


def _others(former: Mapping[str, str], address: ScannerAddress) -> str:
    """The host's milters without the same one: it would scan each message twice."""
    names = {str(address), str(address).replace("127.0.0.1", "localhost")}
    found = former.get("smtpd_milters", "")
    if "{" in found:
        return found
    return ", ".join(item for item in found.replace(",", " ").split() if item not in names)


def _behind_the_queue(owner: str, address: ScannerAddress, former: Mapping[str, str]) -> Scanning:
    """Everything goes to the filter but what comes from there: so it may bring it back to port 25, and master.cf needs
    no second one."""
    filter_host = ipaddress.ip_network(address.host)
    to_filter = f"FILTER {TRANSPORT}:{destination(address.host, address.port)}"
    rows = [(str(filter_host), "DUNNO"), ("0.0.0.0/0", to_filter), ("::/0", to_filter)]
    clients = LookupTable("unscanned", "cidr", tuple(rows))
    ours = f"check_client_access {reference(owner, clients)}"
    origin = preceded(mynetworks_pattern(filter_host), former, "smtpd_authorized_xforward_hosts")
    settings = {
        _RESTRICTIONS: preceded(ours, former, _RESTRICTIONS),
        # A filter that hands on where a message came from is believed.
        "smtpd_authorized_xforward_hosts": origin,
    }
    return Scanning(settings, (clients,), (filter_host,))
