# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay: takes mail for its domains from the outside, hands it to their servers, and rejects all other mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    LOOPBACK,
    Configuration,
    Former,
    LookupTable,
    access_table,
    mynetworks_pattern,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import (
    PARENT_DOMAIN_MATCHES_WITHOUT_RELAY_DOMAINS,
    expanded,
    list_items,
    listening,
    preceded,
    relay_restrictions,
    way_out,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.scanning import scanning_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import tls_settings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import spellings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.internal_transport import (
    TRANSPORT,
    internal_services,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.recipients import (
    includes_subdomains,
    recipient_settings,
    relayed_besides,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.next_hops import joined
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.smarthosts import (
    client_configuration,
    read_next_hops,
    read_smarthosts,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Network
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import RelayOption

# Their logs then name the client of a message, and not only the relay that handed it over. Servers outside are not
# told: of mail that leaves, the client is a host inside.
_TOLD_TO_SERVERS = {"smtp_send_xforward_command": "yes"}
# Other transports may begin TLS with the first byte; port 25 of a server does not.
_STARTTLS = {"smtp_tls_wrappermode": "no"}


def relay_configuration(owner: str, declared: RelayOption, before: Former) -> Configuration:
    """Compile a declared relay.

    ``declared`` has the suboptions of the module's option ``relay``. Raises InvalidError.
    """
    check = OptionReader()
    former = before.settings
    fqdn = check.name("relay.fqdn", declared["fqdn"])
    domains = check.names("relay.domains", (domain["name"] for domain in declared["domains"]))
    next_hops = [
        read_next_hops(check, f"relay.domains[{number}].next_hops", domain["next_hops"])
        for number, domain in enumerate(declared["domains"])
    ]
    relay_from = check.trusted_networks("relay.relay_from", declared["relay_from"])
    accept_from = check.networks("relay.accept_from", declared["accept_from"])
    smarthosts = read_smarthosts(check, "relay", declared)
    outside = {hop.destination for hop in smarthosts.all()}
    for number, (domain, hops) in enumerate(zip(domains, next_hops)):
        if not declared["domains"][number]["next_hops"]:
            check.report(
                f"relay.domains[{number}].next_hops", f"{domain} has no server to hand its mail to", "Name at least one"
            )
        for hop in sorted({hop.destination for hop in hops} & outside):
            check.report(
                "relay.smarthosts",
                f"{hop} is also where mail for {domain} is handed to, so mail could loop",
                "Name a smarthost that delivers to the outside itself",
            )
    tls, self_signed = tls_settings(owner, fqdn, declared, former, check, "relay")
    servers = [hop for hops in next_hops for hop in hops]
    client = client_configuration(owner, "relay", declared, smarthosts, servers, former, check)
    recipients, recipient_tables = recipient_settings(owner, declared, domains, former, check)
    scanning = scanning_of(owner, declared, former, check)
    if "mynetworks" not in former and former.get("mynetworks_style", "host") != "host":
        style = former["mynetworks_style"]
        what = (
            f"clients of whole networks may relay by 'mynetworks_style = {style}', which mynetworks takes the place of"
        )
        check.report("main.cf: mynetworks_style", what, "Write in mynetworks which of them may, or take the line out")
    services = internal_services(
        {**_TOLD_TO_SERVERS, **(_STARTTLS if former.get("smtp_tls_wrappermode") == "yes" else {})},
        before.services,
        check,
    )
    check.finish()

    spelled = [(spelling, hops) for domain, hops in zip(domains, next_hops) for spelling in spellings(domain)]
    domain_table = LookupTable("relay_domains", "texthash", tuple((spelling, "OK") for spelling, _hops in spelled))
    transport = LookupTable(
        "transport",
        "texthash",
        tuple((spelling, f"{TRANSPORT}:{joined(hops)}") for spelling, hops in spelled),
    )
    tables = [domain_table, transport, *recipient_tables, *client.tables, *scanning.tables]
    trusted = [*relay_from, *scanning.trusted]
    settings = {
        "myhostname": fqdn,
        "myorigin": "$myhostname",
        "mydestination": _own_destinations(fqdn, domains, former),
        "mynetworks": _trusted_networks((*LOOPBACK, *trusted), former),
        "relay_domains": ", ".join([reference(owner, domain_table), *relayed_besides(domains, former)]),
        **_names_below(former),
        "transport_maps": preceded(reference(owner, transport), former, "transport_maps"),
        "smtpd_relay_restrictions": relay_restrictions(("permit_mynetworks",), former),
        "allow_untrusted_routing": "no",
        **recipients,
        **listening(former),
        **way_out(former, bool(smarthosts.default)),
        **tls,
        **client.settings,
        **scanning.settings,
    }
    if accept_from:
        clients = access_table("clients", [*trusted, *accept_from])
        tables.append(clients)
        settings["smtpd_client_restrictions"] = preceded(
            f"check_client_access {reference(owner, clients)}", former, "smtpd_client_restrictions"
        )
    return Configuration(settings, tuple(tables), tuple(domains), "relay_domains", self_signed, services)


def _own_destinations(fqdn: str, domains: Collection[str], former: Mapping[str, str]) -> str:
    """``mydestination``: what the host takes mail for itself.

    Its own name keeps postmaster (RFC 5321, section 4.5.1) and the mail of cron; a domain that is relayed must not be
    delivered here although the host bears its name. What others have there stays.
    """
    items = ["localhost"] if fqdn in domains else ["$myhostname", "localhost"]
    own = {"myhostname": fqdn, "myorigin": fqdn}
    parent = {"mydomain": fqdn.partition(".")[2]}
    for item in list_items(former.get("mydestination", "")):
        if item not in items and expanded(item, own, former, parent).lower() not in domains:
            items.append(item)
    return ", ".join(items)


def _names_below(former: Mapping[str, str]) -> dict[str, str]:
    """Names below our domains were not declared; those below domains in tables of others can be told by no list."""
    in_tables = any(":" in item or item.startswith("/") for item in list_items(former.get("relay_domains", "")))
    if in_tables and includes_subdomains(former):
        return {}
    return {"parent_domain_matches_subdomains": PARENT_DOMAIN_MATCHES_WITHOUT_RELAY_DOMAINS}


def _trusted_networks(ours: Sequence[Network], former: Mapping[str, str]) -> str:
    """``mynetworks``: those whose clients may relay, ours and then what others have there besides."""
    items = [mynetworks_pattern(network) for network in ours]
    written = {item.replace("[", "").replace("]", "") for item in items}
    items += [
        item
        for item in list_items(former.get("mynetworks", ""))
        if item.replace("[", "").replace("]", "") not in written
    ]
    return ", ".join(items)
