# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each next hop has to prove before mail is handed to it (smtp_tls_policy_maps, postconf(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    ENCRYPTED,
    OPPORTUNISTIC,
    VERIFIED,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.next_hops import NextHop, one_value_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import HopOption


def read_policy(check: OptionReader, option: str, hop: HopOption, name: str) -> str:
    """The entry for one next hop, nothing where TLS is opportunistic. name: its host name, empty for an address."""
    credentials = hop.get("credentials")
    # A login shows the password to the server, so the channel has to be encrypted at least.
    level = hop.get("tls") or (ENCRYPTED if credentials else OPPORTUNISTIC)
    if credentials and level == OPPORTUNISTIC:
        check.report(f"{option}.tls", "the password would be sent in cleartext", f"Write {ENCRYPTED} or {VERIFIED}")
    if level != VERIFIED:
        return "" if level == OPPORTUNISTIC else level
    declared = hop.get("tls_name")
    certified = check.name(f"{option}.tls_name", declared) if declared else name
    if not certified:
        check.report(f"{option}.tls_name", "a certificate is for a name, and there is none", "Write the name in it")
    return f"{VERIFIED} match={certified}"


def policies(hops: Iterable[NextHop], option: str, check: OptionReader) -> dict[str, str]:
    """Next hop -> its entry, of those that have one."""
    found = one_value_each({(hop.destination, hop.policy) for hop in hops}, f"{option}.smarthosts", "tls", check)
    return {destination: policy for destination, policy in found.items() if policy}


def authority_settings(authority: str, entries: dict[str, str], option: str, check: OptionReader) -> dict[str, str]:
    """Which CAs certificates of next hops are verified against. authority: a PEM file, or nothing."""
    check.path(f"{option}.tls_ca", authority)
    if authority:
        # These alone: with the system's directory beside it, any public CA could certify the name.
        return {"smtp_tls_CAfile": authority, "smtp_tls_CApath": ""}
    verified = [destination for destination, policy in entries.items() if policy.startswith(VERIFIED)]
    if verified:
        check.report(
            f"{option}.tls_ca",
            f"there is no trusted CA for the certificate of {', '.join(verified)}",
            "Write the path of a PEM file with the CAs' certificates, as /etc/ssl/certs/ca-certificates.crt",
        )
    return {}
