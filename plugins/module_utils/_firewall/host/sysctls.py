# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sysctls that make a host route, in a file of our own that also remembers what was there before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._host.commands import HostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYSCTL_FILE = Path("/etc/sysctl.d/60-inbound-mail.conf")
FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}

_HEADER = "# Written by Ansible (inbound.mail.firewall): a change here is overwritten.\n"
_ENTRY = re.compile(r"# (?P<key>\S+) was (?P<before>\S+); needed by: (?P<users>.+)\n(?P=key) = (?P<value>\S+)\n")


@dataclass(frozen=True)
class Setting:
    """A sysctl: its value, the one it had before us, and the tables that need it."""

    value: str
    before: str
    users: frozenset[str]


def accept_ra(interface: str) -> str:
    """The sysctl that says whether an interface takes router advertisements (2: also when the host routes).

    With slashes, as a name of an interface may have dots in it (sysctl.d(5)).
    """
    return f"net/ipv6/conf/{interface}/accept_ra"


def path(key: str) -> str:
    """Where the kernel shows the sysctl."""
    return "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))


def live(keys: Iterable[str]) -> dict[str, str]:
    """The values in the kernel of those that it has."""
    found = {}
    for key in keys:
        where = Path(path(key))
        if where.exists():
            found[key] = where.read_text().strip()
    return found


def set_live(key: str, value: str) -> None:
    """Set the value in the kernel. Raises HostError."""
    try:
        Path(path(key)).write_text(value)
    except OSError as error:
        message = f"cannot set {key} to {value}: {error.strerror}. A container may lack the right to do so"
        raise HostError(message) from error


def parse(text: str) -> dict[str, Setting]:
    """Sysctl -> what the file says of it."""
    return {
        match["key"]: Setting(match["value"], match["before"], frozenset(match["users"].split()))
        for match in _ENTRY.finditer(text)
    }


def text(settings: Mapping[str, Setting]) -> str:
    """The file; empty if no table needs anything."""
    if not settings:
        return ""
    return _HEADER + "".join(
        f"# {key} was {one.before}; needed by: {' '.join(sorted(one.users))}\n{key} = {one.value}\n"
        for key, one in sorted(settings.items())
    )


def with_needs(
    settings: Mapping[str, Setting], user: str, needs: Mapping[str, str], live: Mapping[str, str]
) -> dict[str, Setting]:
    """The settings when a table needs exactly those sysctls; ``live`` are the values in the kernel now."""
    found = {}
    for key in {*settings, *needs}:
        former = settings.get(key)
        users = (former.users if former else frozenset()) - {user}
        if key in needs:
            users |= {user}
        if users:
            before = former.before if former else live.get(key, "0")
            value = former.value if former else needs[key]
            found[key] = Setting(value, before, users)
    return found


def needs(
    families: Iterable[int], user: str, settings: Mapping[str, Setting], live: Mapping[str, str], ra: Iterable[str]
) -> dict[str, str]:
    """The sysctls that a table needs to have those IP versions routed.

    A host that begins to route IPv6 stops to take router advertisements, and with them loses its default route, unless
    the interface says otherwise. ``ra`` names the interfaces that have a route from one now.
    """
    found = {FORWARDING[family]: "1" for family in families}
    if FORWARDING[6] in found:
        found.update({key: one.value for key, one in settings.items() if user in one.users and key not in found})
        if live.get(FORWARDING[6]) == "0":
            found.update({accept_ra(interface): "2" for interface in ra if live.get(accept_ra(interface)) == "1"})
    return found
