# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of variables that people declare: name, where, type, default, meaning, and how the value is read.

docs/declaration.md is generated from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....module_utils._postfix.option_values import OUTGOING
from ..software import POSTFIX, SOFTWARE
from .domains import domains, zones
from .edge import client_limits, lifetime, load_balancer, message_size, postscreen
from .endpoints import endpoints
from .readers import address, boolean, each, host_name, interface_sets, network, one_of, path, preference, text, weight
from .scanners import scanner
from .smarthosts import credential_names, sender_smarthosts, smarthosts

SERVERS = "mail_servers"
RELAYS = "mail_relays"
GATEWAYS = "mail_gateways"
FIREWALLS = "mail_firewalls"
GROUPS = (SERVERS, RELAYS, GATEWAYS, FIREWALLS)
"""Who takes part; a host may be in several."""
VANTAGES = "mail_vantages"
INSIDERS = "mail_insiders"
RETIRED = "mail_retired"
"""The group of mail hosts that a cutover's new state has no part for. They take mail until the end."""

MAIL_HOSTS = (SERVERS, RELAYS)
DEVICES = (GATEWAYS, FIREWALLS)

EVEN = 1
"""The weight of hosts that share the load evenly."""

DIRECT = "direct"
NAT = "nat"
RELAY = "relay"
TOPOLOGY_CHOICE = (
    f"{DIRECT} (it is on the internet itself), {NAT} (a device translates a public address to it) or {RELAY} (a relay "
    "takes its mail)"
)


@dataclass(frozen=True)
class Variable:
    """groups: whose hosts it is read on; read: raises Unfit; shared: must be the same on every host."""

    name: str
    groups: tuple[str, ...]
    type: str
    meaning: str
    read: Callable[[Any], Any]
    default: Any = None
    shared: bool = False


_addresses = each(address, "addresses", "[192.168.0.10, '2001:db8::10']")
_networks = each(network, "networks", "[192.0.2.0/24]")
_hosts = each(text, "inventory hosts", "[gateway]")

VARIABLES = (
    Variable(
        "mail_domains",
        GROUPS,
        "list of dictionaries",
        "The domains that mail is taken for; see below.",
        domains,
        default=(),
        shared=True,
    ),
    Variable(
        "mail_dns",
        GROUPS,
        "dictionary",
        "Named DNS endpoints, each with its `provider` and that provider's options; see below.",
        endpoints,
        default={},
        shared=True,
    ),
    Variable(
        "mail_zones",
        GROUPS,
        "list of dictionaries",
        "Zones we hold that are no mail domains of ours, as the one in which the mail exchangers of many customers' "
        "domains have their addresses; see below.",
        zones,
        default=(),
        shared=True,
    ),
    Variable(
        "mail_public_networks",
        GROUPS,
        "list of networks",
        "Networks to be treated as public although they are special-purpose (RFC 6890): for a lab on documentation "
        "addresses. Leave it out in real life.",
        _networks,
        default=(),
        shared=True,
    ),
    Variable(
        "mail_topology",
        MAIL_HOSTS,
        "`direct`, `nat` or `relay`",
        "How mail reaches the host: it is on the internet itself; a device in front of it translates a public IPv4 "
        "address; or a relay takes its mail. A relay is itself `direct` or `nat`.",
        one_of((DIRECT, NAT, RELAY), "topology", TOPOLOGY_CHOICE),
    ),
    Variable(
        "mail_fqdn",
        MAIL_HOSTS,
        "host name",
        "The name it greets with, and what an MX points to. A server behind relays may leave it out: then it is its "
        "inventory name, completed by its first domain.",
        host_name,
    ),
    Variable(
        "mail_addresses",
        (*GROUPS, VANTAGES, INSIDERS),
        "list of addresses",
        "The host's own addresses, IPv4 and IPv6, without prefix length. IPv6 is never translated: a public one of a "
        "`nat` host is what the world is led to. Of a `direct` host public ones alone: relay and servers speak over "
        "these too.",
        _addresses,
        default=(),
    ),
    Variable(
        "mail_public_addresses",
        MAIL_HOSTS,
        "list of IPv4 addresses",
        "With `nat`: the outside addresses that are forwarded to the host. Its own mail leaves from the first.",
        _addresses,
        default=(),
    ),
    Variable(
        "mail_gateway",
        MAIL_HOSTS,
        "host of `mail_gateways`",
        "With `nat`: the device that translates. Left out, Ansible does not manage it, and the plan says what to "
        "enter there.",
        text,
    ),
    Variable(
        "mail_relays",
        MAIL_HOSTS,
        "list of hosts of `mail_relays`",
        "With `relay`: the relays in front of it. Its own mail leaves through them, in this order.",
        _hosts,
        default=(),
    ),
    Variable(
        "mail_firewalls",
        MAIL_HOSTS,
        "list of hosts of `mail_firewalls` or `mail_gateways`",
        "The devices that filter on its path, besides itself if it is one. A server behind relays that names none is "
        "taken to be behind its relays' devices.",
        _hosts,
        default=(),
    ),
    Variable(
        "mail_accept_from",
        MAIL_HOSTS,
        "list of networks",
        "Who may reach port 25 from outside, as the networks of a filtering service; any host if left out.",
        _networks,
        default=(),
    ),
    Variable(
        "mail_scanner",
        (RELAYS,),
        "dictionary",
        "What scans the mail that goes through the relay; see below. The word `rspamd` alone stands for "
        "`{type: rspamd}`. Left out, nothing does.",
        scanner,
    ),
    Variable(
        "mail_preference",
        MAIL_HOSTS,
        "0 to 65535",
        "The preference of its MX; the lower ones are tried first, equal ones share the load.",
        preference,
        default=10,
    ),
    Variable(
        "mail_weight",
        MAIL_HOSTS,
        "1 to 1000",
        "Its share of new connections among `nat` hosts with one `mail_fqdn` and the same `mail_public_addresses`.",
        weight,
        default=EVEN,
    ),
    Variable(
        "mail_local_delivery",
        (SERVERS,),
        "true or false",
        "Whether the domains are added to the server's own local delivery; false where Postfix there knows its domains "
        "already.",
        boolean,
        default=True,
    ),
    Variable(
        "mail_software",
        (SERVERS,),
        "`postfix`, `exchange`, `exim` or `opensmtpd`",
        "What the server runs. One that is not Postfix is not changed by Ansible: the plan's list `manual` has the "
        "commands and files for its administrator, and verify judges the result. It has to be behind relays. A host "
        "with Exchange is never contacted.",
        one_of(SOFTWARE, "server software that is known here", "postfix, exchange, exim or opensmtpd"),
        default=POSTFIX,
    ),
    Variable(
        "mail_tls_certificate",
        MAIL_HOSTS,
        "path",
        "A PEM file on the host with its certificate for STARTTLS and those that vouch for it. Left out, what Postfix "
        "there has stays; if it has none, a self-signed one is made.",
        path,
        default="",
    ),
    Variable(
        "mail_tls_key",
        MAIL_HOSTS,
        "path",
        "The PEM file of its key, without a password; left out if it stands in the same file.",
        path,
        default="",
    ),
    Variable(
        "mail_tls_ca",
        MAIL_HOSTS,
        "path",
        "A PEM file on the host with the certificates of the authorities that it trusts where TLS is verified: with "
        "`mail_tls_verify`, and with smarthosts that are `secure`.",
        path,
        default="",
    ),
    Variable(
        "mail_tls_verify",
        MAIL_HOSTS,
        "true or false",
        "Whether the host hands mail to its relays or servers over TLS only, and only to a certificate of "
        "`mail_tls_ca` for the other's name. Set it on both sides to have both directions.",
        boolean,
        default=False,
    ),
    Variable(
        "mail_tls_required",
        (SERVERS,),
        "true or false",
        "Whether a server behind relays takes no mail in clear, neither from them nor from its own programs on port "
        "25. A host that faces the outside has to take some.",
        boolean,
        default=False,
    ),
    Variable(
        "mail_tls_outgoing",
        MAIL_HOSTS,
        "`may` or `dane`",
        "How a host that faces the outside sends: encrypted where the other side can; or with `dane` besides only to "
        "the certificate that the other side names in DNS, if it names one (RFC 7672). Its resolvers have to validate "
        "DNSSEC.",
        one_of(OUTGOING, "way to send", "may or dane"),
        default=OUTGOING[0],
    ),
    Variable(
        "mail_smarthosts",
        MAIL_HOSTS,
        "list of dictionaries",
        "Other operators' hosts that take the mail for the outside, in the order in which they are tried; see below. "
        "Left out, it goes to its MX, or as Postfix there has it.",
        smarthosts,
        default=(),
    ),
    Variable(
        "mail_sender_smarthosts",
        MAIL_HOSTS,
        "list of dictionaries",
        "Other smarthosts for the mail of some senders: `[{domain: example.org, smarthosts: [...]}]`.",
        sender_smarthosts,
        default=(),
    ),
    Variable(
        "mail_credentials",
        MAIL_HOSTS,
        "dictionary",
        "Logins at smarthosts by name: `{provider: 'username:password'}`. The plan reads the names only.",
        credential_names,
        default={},
    ),
    Variable(
        "mail_message_size",
        GROUPS,
        "bytes, or text as `50M`",
        "How large a message may be, on relays and servers alike: what one takes, the other takes too. Left out, "
        "Postfix there has its own limit.",
        message_size,
        shared=True,
    ),
    Variable(
        "mail_client_limits",
        MAIL_HOSTS,
        "dictionary",
        "How much one client may do; see below. The hosts of the plan have no limit, nor has `mail_accept_from`.",
        client_limits,
        default={},
    ),
    Variable(
        "mail_postscreen",
        MAIL_HOSTS,
        "true, false or dictionary",
        "On hosts that face the outside: whether postscreen stands before the SMTP server, and which block lists it "
        "asks; see below.",
        postscreen,
    ),
    Variable(
        "mail_hide_received",
        MAIL_HOSTS,
        "true or false",
        "Whether a host that faces the outside takes the `Received` lines of hosts inside out of mail that leaves. "
        "Mail that comes in keeps all of them.",
        boolean,
        default=False,
    ),
    Variable(
        "mail_load_balancer",
        MAIL_HOSTS,
        "dictionary",
        "A load balancer in front of the host that tells it each client's address by the PROXY protocol; see below.",
        load_balancer,
        default={},
    ),
    Variable(
        "mail_queue_lifetime",
        MAIL_HOSTS,
        "time, as `5d`",
        "How long a message may wait in the queue before it goes back to its sender. It counts for all mail on the "
        "host, in and out, but that to domains with a `queue_lifetime` of their own.",
        lifetime,
        default="",
    ),
    Variable(
        "mail_bounce_lifetime",
        MAIL_HOSTS,
        "time, as `1d`",
        "The same for bounces.",
        lifetime,
        default="",
    ),
    Variable(
        "mail_interfaces",
        DEVICES,
        "dictionary",
        "The interfaces of each side. `wan` is the side of the internet, every other set is inside: "
        "`{wan: [eth0], dmz: [eth1], lan: [eth2]}`.",
        interface_sets,
    ),
    Variable(
        "mail_restrict_egress",
        DEVICES,
        "true or false",
        "Whether the device keeps other inside hosts from sending to the outside on port 25.",
        boolean,
        default=True,
    ),
    Variable(
        "mail_inside_networks",
        GROUPS,
        "list of networks",
        "The networks inside, named in the request to close port 25 for them on a device that Ansible does not manage.",
        _networks,
        default=(),
        shared=True,
    ),
)

BY_NAME = {variable.name: variable for variable in VARIABLES}
SHARED = tuple(variable for variable in VARIABLES if variable.shared)
