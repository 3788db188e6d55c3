# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's options, as AnsibleModule hands them over: an option that is not given is None or missing."""

from __future__ import annotations

from typing import TypedDict


class HopOption(TypedDict, total=False):
    """An entry of ``next_hops`` or ``smarthosts``."""

    host: str | None
    address: str
    port: int
    tls: str | None
    tls_name: str | None
    credentials: str | None


class SenderOption(TypedDict):
    """An entry of ``sender_smarthosts``."""

    domain: str
    smarthosts: list[HopOption]


class RecipientsOption(TypedDict, total=False):
    """``recipients`` of a domain."""

    validation: str
    addresses: list[str]
    maps: list[str]


class DomainOption(TypedDict, total=False):
    """An entry of ``relay.domains``."""

    name: str
    next_hops: list[HopOption]
    recipients: RecipientsOption | None
    queue_lifetime: str | None


class ScannerOption(TypedDict, total=False):
    """``relay.scanner``."""

    type: str
    address: str | None
    unavailable: str


class ClientOption(TypedDict, total=False):
    """What ``relay`` and ``server`` have in common; credentials are those of the whole module."""

    fqdn: str
    accept_from: list[str]
    smarthosts: list[HopOption]
    sender_smarthosts: list[SenderOption]
    send_from: list[str]
    addresses: list[str]
    tls_ca: str | None
    tls_certificate: str | None
    tls_key: str | None
    credentials: dict[str, object]


class RelayOption(ClientOption, total=False):
    """``relay``."""

    domains: list[DomainOption]
    relay_from: list[str]
    scanner: ScannerOption | None
    callout_reject_code: int


class ServerOption(ClientOption, total=False):
    """``server``."""

    domains: list[str]
    local_delivery: bool


class ClientLimitsOption(TypedDict, total=False):
    """``edge.client_limits``."""

    connections: int | None
    connections_per_minute: int | None
    messages_per_minute: int | None
    recipients_per_minute: int | None
    exempt: list[str]


class DnsblOption(TypedDict, total=False):
    """An entry of ``edge.postscreen.dnsbl``."""

    name: str
    weight: int
    answers: str | None


class PostscreenOption(TypedDict, total=False):
    """``edge.postscreen``."""

    dnsbl: list[DnsblOption]
    dnsbl_threshold: int
    exempt: list[str]


class HideReceivedOption(TypedDict, total=False):
    """``edge.hide_received``."""

    addresses: list[str]


class EdgeOption(TypedDict, total=False):
    """``edge``."""

    message_size: int | None
    client_limits: ClientLimitsOption | None
    postscreen: PostscreenOption | None
    hide_received: HideReceivedOption | None
    proxy_port: int | None
    tls_outgoing: str | None
    tls_required: bool
    queue_lifetime: str | None
    bounce_lifetime: str | None


class PostfixOptions(TypedDict):
    """All of them."""

    name: str
    relay: RelayOption | None
    server: ServerOption | None
    edge: EdgeOption | None
    credentials: dict[str, object]
    settings: dict[str, object]
    config_directory: str
    state: str
