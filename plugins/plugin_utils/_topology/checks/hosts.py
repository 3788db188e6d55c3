# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's own variables say that cannot be, or that is of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....module_utils._addresses import SHARED_ADDRESS_SPACE, special_purpose
from ....module_utils._postfix.option_values import VERIFIED
from ..declaration.variables import DIRECT, FIREWALLS, GATEWAYS, NAT, RELAY, RELAYS, SERVERS, TOPOLOGY_CHOICE
from ..software import EXCHANGE, POSTFIX
from .edge import check_edge

if TYPE_CHECKING:
    from ....module_utils._addresses import Address
    from ..declaration.model import Host, Shared
    from ..problems import Report


def _need(host: Host, variable: str, value: object, report: Report, message: str, remedy: str) -> None:
    """An error if a variable has no value, unless one that cannot be read was reported already."""
    if not value and not report.concerns(host.name, variable):
        report.error(host.name, variable, message, remedy)


def check_host(host: Host, shared: Shared, report: Report) -> None:
    """What can be said of a host without looking at another."""
    if host.groups & {SERVERS, RELAYS}:
        _check_mail_host(host, shared, report)
    if host.groups & {GATEWAYS, FIREWALLS}:
        what = f"the {'gateway' if GATEWAYS in host.groups else 'firewall'} has no interfaces"
        remedy = "Write the interfaces of each side, as {wan: [eth0], lan: [eth1]}"
        _need(host, "mail_interfaces", host.interface_sets, report, what, remedy)


def _check_mail_host(host: Host, shared: Shared, report: Report) -> None:
    if host.tls_key:
        what = "is not set, but mail_tls_key is"
        remedy = "Write the path of the key's certificate, or leave mail_tls_key out"
        _need(host, "mail_tls_certificate", host.tls_certificate, report, what, remedy)
    _check_smarthosts(host, report)
    if host.software != POSTFIX:
        _check_other_software(host, report)
    _need(host, "mail_topology", host.topology, report, "is not set", f"Write {TOPOLOGY_CHOICE}")
    addresses = "Write the host's own addresses, as [192.168.0.10]"
    _need(host, "mail_addresses", host.addresses, report, "is not set", addresses)
    check_edge(host, report)
    if host.is_front_end:
        what = "is not set, and no MX can point to the host"
        _need(host, "mail_fqdn", host.fqdn, report, what, "Write its public name, as mail.example.org")
    if host.topology == DIRECT:
        _check_direct(host, shared, report)
    elif host.topology == NAT:
        _check_nat(host, shared, report)
    elif host.topology == RELAY:
        _check_behind_relay(host, report)
    _warn_of_what_is_for_another_topology(host, report)


def _warn_of_what_is_for_another_topology(host: Host, report: Report) -> None:
    for variable, value, topology in (
        ("mail_public_addresses", host.public_addresses, NAT),
        ("mail_gateway", host.gateway, NAT),
        ("mail_relays", host.relays, RELAY),
    ):
        if value and host.topology not in (None, topology):
            what = f"is not used: it is for mail_topology: {topology}, and the host is {host.topology}"
            report.warning(host.name, variable, what, f"Take it out, or write mail_topology: {topology}")


def _check_other_software(host: Host, report: Report) -> None:
    if host.topology in (DIRECT, NAT):
        what = f"is {host.software}, and only a server behind relays can be anything but {POSTFIX}"
        report.error(host.name, "mail_software", what, "Put a relay in front of it, and write mail_topology: relay")
    if host.tls_verify and host.software != EXCHANGE:
        what = f"is not among the settings that the plan has for {host.software}"
        report.warning(
            host.name, "mail_tls_verify", what, "Set it up there yourself; the relay's side is not concerned"
        )


def _check_smarthosts(host: Host, report: Report) -> None:
    lists = {"mail_smarthosts": list(host.smarthosts)}
    lists["mail_sender_smarthosts"] = [hop for entry in host.sender_smarthosts for hop in entry.smarthosts]
    for variable, hops in lists.items():
        for hop in hops:
            missing = hop.credentials and hop.credentials not in host.credentials
            if missing and not report.concerns(host.name, "mail_credentials"):
                # Without the name: a login itself may stand there.
                what = f"{hop.address}: its credentials are the name of an entry that is not in mail_credentials"
                report.error(host.name, variable, what, "Add an entry of that name there: 'username:password'")
        if hops and host.topology == RELAY:
            what = "is set, but a server behind relays sends through them"
            report.error(host.name, variable, what, "Set it on the relays")
    verifies = host.tls_verify or any(hop.tls == VERIFIED for hops in lists.values() for hop in hops)
    if verifies:
        what = "is not set, so no CA is trusted for the certificate"
        remedy = "Write the path of a PEM file on the host, as /etc/ssl/certs/ca-certificates.crt"
        _need(host, "mail_tls_ca", host.tls_ca, report, what, remedy)


def _check_direct(host: Host, shared: Shared, report: Report) -> None:
    for address in host.addresses:
        meaning = special_purpose(address, shared.public_networks)
        if meaning is None:
            continue
        remedy = (
            f"Take {address} out if the host has a public address too, by which hosts inside reach it as well; behind "
            "a device that translates write mail_topology: nat"
        )
        report.error(
            host.name,
            "mail_addresses",
            f"{address} is {meaning}, and a direct host is reached by its own addresses",
            _or_elsewhere(address, remedy),
        )


def _or_elsewhere(address: Address, remedy: str) -> str:
    if address not in SHARED_ADDRESS_SPACE:
        return remedy
    return (
        "Behind a provider's carrier-grade NAT the internet cannot reach the host. Use a relay elsewhere: put a host "
        "with a public address into mail_relays and write mail_topology: relay here; or ask the provider for a public "
        "address"
    )


def _check_nat(host: Host, shared: Shared, report: Report) -> None:
    def error(variable: str, message: str, remedy: str) -> None:
        report.error(host.name, variable, message, remedy)

    outside = "Write the device's outside IPv4 addresses that are forwarded to the host, as [192.0.2.1]"
    what = "is not set, and hosts outside cannot reach a host behind NAT without"
    _need(host, "mail_public_addresses", host.public_addresses, report, what, outside)
    for address in host.public_addresses:
        meaning = special_purpose(address, shared.public_networks)
        if address.version == 6:
            error(
                "mail_public_addresses",
                f"{address} is IPv6, which is never translated",
                "Name it in mail_addresses if it is the host's own, otherwise take it out",
            )
        elif address in host.addresses:
            error(
                "mail_public_addresses",
                f"{address} is the host's own address",
                "Write mail_topology: direct: nothing is translated",
            )
        elif meaning is not None:
            error(
                "mail_public_addresses",
                f"{address} is {meaning}, and hosts outside cannot reach it",
                _or_elsewhere(address, outside),
            )
    if host.addresses and not host.own(4):
        error(
            "mail_addresses",
            "has no IPv4 address, and only IPv4 is translated",
            "Add the IPv4 address that the device forwards to; for a host with IPv6 alone write mail_topology: direct",
        )
    if host.gateway == host.name:
        error(
            "mail_gateway",
            "the host is named as its own gateway",
            "Write mail_topology: direct: it has the public address itself",
        )


def _check_behind_relay(host: Host, report: Report) -> None:
    if RELAYS in host.groups:
        report.error(
            host.name,
            "mail_topology",
            "a relay is not itself behind a relay",
            "Write direct or nat, as mail from outside reaches it",
        )
    else:
        remedy = "Write the relays in front of the server, as [relay]; they are hosts of the group mail_relays"
        _need(host, "mail_relays", host.relays, report, "is not set", remedy)
    if host.accept_from:
        report.warning(
            host.name,
            "mail_accept_from",
            "is not used: only its relays reach a server behind relays",
            "Set it on the relays",
        )
