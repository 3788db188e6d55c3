# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where mail is handed to, in which order, what each next hop has to prove, and as whom we log in there.

Everything here is a lookup by next hop as it is written in a transport: ``[address]:port`` (transport(5)).
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    PASSWORDS,
    Configuration,
    Table,
    destination,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    ENCRYPTED,
    OPPORTUNISTIC,
    SUBMISSIONS,
    SUBMISSIONS_PROBLEM,
    VERIFIED,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Checker


@dataclass(frozen=True)
class NextHop:
    """destination: ``[address]:port``; policy: its smtp_tls_policy_maps entry or nothing; credentials: their name."""

    destination: str
    policy: str
    credentials: str


def read_next_hops(check: Checker, option: str, hops: Iterable[Mapping[str, Any]]) -> list[NextHop]:
    """Hops as the module's suboptions -> next hops in the order in which they are to be tried."""
    found = []
    for number, hop in enumerate(hops):
        where = f"{option}[{number}]"
        try:
            host = str(ipaddress.ip_address(hop["address"]))
            name = ""
        except ValueError:
            host = name = check.name(f"{where}.address", hop["address"])
        if not 1 <= hop["port"] <= 65535:
            check.report(f"{where}.port", f"{hop['port']} is no TCP port", "Write one of 1 to 65535")
        if hop["port"] == SUBMISSIONS:
            check.report(f"{where}.port", *SUBMISSIONS_PROBLEM)
        credentials = hop.get("credentials") or ""
        # Whoever logs in shows the password to the other side, so nothing less than an encrypted channel will do.
        level = hop.get("tls") or (ENCRYPTED if credentials else OPPORTUNISTIC)
        if credentials and level == OPPORTUNISTIC:
            check.report(
                f"{where}.tls", "a password would go over the wire in clear", f"Write {ENCRYPTED} or {VERIFIED}"
            )
        policy = "" if level == OPPORTUNISTIC else level
        if level == VERIFIED:
            name = check.name(f"{where}.tls_name", hop["tls_name"]) if hop.get("tls_name") else name
            if not name:
                check.report(
                    f"{where}.tls_name", "a certificate is for a name, and there is none", "Write the name in it"
                )
            policy = f"{VERIFIED} match={name}"
        found.append(NextHop(destination(host, hop["port"]), policy, credentials))
    return found


def joined(hops: Iterable[NextHop]) -> str:
    """Next hops as Postfix tries them one after the other (postconf(5), relayhost; since 3.5)."""
    return ", ".join(hop.destination for hop in hops)


@dataclass(frozen=True)
class Smarthosts:
    """default: for all mail to the outside; by_sender: domain of the sender -> for its mail."""

    default: Sequence[NextHop]
    by_sender: Mapping[str, Sequence[NextHop]]

    def all(self) -> list[NextHop]:
        return [*self.default, *(hop for hops in self.by_sender.values() for hop in hops)]


def read_smarthosts(check: Checker, option: str, declared: Mapping[str, Any]) -> Smarthosts:
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
    declared: Mapping[str, Any],
    smarthosts: Smarthosts,
    others: Sequence[NextHop],
    former: Mapping[str, str],
    check: Checker,
) -> Configuration:
    """Settings and tables of Postfix's SMTP client. others: the next hops that are no smarthosts."""
    settings: dict[str, str] = {}
    tables: list[Table] = []

    def consult(name: str, table: Table) -> None:
        tables.append(table)
        settings[name] = preceded(reference(owner, table), former, name)

    if smarthosts.default:
        settings["relayhost"] = joined(smarthosts.default)
    if smarthosts.by_sender:
        rows = tuple((f"@{sender}", joined(hops)) for sender, hops in smarthosts.by_sender.items())
        consult("sender_dependent_relayhost_maps", Table("sender_smarthosts", "texthash", rows))
    hops = [*smarthosts.all(), *others]
    policies = _one_for_each({(hop.destination, hop.policy) for hop in hops}, f"{option}.smarthosts", "tls", check)
    policies = {destination: policy for destination, policy in policies.items() if policy}
    if policies:
        consult("smtp_tls_policy_maps", Table("tls_policy", "texthash", tuple(policies.items())))
    authority = declared.get("tls_ca") or ""
    check.path(f"{option}.tls_ca", authority)
    if authority:
        # Only these count: with the system's directory beside it, any public authority could vouch for the name.
        settings["smtp_tls_CAfile"] = authority
        settings["smtp_tls_CApath"] = ""
    elif any(policy.startswith(VERIFIED) for policy in policies.values()):
        check.report(
            f"{option}.tls_ca",
            f"nobody is named who vouches for {', '.join(d for d, p in policies.items() if p.startswith(VERIFIED))}",
            "Write the path of a PEM file with the authorities' certificates, as /etc/ssl/certs/ca-certificates.crt",
        )
    logins = _logins(smarthosts, declared.get("credentials") or {}, option, check)
    if logins:
        consult("smtp_sasl_password_maps", Table(PASSWORDS, "texthash", tuple(logins.items())))
        settings["smtp_sasl_auth_enable"] = "yes"
        # Within TLS a password may go as it is; outside, Postfix's own noplaintext stays.
        settings["smtp_sasl_tls_security_options"] = "noanonymous"
    for address in _addresses(check, f"{option}.send_from", declared.get("send_from") or ()):
        settings["smtp_bind_address6" if address.version == 6 else "smtp_bind_address"] = str(address)
    return Configuration(settings, tuple(tables))


def _one_for_each(pairs: Iterable[tuple[str, str]], option: str, what: str, check: Checker) -> dict[str, str]:
    """A next hop is looked up by its address and port, wherever it is named, so it has one value."""
    found: dict[str, str] = {}
    for key, value in sorted(pairs):
        if found.setdefault(key, value) != value:
            check.report(option, f"{key} is named twice, each time with other {what}", "Write the same in both places")
    return found


def _logins(smarthosts: Smarthosts, credentials: Mapping[str, object], option: str, check: Checker) -> dict[str, str]:
    """Next hop -> ``username:password``. Nothing of either is ever in a message."""
    used = {(hop.destination, hop.credentials) for hop in smarthosts.all() if hop.credentials}
    for name in sorted({name for _destination, name in used} | set(credentials)):
        if name not in credentials:
            check.report("credentials", f"there is no entry {name!r}, which a smarthost names", "Add one of that name")
        elif not _is_login(credentials[name]):
            check.report(
                f"credentials.{name}",
                "this is no username, colon and password, without line ends and outer blanks, that Postfix could read",
                "Write it as username:password",
            )
    names = _one_for_each(used, f"{option}.smarthosts", "credentials", check)
    return {destination: str(credentials.get(name)) for destination, name in names.items()}


def _is_login(value: object) -> bool:
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        return False
    username, _colon, password = value.partition(":")
    return bool(username and password)


def _addresses(
    check: Checker, option: str, values: Iterable[str]
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found: dict[int, ipaddress.IPv4Address | ipaddress.IPv6Address] = {}
    for value in values:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            check.report(option, f"{value!r} is no IP address", "Write one of the host's own addresses")
            continue
        if address.version in found:
            what = f"{found[address.version]} and {address} are of one family, and mail leaves from one address of each"
            check.report(option, what, "Leave one out")
        found[address.version] = address
    return list(found.values())


def problems_here(option: str, declared: Mapping[str, Any]) -> list[Problem]:
    """What this host cannot do of it: a name that does not resolve, an address that it has not, a file not there."""
    problems = []
    for where, name in _names(option, declared):
        try:
            socket.getaddrinfo(name, None)
        except OSError as error:
            message = f"{name} has no address for this host ({error.strerror})"
            problems.append(
                Problem(where, message, "Correct the name, or see to it that this host's resolver knows it")
            )
    for address in declared["send_from"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError:
            message = f"{address} is no address of this host, so no mail can leave from it"
            problems.append(Problem(f"{option}.send_from", message, "Write the host's own addresses in mail_addresses"))
    authority = declared.get("tls_ca")
    if authority:
        problems += _authority_problems(f"{option}.tls_ca", authority)
    return problems


def _names(option: str, declared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    lists = {f"{option}.smarthosts": declared["smarthosts"]}
    for number, entry in enumerate(declared["sender_smarthosts"]):
        lists[f"{option}.sender_smarthosts[{number}].smarthosts"] = entry["smarthosts"]
    if option == "relay":
        for number, domain in enumerate(declared["domains"]):
            lists[f"relay.domains[{number}].next_hops"] = domain["next_hops"]
    for where, hops in lists.items():
        for number, hop in enumerate(hops):
            try:
                ipaddress.ip_address(hop["address"])
            except ValueError:
                yield f"{where}[{number}].address", hop["address"]


def _authority_problems(option: str, path: str) -> list[Problem]:
    remedy = "Put a PEM file with the certificates of the authorities there first"
    if not os.path.isfile(path):
        return [Problem(option, f"there is no file {path} on this host", remedy)]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        return [Problem(option, f"{path} cannot be used: {error}", remedy)]
    return []
