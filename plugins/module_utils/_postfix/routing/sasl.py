# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins at smarthosts (SASL, RFC 4954), looked up by next hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.next_hops import NextHop, one_value_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader


def logins(
    hops: Iterable[NextHop], credentials: Mapping[str, object], option: str, check: OptionReader
) -> dict[str, str]:
    """Next hop -> ``username:password``. Nothing of either is ever in a message."""
    used = {(hop.destination, hop.credentials) for hop in hops if hop.credentials}
    for destination, name in sorted(used):
        if name not in credentials:
            # Without the name: a login itself may stand there.
            what = f"the smarthost {destination} names credentials that are not in it"
            there = ", ".join(sorted(credentials)) or "none"
            check.report("credentials", what, f"Add an entry of that name, or name one of those that it has: {there}")
    for name in sorted(credentials):
        if not _is_login(credentials[name]):
            check.report(
                f"credentials.{name}",
                "this is not a username, a colon and a password without line breaks and surrounding blanks",
                "Write it as username:password",
            )
    names = one_value_each(used, f"{option}.smarthosts", "credentials", check)
    return {destination: str(credentials.get(name)) for destination, name in names.items()}


def _is_login(value: object) -> bool:
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        return False
    username, _colon, password = value.partition(":")
    return bool(username and password)
