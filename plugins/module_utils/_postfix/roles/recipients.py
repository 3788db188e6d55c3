# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipients a relay takes mail for, domain by domain: those of a list, those that the server knows, or all.

What is taken here and refused by the server behind comes back as a bounce, to a sender who may never have written it
(backscatter, RFC 5321, section 3.6.2).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Checker,
    Table,
    reference,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import (
    CALLOUT,
    NONE,
    STATIC,
    local_part_at,
    lookup_table_problem,
    recipient_problem,
    spellings,
)
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# The text of these kinds of table lies in the file that their name leads to (DATABASE_README).
_TEXT_KINDS = ("btree", "cdb", "dbm", "hash", "lmdb", "sdbm", "texthash")


def recipient_settings(
    owner: str, declared: Mapping[str, Any], domains: Sequence[str], former: Mapping[str, str], check: Checker
) -> tuple[dict[str, str], list[Table]]:
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
    settings, tables = {}, []
    if any((entry.get("recipients") or {}).get("validation") == STATIC for entry in declared["domains"]):
        table = Table("relay_recipients", "texthash", tuple(known))
        tables.append(table)
        settings["relay_recipient_maps"] = ", ".join([reference(owner, table), *dict.fromkeys(maps)])
        settings["smtpd_reject_unlisted_recipient"] = "yes"
        settings["unknown_relay_recipient_reject_code"] = "550"
    else:
        # Which recipients there are is for the servers to say.
        settings["relay_recipient_maps"] = ""
    if asked:
        rows = ((spelling, "reject_unverified_recipient") for domain in asked for spelling in spellings(domain))
        table = Table("callout_domains", "texthash", tuple(rows))
        tables.append(table)
        settings["smtpd_recipient_restrictions"] = preceded(
            f"check_recipient_access {reference(owner, table)}", former, "smtpd_recipient_restrictions"
        )
        settings["unverified_recipient_reject_code"] = str(declared["callout_reject_code"])
        # What the server said may tell strangers of the inside of the network.
        settings["unverified_recipient_reject_reason"] = "Recipient address unknown"
    return settings, tables


def _addresses(option: str, addresses: Iterable[str], domain: str, check: Checker) -> list[str]:
    found = []
    for number, written in enumerate(addresses):
        local_part = local_part_at(domain, written)
        if problem := recipient_problem(written, domain):
            check.report(f"{option}[{number}]", *problem)
        else:
            found.append(f"{local_part}@{domain}")
    return found


def _maps(option: str, maps: Iterable[str], check: Checker) -> list[str]:
    found = []
    for number, table in enumerate(maps):
        if problem := lookup_table_problem(table):
            check.report(f"{option}[{number}]", *problem)
        found.append(table)
    return found


def map_problems(declared: Sequence[Mapping[str, Any]]) -> list[Problem]:
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
            yield number, f"{key!r} is no address", "Write the address, a blank and OK"
        elif key.startswith("@"):
            yield number, f"{key!r} takes mail for everybody there", "Name the addresses, or leave validation out"
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
