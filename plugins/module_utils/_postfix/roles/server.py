# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server behind relays, or one that faces the outside itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    LookupTable,
    access_table,
    mynetworks_pattern,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import (
    address_extension,
    listening,
    preceded,
    relay_restrictions,
    way_out,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.tls import tls_settings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import spellings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.smarthosts import (
    client_configuration,
    read_smarthosts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import ServerOption
# What Postfix takes when main.cf says nothing (postconf(5)); to add to a list one has to write it out.
_DEFAULT_DESTINATIONS = "$myhostname, localhost.$mydomain, localhost"


def server_configuration(owner: str, declared: ServerOption, former: Mapping[str, str]) -> Configuration:
    """Compile a declared mail server.

    ``declared`` has the suboptions of the module's option ``server``; ``former`` the settings that main.cf has without
    ours. Raises InvalidError.
    """
    check = OptionReader()
    fqdn = check.name("server.fqdn", declared["fqdn"])
    domains = check.names("server.domains", declared["domains"])
    accept_from = check.networks("server.accept_from", declared["accept_from"])
    smarthosts = read_smarthosts(check, "server", declared)
    tls, self_signed = tls_settings(owner, fqdn, declared, former, check, "server")
    client = client_configuration(owner, "server", declared, smarthosts, (), former, check)
    check.finish()

    tables = [*client.tables]
    settings = {
        "myhostname": fqdn,
        "smtpd_relay_restrictions": relay_restrictions(("permit_mynetworks", "permit_sasl_authenticated"), former),
        "allow_untrusted_routing": "no",
        **listening(former),
        **way_out(former, bool(smarthosts.default)),
        **address_extension(former),
        **tls,
        **client.settings,
    }
    if not {"mynetworks", "mynetworks_style"} & former.keys():
        # Old compatibility levels trust the whole subnet otherwise (COMPATIBILITY_README).
        settings["mynetworks_style"] = "host"
    if accept_from:
        clients = access_table("clients", accept_from)
        tables.append(clients)
        # People who log in to submit mail come from anywhere; their own hosts' networks are the administrator's.
        ours = f"permit_mynetworks, permit_sasl_authenticated, check_client_access {reference(owner, clients)}"
        settings["smtpd_client_restrictions"] = preceded(ours, former, "smtpd_client_restrictions")
        # XFORWARD and not XCLIENT: what may be delivered is still judged by who delivers it, a relay.
        relays = ", ".join(mynetworks_pattern(network) for network in accept_from)
        settings["smtpd_authorized_xforward_hosts"] = preceded(relays, former, "smtpd_authorized_xforward_hosts")
    if declared["local_delivery"] and domains:
        rows = tuple((spelling, "OK") for domain in domains for spelling in spellings(domain))
        destinations = LookupTable("domains", "texthash", rows)
        tables.append(destinations)
        before = former.get("mydestination", _DEFAULT_DESTINATIONS)
        settings["mydestination"] = ", ".join(filter(None, (before, reference(owner, destinations))))
    address_class = "mydestination" if declared["local_delivery"] else ""
    return Configuration(settings, tuple(tables), tuple(domains), address_class, self_signed)
