# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipients a relay takes mail for, domain by domain: those of a list, those that the server knows, or all.

What is taken here and refused by the server behind comes back as a bounce, to a sender who may never have written it
(backscatter, RFC 5321, section 3.6.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import LookupTable, reference
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import (
    address_extension,
    expanded,
    list_items,
    preceded,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    CALLOUT,
    NONE,
    STATIC,
    local_part_at,
    lookup_table_problem,
    recipient_problem,
    spellings,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import RelayOption


_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")


def recipient_settings(
    owner: str, declared: RelayOption, domains: Sequence[str], former: Mapping[str, str], check: OptionReader
) -> tuple[dict[str, str], list[LookupTable]]:
    """The settings, and the tables that they name.

    declared: the module's option ``relay``; domains: the names of its domains, checked; former: what main.cf has
    without ours.
    """
    known: list[tuple[str, str]] = []
    asked: list[str] = []
    maps: list[str] = []
    for number, (domain, entry) in enumerate(zip(domains, declared["domains"])):
        recipients = entry.get("recipients") or {}
        option = f"relay.domains[{number}].recipients"
        validation = recipients.get("validation") or NONE
        addresses, tables = recipients.get("addresses") or [], recipients.get("maps") or []
        if validation != STATIC:
            # The list of the other domains must not refuse this one's.
            known += [(f"@{spelling}", "OK") for spelling in spellings(domain)]
            if addresses or tables:
                check.report(option, f"there is a list of recipients, and validation is {validation}", "Write static")
        elif not addresses and not tables:
            check.report(option, f"{domain} has no recipients at all", "Name them in addresses or maps")
        if validation == CALLOUT:
            asked.append(domain)
        if validation == STATIC:
            # Postmaster can be written to at every domain (RFC 5321, section 4.5.1).
            wanted = [f"postmaster@{domain}", *_addresses(f"{option}.addresses", addresses, domain, check)]
            local_parts = dict.fromkeys(address.rpartition("@")[0] for address in wanted)
            known += [(f"{local}@{spelling}", "OK") for spelling in spellings(domain) for local in local_parts]
            maps += _maps(f"{option}.maps", tables, check)
    settings: dict[str, str] = {}
    lookups: list[LookupTable] = []
    is_static = any((entry.get("recipients") or {}).get("validation") == STATIC for entry in declared["domains"])
    former_maps = list_items(former.get("relay_recipient_maps", ""))
    if is_static and not former_maps:
        # Our list must not refuse mail for domains that others have the host relay.
        besides = LookupTable("relayed_besides", "regexp", tuple(_all_recipients(domains, former, check)))
        if besides.entries:
            lookups.append(besides)
            maps.append(reference(owner, besides))
    if is_static or former_maps:
        table = LookupTable("relay_recipients", "texthash", tuple(known))
        lookups.append(table)
        settings["relay_recipient_maps"] = ", ".join(dict.fromkeys([reference(owner, table), *maps, *former_maps]))
    if is_static:
        settings["smtpd_reject_unlisted_recipient"] = "yes"
        settings["unknown_relay_recipient_reject_code"] = "550"
        settings.update(address_extension(former))
    elif not former_maps:
        # Which recipients there are is for the servers to say.
        settings["relay_recipient_maps"] = ""
    if asked:
        rows = ((spelling, "reject_unverified_recipient") for domain in asked for spelling in spellings(domain))
        table = LookupTable("callout_domains", "texthash", tuple(rows))
        lookups.append(table)
        settings["smtpd_recipient_restrictions"] = preceded(
            f"check_recipient_access {reference(owner, table)}", former, "smtpd_recipient_restrictions"
        )
        settings["unverified_recipient_reject_code"] = str(declared["callout_reject_code"])
        # What the server said may tell strangers of the inside of the network.
        settings["unverified_recipient_reject_reason"] = "Recipient address unknown"
    return settings, lookups


def includes_subdomains(former: Mapping[str, str]) -> bool:
    """Whether a domain in the host's relay_domains stands for all names below it too, as by Postfix's default."""
    return "relay_domains" in former.get("parent_domain_matches_subdomains", "relay_domains")


def relayed_besides(domains: Collection[str], former: Mapping[str, str]) -> list[str]:
    """What others have in ``relay_domains``, and what that included by itself.

    Names below a domain were included by parent_domain_matches_subdomains, which a relay of ours switches off; written
    with a dot before it, they are (postconf(5), relay_domains).
    """
    with_parents = includes_subdomains(former)
    found = []
    for item in list_items(former.get("relay_domains", "")):
        if item.lower() in domains:
            continue
        found.append(item)
        if with_parents and _DOMAIN.fullmatch(item):
            found.append(f".{item}")
    return found


def _all_recipients(
    domains: Collection[str], former: Mapping[str, str], check: OptionReader
) -> Iterator[tuple[str, str]]:
    """Patterns of all recipients in domains that others have the host relay (regexp_table(5)).

    A pattern, as a domain can stand for all names below it.
    """
    for written in relayed_besides(domains, former):
        for item in list_items(expanded(written, former)):
            if _DOMAIN.fullmatch(item.removeprefix(".")):
                below = ".+" if item.startswith(".") else ""
                yield f"/@{below}{re.escape(item)}$/", "OK"
            elif not item.startswith("!"):
                check.report(
                    "main.cf: relay_domains",
                    f"{item} has domains that this host relays besides, and their recipients are in no list: one for "
                    "ours alone would refuse all of theirs",
                    "Name a table of their recipients in relay_recipient_maps, one with @DOMAIN OK for all of a domain",
                )


def _addresses(option: str, addresses: Iterable[str], domain: str, check: OptionReader) -> list[str]:
    found = []
    for number, written in enumerate(addresses):
        local_part = local_part_at(domain, written)
        if problem := recipient_problem(written, domain):
            check.report(f"{option}[{number}]", *problem)
        else:
            found.append(f"{local_part}@{domain}")
    return found


def _maps(option: str, maps: Iterable[str], check: OptionReader) -> list[str]:
    found = []
    for number, table in enumerate(maps):
        if problem := lookup_table_problem(table):
            check.report(f"{option}[{number}]", *problem)
        found.append(table)
    return found
