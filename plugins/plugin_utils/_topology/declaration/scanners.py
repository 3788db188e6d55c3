# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans a relay's mail for spam and viruses, as it is declared."""

from __future__ import annotations

from dataclasses import dataclass

from ....module_utils._scanner import ACCEPT, MILTER, RSPAMD, SMTP, TEMPFAIL, TYPES, UNAVAILABLE, AddressError
from ....module_utils._scanner import parse_address as parse
from ..problems import Several, Unfit
from .readers import boolean, one_of, text
from .schema import KeySpec, read_entry


@dataclass(frozen=True)
class Scanner:
    """type: of TYPES; address: empty for rspamd."""

    type: str
    address: str = ""
    antivirus: bool = False
    unavailable: str = TEMPFAIL

    def as_option(self) -> dict[str, object]:
        more = {"antivirus": self.antivirus} if self.type == RSPAMD else {"address": self.address}
        return {"type": self.type, **more, "unavailable": self.unavailable}


def scanner(value: object) -> Scanner:
    """mail_scanner: a dictionary, or the word rspamd. Raises Unfit with everything that is wrong in it."""
    fields = {"type": value} if isinstance(value, str) else value
    found = Scanner(**read_entry(fields, SCANNER_KEYS, ""))
    problems = []
    if found.type == RSPAMD and found.address:
        remedy = f"Leave it out; for an rspamd elsewhere write type: {MILTER}"
        problems.append(Unfit("address: rspamd on the relay itself needs none", remedy))
    if found.type != RSPAMD:
        problems += _address_problems(found)
    if found.type != RSPAMD and found.antivirus:
        what = f"antivirus: a scanner of type {found.type} has its own way to viruses"
        problems.append(Unfit(what, f"Leave it out, or write type: {RSPAMD}"))
    if found.type == SMTP and found.unavailable == ACCEPT:
        what = "unavailable: mail waits in the queue while an SMTP filter is away, it cannot go past it"
        problems.append(Unfit(what, f"Write {TEMPFAIL}, or name a milter"))
    if problems:
        raise Several(problems)
    return found


def _address_problems(found: Scanner) -> list[Unfit]:
    if not found.address:
        return [Unfit(f"has no 'address', and it is a {found.type}", "Write where it listens, as inet:192.0.2.5:8891")]
    try:
        parse(found.address, found.type)
    except AddressError as error:
        return [Unfit(f"address: {error}", error.remedy)]
    return []


SCANNER_KEYS = {
    "type": KeySpec(
        "`rspamd`, `milter` or `smtp`",
        "`rspamd` is installed and set up on the relay. `milter` and `smtp` are a milter and an SMTP filter that are "
        "there already.",
        one_of(TYPES, "type of scanner", "rspamd, milter or smtp"),
        required=True,
    ),
    "address": KeySpec(
        "text",
        "Where a milter listens, as `inet:192.0.2.5:8891` or `unix:/path`; the IP address and port of an SMTP filter, "
        "as `192.0.2.5:10025`.",
        text,
    ),
    "antivirus": KeySpec(
        "true or false",
        "Whether rspamd gives every message to ClamAV, which is installed too and needs more than 1 GB of memory. "
        "False if left out.",
        boolean,
    ),
    "unavailable": KeySpec(
        "`tempfail` or `accept`",
        "While the scanner is away, the sender is told to come again later, which is the default, or mail goes on "
        "without a scan.",
        one_of(UNAVAILABLE, "answer while the scanner is away", "tempfail or accept"),
    ),
}
