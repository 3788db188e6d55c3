# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a mail scanner listens, as it is written: the address forms of postconf(5), smtpd_milters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.inbound.mail.plugins.module_utils._addresses import read_ip
from ansible_collections.inbound.mail.plugins.module_utils._limits import is_tcp_port

RSPAMD = "rspamd"
MILTER = "milter"
SMTP = "smtp"
TYPES = (RSPAMD, MILTER, SMTP)

TEMPFAIL = "tempfail"
ACCEPT = "accept"
UNAVAILABLE = (TEMPFAIL, ACCEPT)
"""What happens to mail while the scanner is away: it is deferred, or goes on without a scan."""

_TCP = re.compile(r"(?:inet6?:)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_.-]+)):(?P<port>[0-9]{1,5})")
_UNIX = re.compile(r"(?:unix|local):(?P<path>/[^\s,{}$]+)")


class AddressError(ValueError):
    """The text is not an address of a scanner of that type; ``remedy`` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class ScannerAddress:
    """A TCP port of a host (address or name), or the path of a socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        """As in smtpd_milters."""
        if self.path:
            return f"unix:{self.path}"
        return f"inet:[{self.host}]:{self.port}" if ":" in self.host else f"inet:{self.host}:{self.port}"


RSPAMD_PROXY = ScannerAddress("127.0.0.1", 11332)
"""Where rspamd's proxy worker speaks the milter protocol unless told otherwise."""


def parse_address(text: str, kind: str) -> ScannerAddress:
    """kind: MILTER or SMTP. Raises AddressError."""
    unix = _UNIX.fullmatch(text)
    if unix and kind == MILTER:
        return ScannerAddress(path=unix["path"])
    tcp = _TCP.fullmatch(text)
    if kind == MILTER:
        remedy = "Write inet:192.0.2.5:11332, inet:[2001:db8::5]:11332 or unix:/path/of/the/socket"
    else:
        remedy = "Write the IP address and port of the filter, as 192.0.2.5:10025 or [2001:db8::5]:10025"
    if not tcp or not is_tcp_port(int(tcp["port"])):
        raise AddressError(f"{text!r} is not an address of {_described(kind)}", remedy)
    host = tcp["ipv6"] or tcp["host"]
    try:
        host = str(read_ip(host))
    except ValueError:
        if tcp["ipv6"] or re.fullmatch(r"[0-9.]+", host):
            raise AddressError(f"{host!r} is not an IP address", remedy) from None
        if kind == SMTP:
            # Mail that comes back from it is known by this address.
            raise AddressError(f"{host!r} is a name", remedy) from None
    return ScannerAddress(host, int(tcp["port"]))


def _described(kind: str) -> str:
    return "a milter" if kind == MILTER else "an SMTP filter"
