# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where mail for the outside is handed to, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    Configuration,
    LookupTable,
    destination,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    SUBMISSIONS,
    SUBMISSIONS_PROBLEM,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.next_hops import NextHop, joined
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.sasl import logins
from ansible_collections.inbound.mail.plugins.module_utils._postfix.routing.tls_policy import (
    authority_settings,
    policies,
    read_policy,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._addresses import Address
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import (
        HopOption,
        RelayOption,
        ServerOption,
    )


def read_next_hops(check: OptionReader, option: str, hops: Iterable[HopOption]) -> list[NextHop]:
    """Next hops in the order in which they are to be tried."""
    found = []
    for number, hop in enumerate(hops):
        where = f"{option}[{number}]"
        address = parse_ip(hop["address"])
        name = check.name(f"{where}.address", hop["address"]) if address is None else ""
        port = check.port(f"{where}.port", hop["port"])
        if port == SUBMISSIONS:
            check.report(f"{where}.port", *SUBMISSIONS_PROBLEM)
        policy = read_policy(check, where, hop, name)
        found.append(NextHop(destination(name or str(address), port), policy, hop.get("credentials") or ""))
    return found


@dataclass(frozen=True)
class Smarthosts:
    """default: for all mail to the outside; by_sender: domain of the sender -> for its mail."""

    default: Sequence[NextHop]
    by_sender: Mapping[str, Sequence[NextHop]]

    def all(self) -> list[NextHop]:
        return [*self.default, *(hop for hops in self.by_sender.values() for hop in hops)]


def read_smarthosts(check: OptionReader, option: str, declared: RelayOption | ServerOption) -> Smarthosts:
    default = read_next_hops(check, f"{option}.smarthosts", declared["smarthosts"])
    entries = declared.get("sender_smarthosts") or ()
    senders = check.names(f"{option}.sender_smarthosts", (entry["domain"] for entry in entries))
    by_sender = {}
    for number, (sender, entry) in enumerate(zip(senders, entries)):
        where = f"{option}.sender_smarthosts[{number}].smarthosts"
        by_sender[sender] = read_next_hops(check, where, entry["smarthosts"])
        if not entry["smarthosts"]:
            check.report(where, f"mail from {sender} has no smarthost", "Name at least one, or leave the entry out")
    return Smarthosts(default, by_sender)


def client_configuration(
    owner: str,
    option: str,
    declared: RelayOption | ServerOption,
    smarthosts: Smarthosts,
    others: Sequence[NextHop],
    former: Mapping[str, str],
    check: OptionReader,
) -> Configuration:
    """Settings and tables of Postfix's SMTP client. others: next hops that are not smarthosts."""
    settings: dict[str, str] = {}
    tables: list[LookupTable] = []

    def consult(name: str, table: LookupTable) -> None:
        tables.append(table)
        settings[name] = preceded(reference(owner, table), former, name)

    if smarthosts.default:
        settings["relayhost"] = joined(smarthosts.default)
    if smarthosts.by_sender:
        rows = tuple((f"@{sender}", joined(hops)) for sender, hops in smarthosts.by_sender.items())
        consult("sender_dependent_relayhost_maps", LookupTable("sender_smarthosts", "texthash", rows))
    hops = [*smarthosts.all(), *others]
    entries = policies(hops, option, check)
    if entries:
        consult("smtp_tls_policy_maps", LookupTable("tls_policy", "texthash", tuple(entries.items())))
    settings.update(authority_settings(declared.get("tls_ca") or "", entries, option, check))
    passwords = logins(smarthosts.all(), declared.get("credentials") or {}, option, check)
    if passwords:
        consult("smtp_sasl_password_maps", LookupTable(PASSWORDS, "texthash", tuple(passwords.items())))
        settings["smtp_sasl_auth_enable"] = "yes"
        # Within TLS a password may go as it is; outside, Postfix's own noplaintext stays.
        settings["smtp_sasl_tls_security_options"] = "noanonymous"
    for address in _addresses(check, f"{option}.send_from", declared.get("send_from") or ()):
        settings["smtp_bind_address6" if address.version == 6 else "smtp_bind_address"] = str(address)
    return Configuration(settings, tuple(tables))


def _addresses(check: OptionReader, option: str, values: Iterable[str]) -> list[Address]:
    """One of each IP version."""
    found: dict[int, Address] = {}
    for value in values:
        address = parse_ip(value)
        if address is None:
            check.report(option, f"{value!r} is not an IP address", "Write one of the host's own addresses")
            continue
        if address.version in found:
            what = f"{found[address.version]} and {address} are of one family, and mail leaves from one address of each"
            check.report(option, what, "Leave one out")
        found[address.version] = address
    return list(found.values())
