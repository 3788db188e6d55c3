# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host itself has against a configuration that is right by itself: files, addresses, ports and peers."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._addresses import parse_ip
from ansible_collections.inbound.mail.plugins.module_utils._host.scanner import MilterClient, unreachable
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config import master_cf
from ansible_collections.inbound.mail.plugins.module_utils._postfix.dns_resolvers import resolver_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import DANE
from ansible_collections.inbound.mail.plugins.module_utils._scanner import (
    MILTER,
    RSPAMD,
    RSPAMD_PROXY,
    SMTP,
    parse_address,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import (
        DomainOption,
        PostfixOptions,
        RelayOption,
        ServerOption,
    )

# The text of these kinds of table lies in the file that their name leads to (DATABASE_README).
_TEXT_KINDS = ("btree", "cdb", "dbm", "hash", "lmdb", "sdbm", "texthash")


def file_problems(options: PostfixOptions) -> list[Problem]:
    """Of certificates and lookup tables that the options name. Looked at in every run, as they change by themselves."""
    if options["state"] != "present":
        return []
    found: list[Problem] = []
    for option, declared in _clients(options):
        certificate = declared["tls_certificate"]
        if certificate:
            found += _certificate_problems(option, certificate, declared["tls_key"] or "")
    return found + (map_problems(options["relay"]["domains"]) if options["relay"] else [])


def change_problems(options: PostfixOptions, services: str) -> list[Problem]:
    """What the host cannot do of a change. Not looked at without one: a resolver that is away for a moment does not
    make a good configuration a bad one. services: the text of master.cf.
    """
    found: list[Problem] = []
    clients = _clients(options)
    edge = options["edge"] or {}
    if clients and edge.get("tls_outgoing") == DANE:
        found += resolver_problems()
    port = edge.get("proxy_port") if clients else None
    if port is not None and f"{port}/inet" not in master_cf.services_of(services):
        found += _port_problems(port)
    for option, declared in clients:
        found += client_problems(option, declared)
    return found


def scanner_problems(options: PostfixOptions, smtpd_of_host: Callable[[], MilterClient]) -> list[Problem]:
    """Whether the declared scanner answers the SMTP server of Postfix."""
    scanner = options["relay"].get("scanner") if options["relay"] and options["state"] == "present" else None
    if not scanner:
        return []
    kind = SMTP if scanner["type"] == SMTP else MILTER
    address = RSPAMD_PROXY if scanner["type"] == RSPAMD else parse_address(scanner["address"] or "", kind)
    smtpd = smtpd_of_host()
    reason = unreachable(address, kind, smtpd)
    if not reason:
        return []
    where = ""
    remedy = "Start the scanner, or correct its address: all mail would wait for it"
    if address.path:
        where = f", asked as user {smtpd.user}" + (f" below {smtpd.root}" if smtpd.root != "/" else "")
        where += " like Postfix's SMTP server"
        remedy = f"Start the scanner, correct the path, or let {smtpd.user} in there: all mail would wait for it"
    return [Problem("relay.scanner", f"{address}{where}: {reason}", remedy)]


def _clients(options: PostfixOptions) -> list[tuple[str, RelayOption | ServerOption]]:
    """The options that make Postfix a relay or a server, with their names."""
    found: list[tuple[str, RelayOption | ServerOption]] = []
    if options["relay"]:
        found.append(("relay", options["relay"]))
    if options["server"]:
        found.append(("server", options["server"]))
    return found


def _certificate_problems(option: str, certificate: str, key: str) -> list[Problem]:
    """What is wrong with a certificate and its key on this host; the key may stand in the certificate's file."""
    problems = []
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        if path and not os.path.isfile(path):
            problems.append(
                Problem(
                    f"{option}.{name}",
                    f"there is no file {path} on this host",
                    "Put it there first, or leave tls_certificate and tls_key out until it is: a self-signed one is "
                    "made then",
                )
            )
    if problems:
        return problems
    try:
        # Without the password, a key that has one would be asked for on a terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key or None, password="")
    except (OSError, ValueError) as error:
        reason = "the key is not that of the certificate" if "MISMATCH" in str(error) else str(error)
        problems.append(
            Problem(
                f"{option}.tls_certificate",
                f"{' and '.join(filter(None, (certificate, key)))} cannot be used: {reason}",
                "Name a PEM file with the certificate and its intermediates, and its key without a password",
            )
        )
    return problems


def map_problems(declared: Sequence[DomainOption]) -> list[Problem]:
    """What is wrong with the tables on this host that ``relay.domains`` name: a file that is missing, a broken line."""
    problems = []
    for number, entry in enumerate(declared):
        for place, table in enumerate((entry.get("recipients") or {}).get("maps") or []):
            option = f"relay.domains[{number}].recipients.maps[{place}]"
            kind, _colon, path = table.removeprefix("proxy:").partition(":")
            try:
                text = Path(path).read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                message = f"{path} cannot be read: {error.strerror}"
                problems.append(Problem(option, message, "Put it on the relay first"))
                continue
            if kind in _TEXT_KINDS:
                problems += [
                    Problem(option, f"{path}, line {line}: {what}", remedy)
                    for line, what, remedy in _broken_lines(text)
                ]
    return problems


def _broken_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, what is wrong with it, what to do."""
    for number, line in _logical_lines(text):
        key, *value = line.split(None, 1)
        if "@" not in key:
            yield number, f"{key!r} is not an address", "Write the address, a blank and OK"
        elif key.startswith("@"):
            yield number, f"{key!r} accepts every recipient there", "Name the addresses, or leave validation out"
        elif not value:
            yield number, f"{key!r} has nothing after it", "Write the address, a blank and OK"


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """With the number where each begins. A line that begins with a blank goes on with the one before (postmap(1))."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and found:
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            found.append((number, line))
    return found


def _port_problems(port: int) -> list[Problem]:
    """Whether another program of this host has the port: Postfix would not start."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            remedy = "Write another port, or end the program that has it ('ss -ltnp' names it)"
            return [Problem("edge.proxy_port", f"Postfix could not listen on port {port}: {error.strerror}", remedy)]
    return []


def client_problems(option: str, declared: RelayOption | ServerOption) -> list[Problem]:
    """What this host cannot do of it: a name that does not resolve, an address that it has not, a file not there."""
    problems = []
    for where, name in _names(option, declared):
        try:
            socket.getaddrinfo(name, None)
        except OSError as error:
            message = f"{name} has no address for this host ({error.strerror})"
            problems.append(
                Problem(where, message, "Correct the name, or make sure that this host's resolver knows it")
            )
    for address in declared["send_from"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError:
            message = f"{address} is not an address of this host, so no mail can leave from it"
            problems.append(Problem(f"{option}.send_from", message, "Write the host's own addresses in mail_addresses"))
    authority = declared.get("tls_ca")
    if authority:
        problems += _authority_problems(f"{option}.tls_ca", authority)
    return problems


def _names(option: str, declared: RelayOption | ServerOption) -> Iterator[tuple[str, str]]:
    """Where each host name stands, and the name."""
    lists = {f"{option}.smarthosts": declared["smarthosts"]}
    for number, entry in enumerate(declared["sender_smarthosts"]):
        lists[f"{option}.sender_smarthosts[{number}].smarthosts"] = entry["smarthosts"]
    for number, domain in enumerate(declared["domains"]):
        # Those of a server are mere names.
        if isinstance(domain, dict):
            lists[f"{option}.domains[{number}].next_hops"] = domain["next_hops"]
    for where, hops in lists.items():
        for number, hop in enumerate(hops):
            if parse_ip(hop["address"]) is None:
                yield f"{where}[{number}].address", hop["address"]


def _authority_problems(option: str, path: str) -> list[Problem]:
    remedy = "Put a PEM file with the CAs' certificates there first"
    if not os.path.isfile(path):
        return [Problem(option, f"there is no file {path} on this host", remedy)]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        return [Problem(option, f"{path} cannot be used: {error}", remedy)]
    return []
