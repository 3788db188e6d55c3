# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that a finished configuration has to keep, judged from what Postfix itself says of it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import list_items
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import is_too_wide
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

ADDRESS_CLASSES = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
"""The settings that say which domains Postfix takes mail for (ADDRESS_CLASS_README)."""

_NETWORK = re.compile(r"\[?(?P<address>[0-9a-fA-F:.]+)\]?(?P<prefix>/\d+)$")
_RESTRICTIONS = re.compile(r"smtpd_\w+_restrictions")
_RESTRICTION = re.compile(r"(?:permit|reject|defer|check|warn|sleep)\w*")
_OVERRIDE = re.compile(r"(?P<service>\S+)/(?P<name>\S+) = (?P<value>.*)")
_LEVEL = "smtp_tls_security_level"
_FOR_THE_OUTSIDE = (_LEVEL, "smtp_header_checks")
_UNUSED = re.compile(r"unused parameter: (?P<name>[^=]+)=")


def open_relay_problems(mynetworks: str) -> list[Problem]:
    """``mynetworks`` as expanded by Postfix: every client in it may relay."""
    problems = []
    for item in list_items(mynetworks):
        match = _NETWORK.match(item)
        try:
            wide = item == "static:all" or (
                match is not None
                and is_too_wide(ipaddress.ip_network(match["address"] + match["prefix"], strict=False))
            )
        except ValueError:
            continue  # Postfix says so itself when the configuration is checked.
        if wide:
            problems.append(
                Problem(
                    "main.cf: mynetworks",
                    f"{item} lets any client relay through this host",
                    "Name there only the hosts that may send through it, then run this again",
                )
            )
    return problems


def address_class_problems(listed: Mapping[str, Collection[str]], wanted: str) -> list[Problem]:
    """``listed``: setting of ADDRESS_CLASSES -> which of our domains it lists; ``wanted``: the one that should.

    A domain in two of them is delivered in the way of the first that Postfix looks at, and its mailboxes are not
    found.
    """
    problems = []
    for other in ADDRESS_CLASSES:
        if other == wanted:
            continue
        problems += [
            Problem(
                f"main.cf: {other}",
                f"it lists {domain}, which would now be in {wanted} too; Postfix wants a domain in one of them only",
                "If Postfix here already delivers the domain's mail, set local_delivery to false (mail_local_delivery "
                f"in the inventory); if not, take the domain out of {other}"
                if wanted == "mydestination"
                else f"A relay hands the domain's mail on: take the domain out of {other}",
            )
            for domain in sorted(set(listed.get(other, ())) & set(listed.get(wanted, ())))
        ]
    return problems


def master_problems(services: str, overrides: str, ours: Mapping[str, str]) -> list[Problem]:
    """``services`` and ``overrides`` as ``postconf -M`` and ``postconf -P`` print them; ``ours``: settings of ours."""
    port_25 = [fields[0] for fields in _on_port_25(services)]
    # Parameters alone (settings), or none any more (state: absent), are of use where mail is only sent, too.
    if not port_25 and "smtpd_relay_restrictions" in ours:
        return [
            Problem(
                "master.cf: smtp inet",
                "no such service, so Postfix does not listen on port 25",
                "Take the comment sign off the line that begins with 'smtp inet'",
            )
        ]
    what_for = dict.fromkeys(("smtpd/pass", *(f"{service}/inet" for service in port_25)), "port 25")
    # The transports that mail goes out by, to the outside and to the servers (postconf(5), default_transport).
    what_for.update({"smtp/unix": "outgoing mail", "relay/unix": "mail to the servers"})
    return [
        Problem(
            f"master.cf: {match['service']}",
            f"-o {match['name']}={match['value']} overrules what is set for {what_for[match['service']]}",
            "Take that option out, or set it on a service of another name"
            + ("; until postscreen is there it stands at 'smtp inet'" if match["service"] == "smtpd/pass" else ""),
        )
        for match in map(_OVERRIDE.fullmatch, overrides.splitlines())
        if match
        and match["service"] in what_for
        and match["name"] in ours
        # What is for the outside alone does not hold for the way to the servers.
        and not (match["service"] == "relay/unix" and match["name"] in _FOR_THE_OUTSIDE)
        # Only DANE is more than a default.
        and not (match["name"] == _LEVEL and ours[_LEVEL] != "dane")
    ]


def _on_port_25(services: str) -> list[list[str]]:
    """The fields of those services, as master(5) has them: name, type, private, unpriv, chroot and so on."""
    return [
        fields
        for fields in map(str.split, services.splitlines())
        if len(fields) >= 8
        and fields[1] == "inet"
        and fields[0].rpartition(":")[2] in ("smtp", "25")
        and fields[7] in ("smtpd", "postscreen")
    ]


def is_chrooted(services: str) -> bool:
    """Whether the SMTP server on port 25 is; the one behind postscreen is another service, ``smtpd/pass``."""
    servers = [fields for fields in _on_port_25(services) if fields[7] == "smtpd"]
    servers += [fields for fields in map(str.split, services.splitlines()) if fields[:2] == ["smtpd", "pass"]]
    return any(fields[4] == "y" for fields in servers)


def unknown_setting_problems(warnings: str, names: Collection[str]) -> list[Problem]:
    """``warnings`` as ``postconf -n`` prints them; only parameters of ours are our business."""
    unused = {match["name"].strip() for match in map(_UNUSED.search, warnings.splitlines()) if match}
    return [
        Problem(f"settings.{name}", "this Postfix has no such parameter", "See man 5 postconf for the right name")
        for name in sorted(unused & set(names))
    ]


def unknown_restriction_problems(settings: Mapping[str, str], smtpd: bytes, classes: Collection[str]) -> list[Problem]:
    """Restrictions that the SMTP server does not know: it would answer every RCPT with 451 because of one.

    No command of Postfix's lists the names; they stand in its program, each ended by a NUL byte. ``smtpd`` is that
    program, ``classes`` the host's own smtpd_restriction_classes.
    """
    return [
        Problem(f"settings.{name}", f"this Postfix has no restriction {word}", "See man 5 postconf for the right name")
        for name, value in settings.items()
        if _RESTRICTIONS.fullmatch(name)
        for word in list_items(value)
        if _RESTRICTION.fullmatch(word) and word not in classes and word.encode() + b"\0" not in smtpd
    ]


# Tables that are files; others are servers that may be away for a moment, or stand in main.cf themselves.
_FILE_TABLE = re.compile(r"(?:proxy:)?((?:btree|cdb|cidr|dbm|hash|lmdb|pcre|regexp|sdbm|texthash):\S+)")


def file_tables(settings: str, names: Collection[str]) -> list[tuple[str, str]]:
    """``settings`` as ``postconf -x`` prints them -> (parameter, ``type:path``) of tables in those of these names."""
    found: dict[str, str] = {}
    for line in settings.splitlines():
        name, _equals, value = line.partition(" = ")
        for item in list_items(value) if name in names else ():
            match = _FILE_TABLE.fullmatch(item)
            if match:
                found.setdefault(match[1], name)
    return [(name, table) for table, name in found.items()]


def reasons_of_table(said: str, table: str) -> list[str]:
    """What ``postmap -q`` says against a table, of what it says."""
    path = table.partition(":")[2]
    parts = (line.partition("fatal: ")[2] for line in said.splitlines())
    return [reason for reason in parts if path in reason or "unsupported dictionary type" in reason]


def without_proxymap(settings: str) -> list[str]:
    """``settings`` as ``postconf -x`` prints them -> ``name=value`` of those that use proxymap, without it.

    An SMTP server that is started to try a configuration reads the tables itself: proxymap answers only while Postfix
    runs, and is waited for 100 seconds while it does not.
    """
    parts = (line.partition(" = ") for line in settings.splitlines() if "proxy:" in line)
    return [f"{name}={value.replace('proxy:', '')}" for name, equals, value in parts if not name.startswith("proxy_")]


def lines_about_ours(output: Iterable[str], path: str) -> list[str]:
    """What a checking command says about the configuration, without what it says of the copy that it was given."""
    return [line.replace(f"{path}/", "") for line in output if "group or other writable" not in line]
