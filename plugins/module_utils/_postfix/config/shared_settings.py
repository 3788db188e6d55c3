# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that relay and server have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Postfix's own value without relay_domains: with it, a relay for example.org would take mail for every name below
# example.org, which was not declared (postconf(5), parent_domain_matches_subdomains).
PARENT_DOMAIN_MATCHES_WITHOUT_RELAY_DOMAINS = (
    "debug_peer_list, fast_flush_domains, mynetworks, permit_mx_backup_networks, qmqpd_authorized_clients, "
    "smtpd_access_maps"
)
# Names that lead to the loopback interface on any host, besides its addresses.
_LOOPBACK_NAMES = ("loopback-only", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
# Restrictions that let clients relay and are written with what they look them up in (postconf(5)).
_WITH_ARGUMENT = ("check_", "permit_dnswl_client", "permit_rhswl_client")
_ITEM = re.compile(r"(?:[^\s,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")


def list_items(value: str) -> list[str]:
    """The items of a list setting; they are separated by commas, white space or both, but not within braces."""
    return _ITEM.findall(value)


def listening(former: Mapping[str, str]) -> dict[str, str]:
    """Listen on every interface where Postfix listens to itself only; an administrator's own choice stays."""
    if all(map(_is_loopback, list_items(former.get("inet_interfaces", "all")))):
        return {"inet_interfaces": "all"}
    return {}


def way_out(former: Mapping[str, str], smarthosts: bool) -> dict[str, str]:
    """Let mail for the outside leave as declared, where the host says otherwise (postconf(5), default_transport).

    Debian's 'Local only' has ``default_transport = error``, which returns all of it. A next hop there outranks
    ``relayhost``, so it cannot stay beside declared smarthosts. TLS from the first byte (``smtp_tls_wrappermode``) is
    what port 465 of one smarthost wants, and no other host understands it.
    """
    settings = {}
    transport, _colon, next_hop = former.get("default_transport", "").partition(":")
    if transport.strip() in ("error", "discard", "retry") or (next_hop.strip() and smarthosts):
        settings["default_transport"] = "smtp"
    if former.get("smtp_tls_wrappermode") == "yes" and (smarthosts or not former.get("relayhost")):
        settings["smtp_tls_wrappermode"] = "no"
    return settings


def address_extension(former: Mapping[str, str]) -> dict[str, str]:
    """Take ``info+tag`` where ``info`` is taken (RFC 5233 calls it a detailed address).

    Debian's installer sets this delimiter; Postfix by itself has none. One that the host has besides stays.
    """
    delimiters = former.get("recipient_delimiter", "")
    return {} if "+" in delimiters else {"recipient_delimiter": f"+{delimiters}"}


def expanded(item: str, *settings: Mapping[str, str]) -> str:
    """An item in which references are replaced by values; the first mapping that has the name counts."""

    def value(match: re.Match[str]) -> str:
        name = next(filter(None, match.groups()))
        return next((one[name] for one in settings if name in one), match[0])

    return _REFERENCE.sub(value, item)


def relay_restrictions(ours: Sequence[str], former: Mapping[str, str]) -> str:
    """``smtpd_relay_restrictions``: ours, whom others let relay besides, and for all other clients our domains alone.

    Whether that leaves an open relay is asked of the running Postfix.
    """
    besides = []
    logs_in = former.get("smtpd_sasl_auth_enable") == "yes"
    without = ours if logs_in else (*ours, "permit_sasl_authenticated")
    classes = list_items(former.get("smtpd_restriction_classes", ""))
    items = iter(list_items(expanded(former.get("smtpd_relay_restrictions", ""), former)))
    for item in items:
        if item == "warn_if_reject":
            next(items, None)  # It is meant for the item after it, and would disarm ours.
        elif item.startswith(_WITH_ARGUMENT):
            besides.append(f"{item} {next(items, '')}")
        elif (item.startswith("permit_") and item not in without) or item in classes:
            besides.append(item)
    return ", ".join([*ours, *besides, "reject_unauth_destination"])


def _is_loopback(item: str) -> bool:
    address = parse_ip(item.strip("[]"))
    return address.is_loopback if address else item in _LOOPBACK_NAMES


def preceded(ours: str, former: Mapping[str, str], name: str) -> str:
    """A list setting with ours first and what the host has there after it."""
    return ", ".join(filter(None, (ours, former.get(name, ""))))
