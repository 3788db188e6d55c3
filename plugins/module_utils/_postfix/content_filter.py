# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content filters of the host (FILTER_README): all mail that is taken goes there first, and waits if it cannot."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service

_PARAMETER = "content_filter"
_NEXT_HOP = re.compile(r"(?:inet:)?\[?(?P<host>[^\s\[\]]+?)\]?(?::(?P<port>[0-9]+))?")
_SECONDS = 5


def content_filter_problems(settings: Mapping[str, str], services: Mapping[str, Service]) -> Iterator[Problem]:
    """Of filters that the mail of port 25 goes to: one without a transport, and one on this host that does not answer.

    settings: of main.cf; services: of master.cf.
    """
    transports = {service.name: service.program for service in services.values() if service.type == "unix"}
    for place, value in _filters(settings, services):
        transport, _colon, next_hop = value.partition(":")
        if "$" in value:
            continue
        reason = ""
        if transport not in transports:
            reason = f"master.cf has no service {transport}"
        elif transports[transport] in ("smtp", "lmtp"):
            reason = _unanswered(next_hop)
        if reason:
            remedy = "Start the filter, correct the value, or take it out"
            yield Problem(place, f"all mail would wait for the filter {value}: {reason}", remedy)


def _filters(settings: Mapping[str, str], services: Mapping[str, Service]) -> Iterator[tuple[str, str]]:
    """Where each filter is set, and its value."""
    servers = [
        service
        for service in services.values()
        if service.program == "smtpd" and (service.is_port_25 or service.type == "pass")
    ]
    own = {service.key: service.option(_PARAMETER) for service in servers}
    if settings.get(_PARAMETER) and not all(f"{_PARAMETER}=" in service.command for service in servers):
        yield f"main.cf: {_PARAMETER}", settings[_PARAMETER]
    yield from ((f"master.cf: {key}", value) for key, value in own.items() if value)


def _unanswered(next_hop: str) -> str:
    """Why a next hop on this host does not answer; nothing for one elsewhere, which may be away for a moment."""
    match = _NEXT_HOP.fullmatch(next_hop)
    if not match:
        return ""
    address = parse_ip(match["host"])
    if not (address.is_loopback if address else match["host"] == "localhost"):
        return ""
    try:
        with socket.create_connection((match["host"], int(match["port"] or 25)), _SECONDS):
            return ""
    except OSError as error:
        return f"{error.strerror or error}"
