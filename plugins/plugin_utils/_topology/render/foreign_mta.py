# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail servers that are not Postfix: what their administrators have to set, as commands and files to take over.

Ansible changes nothing on such a host. Each function returns the steps in order, as title and text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ....module_utils._addresses import Address
from ..plan import Step
from ..software import EXCHANGE, EXIM, OPENSMTPD

# Windows PowerShell takes typographic quotation marks for a single quote as well (about_Quoting_Rules).
_POWERSHELL_QUOTES = re.compile(r"(['\u2018\u2019\u201a\u201b])")
_CONNECTOR = "inbound.mail relays"


@dataclass(frozen=True)
class RelayOfServer:
    """A relay as one server sees it. addresses: those that the server can use, at least one."""

    fqdn: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class ServerBehindRelays:
    """addresses: its own; verify: whether it hands mail to its relays over verified TLS only; message_size: bytes."""

    fqdn: str
    addresses: tuple[Address, ...]
    domains: tuple[str, ...]
    relays: tuple[RelayOfServer, ...]
    verify: bool
    message_size: int | None

    def relay_addresses(self) -> list[Address]:
        return [address for relay in self.relays for address in relay.addresses]


Steps = list[Step]


def _step(title: str, lines: Iterable[str]) -> Step:
    return {"title": title, "text": "".join(f"{line}\n" for line in lines)}


# Microsoft Exchange


def powershell_string(value: str) -> str:
    """A verbatim string: nothing in it is expanded, and a quotation mark is doubled."""
    doubled = _POWERSHELL_QUOTES.sub(r"\1\1", value)
    return f"'{doubled}'"


def _powershell_list(values: Iterable[object]) -> str:
    return ",".join(powershell_string(str(value)) for value in values)


def _command(cmdlet: str, **parameters: str) -> list[str]:
    """One command over several lines; values are written as PowerShell reads them."""
    lines = [cmdlet, *(f"  -{name} {value}".rstrip() for name, value in parameters.items())]
    return [f"{line} `" for line in lines[:-1]] + lines[-1:]


def exchange(server: ServerBehindRelays) -> Steps:
    """For the Exchange Management Shell on the server itself (Exchange 2013 and later)."""
    # With TLS to a given name (TlsDomain) a connector has one name, so each relay has a connector of its own.
    groups = [[relay] for relay in server.relays] if server.verify else [list(server.relays)]
    size = {} if server.message_size is None else {"MaxMessageSize": str(server.message_size)}
    send: list[str] = []
    names = [_CONNECTOR if len(groups) == 1 else f"{_CONNECTOR}: {group[0].fqdn}" for group in groups]
    for name, group in zip(names, groups):
        more = {}
        if server.verify:
            domain = powershell_string(group[0].fqdn)
            more = {"RequireTLS": "$true", "TlsAuthLevel": "DomainValidation", "TlsDomain": domain}
        send += _command(
            "New-SendConnector",
            Name=powershell_string(name),
            Custom="",
            AddressSpaces=powershell_string("SMTP:*;1"),
            SourceTransportServers="$env:COMPUTERNAME",
            DNSRoutingEnabled="$false",
            SmartHosts=_powershell_list(_preferred(address for relay in group for address in relay.addresses)),
            SmartHostAuthMechanism="None",
            **more,
            **size,
        )
    receive = _command(
        "New-ReceiveConnector",
        Name=powershell_string(_CONNECTOR),
        Server="$env:COMPUTERNAME",
        TransportRole="FrontendTransport",
        Custom="",
        Bindings=_powershell_list(["0.0.0.0:25", "[::]:25"]),
        RemoteIPRanges=_powershell_list(server.relay_addresses()),
        PermissionGroups="AnonymousUsers",
        AuthMechanism="Tls",
        **size,
    )
    default = '"$env:COMPUTERNAME\\Default Frontend $env:COMPUTERNAME"'
    # Besides AnonymousUsers, what Exchange's setup gives to this connector; people log in on port 587.
    servers = ["ExchangeServers", "ExchangeLegacyServers"]
    return [
        _step("Exchange Management Shell: send everything for the outside through the relays", send),
        _step("Exchange Management Shell: take mail from the relays, for the accepted domains only", receive),
        _step(
            "Exchange Management Shell: take mail from Exchange servers alone; note what the first command "
            "says, and keep ExchangeUsers if it is there and people log in on port 25",
            [
                f"Get-ReceiveConnector -Identity {default} | Format-List -Property 'PermissionGroups'",
                *_command("Set-ReceiveConnector", Identity=default, PermissionGroups=_powershell_list(servers)),
            ],
        ),
        *_exchange_limits(server.message_size),
        _step(
            "Exchange Management Shell: to undo it, with the permission groups that were there",
            [
                *_command(
                    "Set-ReceiveConnector",
                    Identity=default,
                    PermissionGroups=_powershell_list(["AnonymousUsers", *servers]),
                ),
                f'Remove-ReceiveConnector -Identity "$env:COMPUTERNAME\\{_CONNECTOR}" -Confirm:$false',
                *[f"Remove-SendConnector -Identity {powershell_string(name)} -Confirm:$false" for name in names],
            ],
        ),
    ]


def _exchange_limits(message_size: int | None) -> Steps:
    """A connector takes no larger messages than the organisation does (Set-TransportConfig)."""
    if message_size is None:
        return []
    size = str(message_size)
    return [
        _step(
            "Exchange Management Shell: size limits of the organisation; note what the first command says",
            [
                "Get-TransportConfig | Format-List -Property 'MaxReceiveSize','MaxSendSize'",
                *_command("Set-TransportConfig", MaxReceiveSize=size, MaxSendSize=size),
            ],
        )
    ]


def _preferred(addresses: Iterable[Address]) -> Sequence[Address]:
    """The IPv4 ones, if there are any."""
    found = list(addresses)
    return [address for address in found if address.version == 4] or found


# Exim, as Debian packs it


def exim(server: ServerBehindRelays) -> Steps:
    """update-exim4.conf(8); host lists are those of Exim's specification, chapter 10, with `;` between the items."""
    allowed = " ; ".join(f"!{address}" for address in ("127.0.0.1", "::1", *server.relay_addresses()))
    # In a list with colons between the items, a colon of an IPv6 address is doubled.
    smarthosts = ":".join(str(address).replace(":", "::") for address in server.relay_addresses())
    return [
        _step("Keep what is there", ["cp -a /etc/exim4 /etc/exim4.before"]),
        _step(
            "/etc/exim4/update-exim4.conf.conf",
            [
                "dc_eximconfig_configtype='smarthost'",
                f"dc_other_hostnames='{':'.join([*server.domains, server.fqdn])}'",
                "dc_local_interfaces=''",
                "dc_readhost=''",
                "dc_relay_domains=''",
                "dc_relay_nets=''",
                f"dc_smarthost='{smarthosts}'",
                "dc_minimaldns='false'",
                "dc_use_split_config='false'",
                "dc_hide_mailname='false'",
                "dc_mailname_in_oh='true'",
                "dc_localdelivery='mail_spool'",
                "CFILEMODE='644'",
            ],
        ),
        _step(
            "/etc/exim4/exim4.conf.localmacros",
            [
                f"MAIN_HARDCODE_PRIMARY_HOSTNAME = {server.fqdn}",
                "# The relays alone.",
                f"host_reject_connection = <; {allowed} ; *",
                *([] if server.message_size is None else [f"MESSAGE_SIZE_LIMIT = {server.message_size}"]),
            ],
        ),
        _step("Then run", ["update-exim4.conf && systemctl restart exim4"]),
        _step(
            "To undo it",
            ["rm -r /etc/exim4 && mv /etc/exim4.before /etc/exim4 && update-exim4.conf && systemctl restart exim4"],
        ),
    ]


# OpenSMTPD


def opensmtpd(server: ServerBehindRelays) -> Steps:
    """smtpd.conf(5)."""

    def table(name: str, values: Iterable[str]) -> str:
        return f"table {name} {{ {', '.join(values)} }}"

    smarthosts = [
        f"smtp://{address if address.version == 4 else f'[{address}]'}" for address in server.relay_addresses()
    ]
    hostname = f'hostname "{server.fqdn}"'
    return [
        _step("Keep what is there", ["cp -a /etc/smtpd.conf /etc/smtpd.conf.before"]),
        _step(
            "/etc/smtpd.conf",
            [
                *([] if server.message_size is None else [f"smtp max-message-size {server.message_size}"]),
                "table aliases file:/etc/aliases",
                table("domains", [f'"{domain}"' for domain in server.domains]),
                table("relays", [str(address) for address in server.relay_addresses()]),
                table("smarthosts", [f'"{url}"' for url in smarthosts]),
                "listen on localhost",
                *[f"listen on {address} {hostname}" for address in server.addresses],
                'action "mailboxes" mbox alias <aliases>',
                f'action "outside" relay host <smarthosts> helo "{server.fqdn}"',
                "# From the relays alone.",
                'match from src <relays> for domain <domains> action "mailboxes"',
                'match from local for domain <domains> action "mailboxes"',
                'match from local for local action "mailboxes"',
                'match from local for any action "outside"',
            ],
        ),
        _step("Then run", ["smtpd -n && systemctl restart opensmtpd"]),
        _step("To undo it", ["mv /etc/smtpd.conf.before /etc/smtpd.conf && systemctl restart opensmtpd"]),
    ]


RENDERERS: dict[str, Callable[[ServerBehindRelays], Steps]] = {
    EXCHANGE: exchange,
    EXIM: exim,
    OPENSMTPD: opensmtpd,
}
"""Software -> its steps."""
