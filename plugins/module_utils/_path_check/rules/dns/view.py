# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: hosts inside see their own view of DNS, and the internet does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import normal, shown, usable
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    PLAN,
    WARNING,
    Found,
    rule,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def _values(answer: seen.Resolved) -> list[str]:
    return sorted(normal(value, answer["type"]) for value in answer["values"])


def _subject(answer: seen.Inside) -> str:
    return f"{answer['name']} {answer['type']} at {answer['source']}"


@rule(
    "view-private-leak",
    ERROR,
    PLAN,
    "A record meant for hosts inside is visible from outside.",
    "Remove it from the public zone.",
)
def view_private_leak(case: Case) -> Iterator[Found]:
    for record in case.dns.internal_records:
        name, rdtype = record["name"], record["type"]
        answer = case.dns.resolved(name, rdtype)
        # What is declared for both views is compared with its declaration.
        if answer is None or case.dns.expected_values(name, rdtype) is not None:
            continue
        leaked = sorted({normal(value, rdtype) for value in record["values"]} & set(_values(answer)))
        if leaked:
            yield Found(
                f"{name} {rdtype}",
                f"The internet sees {shown(leaked)}, which is meant for hosts inside.",
                f"Remove {name} {rdtype} from the public zone.",
                expected=[],
                observed=leaked,
                places=[name],
            )


@rule(
    "view-record-missing",
    ERROR,
    PLAN,
    "A host inside does not see a record that is declared for the internal view.",
    "Publish the record at the endpoint `internal`, and make hosts inside use the resolver that serves it.",
)
def view_record_missing(case: Case) -> Iterator[Found]:
    for record in case.dns.internal_records:
        expected = sorted(normal(value, record["type"]) for value in record["values"])
        for answer in case.dns.inside(record["name"], record["type"]):
            if not usable(answer):
                yield Found(
                    _subject(answer),
                    f"The resolver {answer['resolver']} gave no answer to {answer['source']}.",
                    "Find out why it does not answer.",
                    expected=expected,
                    observed=answer["rcode"] or answer["status"],
                    unknown=True,
                    places=[answer["name"], answer["source"]],
                )
            elif _values(answer) != expected and not _leads_around(case, answer):
                yield Found(
                    _subject(answer),
                    f"The resolver {answer['resolver']} answers {shown(_values(answer))} instead of {shown(expected)}.",
                    f"Make {record['name']} {record['type']} {shown(expected)} for hosts inside: run "
                    "inbound.mail.site, or check which resolver they use.",
                    expected=expected,
                    observed=_values(answer),
                    places=[answer["name"], answer["source"]],
                )


def _leads_around(case: Case, answer: seen.Inside) -> bool:
    """Whether it is the address that the world sees."""
    public = case.dns.expected_values(answer["name"], answer["type"])
    return answer["type"] != "MX" and public is not None and _values(answer) == public


@rule(
    "view-hairpin",
    WARNING,
    PLAN,
    "A host inside sees a mail host's public address, so its mail goes out to the gateway and back.",
    "Publish the host's internal address at the endpoint `internal`.",
)
def view_hairpin(case: Case) -> Iterator[Found]:
    for record in case.dns.internal_records:
        expected = sorted(normal(value, record["type"]) for value in record["values"])
        for answer in case.dns.inside(record["name"], record["type"]):
            if usable(answer) and _values(answer) != expected and _leads_around(case, answer):
                yield Found(
                    _subject(answer),
                    f"It is {shown(_values(answer))} as on the internet, not {shown(expected)}: mail goes out and "
                    "back.",
                    f"Give {record['name']} the address {shown(expected)} for hosts inside.",
                    expected=expected,
                    observed=_values(answer),
                    places=[answer["name"], answer["source"]],
                )


@rule(
    "view-mx-unexpected",
    WARNING,
    PLAN,
    "A host inside sees MX records of a domain that differ from the public ones, and no such view is declared.",
    "Remove the internal MX records, or declare the endpoint `internal`.",
)
def view_mx_unexpected(case: Case) -> Iterator[Found]:
    declared = {(record["name"], record["type"]) for record in case.dns.internal_records}
    for domain in case.dns.mail_domains:
        public = case.dns.expected_values(domain, "MX")
        if public is None or (domain, "MX") in declared:
            continue
        for answer in case.dns.inside(domain, "MX"):
            if usable(answer) and _values(answer) != public:
                yield Found(
                    _subject(answer),
                    f"The resolver {answer['resolver']} answers {shown(_values(answer))}; the declared public "
                    f"value is {shown(public)}.",
                    f"Remove the internal MX records of {domain}, or declare them (mail_dns, endpoint internal).",
                    expected=public,
                    observed=_values(answer),
                    places=[answer["name"], answer["source"]],
                )
