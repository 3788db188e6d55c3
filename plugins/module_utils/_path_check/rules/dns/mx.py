# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the MX RRset, as each authoritative server has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import label, shown
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    PLAN,
    WARNING,
    Found,
    rule,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.dns.mx_null import null_unexpected
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


IMPLICIT = "the address of the domain itself"


@rule(
    "mx-missing",
    ERROR,
    "RFC 5321, section 5.1",
    "No server has an MX record for the domain.",
    "Add the MX record.",
)
def mx_missing(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        said = case.dns.said(domain, "MX")
        expected = case.dns.expected_values(domain, "MX")
        if not said:
            zone = case.dns.zone_of(domain)
            if zone is None or any(server["serial"] is not None for server in zone["servers"]):
                yield Found(
                    domain,
                    "There is no usable answer about its MX records.",
                    "See the findings on its name servers, or name resolvers that this vantage reaches (resolvers).",
                    expected=expected,
                    unknown=True,
                )
            continue  # else the delegation's rules speak of it
        if expected == [] or any(values for _who, values, _alias in said):
            continue
        if expected is None and case.dns.addresses(domain):
            continue  # its own address stands in for an MX: mx-implicit-address
        lines = [f"'{domain}. MX {value}'" for value in expected or ["10 <name of the mail host>."]]
        yield Found(
            domain,
            f"No MX record, as answered by {listed([who for who, _values, _alias in said])}.",
            f"Add {listed(lines)} to the zone.",
            expected=expected,
            observed=[],
        )


@rule(
    "mx-implicit-address",
    WARNING,
    "RFC 5321, section 5.1",
    "The domain has an address but no MX record, so mail goes to the address.",
    "Add an MX record that names the host that receives the domain's mail.",
)
def mx_implicit_address(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        said = case.dns.said(domain, "MX")
        addresses = case.dns.addresses(domain)
        if case.dns.expected_values(domain, "MX") is None and said and not case.dns.exchangers(domain) and addresses:
            if any(values for _who, values, _alias in said):
                continue
            yield Found(
                domain,
                f"No MX record; mail goes to {IMPLICIT}, {shown(addresses)}.",
                f"Add an MX record for {domain}.",
                observed=addresses,
            )


@rule(
    "mx-differs",
    ERROR,
    PLAN,
    "The MX RRset is not the declared one.",
    "Publish the declared records: run inbound.mail.site, or change the declaration.",
)
def mx_differs(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        expected = case.dns.expected_values(domain, "MX")
        served = {tuple(values) for _who, values, _alias in case.dns.said(domain, "MX")}
        if expected is None or not served or (() in served and expected):
            continue  # mx-missing and mx-on-some-ns speak of that
        if tuple(expected) in served:
            continue  # so has one of them; mx-rrset-inconsistent speaks of the others
        if null_unexpected(case, domain):
            continue
        for values in sorted(served):
            yield Found(
                domain,
                f"The MX RRset is not the declared one: {'; '.join(difference(expected, list(values)))}.",
                f"Change it to {shown(f'{domain}. MX {value}' for value in expected)}: run inbound.mail.site, or "
                "change the declaration."
                if expected
                else f"Remove the MX records of {domain}, or declare them.",
                expected=expected,
                observed=list(values),
            )


def difference(expected: list[str], observed: list[str]) -> list[str]:
    """In words, each missing, surplus and wrong preference."""
    wanted, served = _preferences(expected), _preferences(observed)
    words = [f"{name} is missing" for name in wanted if name not in served]
    words += [f"{name} is surplus" for name in served if name not in wanted]
    words += [
        f"{name} has preference {served[name]} instead of {wanted[name]}"
        for name in wanted
        if name in served and served[name] != wanted[name]
    ]
    return words or [f"{shown(observed)} instead of {shown(expected)}"]


def _preferences(values: list[str]) -> dict[str, str]:
    """Exchange to preference; the exchange of a null MX is a dot."""
    pairs = (value.split(" ", 1) for value in values)
    return {exchange.rstrip(".") or ".": preference for preference, exchange in pairs}


@rule(
    "mx-on-some-ns",
    ERROR,
    "RFC 1034, section 4.3.5",
    "Some name servers of the zone have an MX RRset and others have none.",
    "Find out why the server without it does not transfer the zone.",
)
def mx_on_some_ns(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        said = case.dns.said(domain, "MX")
        without = [who for who, values, _alias in said if not values]
        if without and len(without) < len(said):
            yield Found(
                domain,
                f"{listed(without)} has no MX record; the other name servers have one.",
                "Find out why it does not transfer the zone: its log, NOTIFY, allow-transfer, the serial number.",
                expected=case.dns.expected_values(domain, "MX"),
                observed={who: values for who, values, _alias in said},
            )


@rule(
    "mx-rrset-inconsistent",
    ERROR,
    "RFC 1034, section 4.3.5",
    "The name servers of the zone serve different MX RRsets.",
    "Find out why the differing server does not transfer the zone.",
)
def mx_rrset_inconsistent(case: Case) -> Iterator[Found]:
    for domain in case.dns.mail_domains:
        said = case.dns.said(domain, "MX")
        if len({tuple(values) for _who, values, _alias in said if values}) > 1:
            words = "; ".join(f"{who}: {shown(values)}" for who, values, _alias in said)
            yield Found(
                domain,
                f"The name servers serve different MX records: {words}.",
                "Find out why they do not have the same version of the zone: their logs, NOTIFY, allow-transfer.",
                expected=case.dns.expected_values(domain, "MX"),
                observed={who: values for who, values, _alias in said},
            )


def _answers_of_serving(case: Case) -> Iterator[tuple[str, seen.NameServer, seen.Answer]]:
    """(domain, server, answer to the question for the MX) of every server that answers for the zone."""
    for domain in case.dns.mail_domains:
        for server, answer in case.dns.answers(domain, "MX"):
            if server["authoritative"] and server["serial"] is not None:
                yield domain, server, answer


@rule(
    "mx-no-answer",
    WARNING,
    "RFC 1035, section 4.2",
    "A name server answers for the zone, but not the query for its MX records.",
    "Look for a filter that drops such queries or responses, or for an overloaded server.",
)
def mx_no_answer(case: Case) -> Iterator[Found]:
    for domain, server, answer in _answers_of_serving(case):
        if answer["status"] != seen.ANSWERED:
            yield Found(
                f"{domain} at {label(server)}",
                "No usable answer to the query for the MX records, sent three times.",
                f"Find out why {server['name']} does not answer it: its log, a firewall before it, a rate limit.",
                observed=answer["status"],
                places=[server["address"]],
            )


@rule(
    "mx-rcode",
    WARNING,
    "RFC 1035, section 4.1.1",
    "A name server answers the query for the MX records with an error.",
    "See the server's log.",
)
def mx_rcode(case: Case) -> Iterator[Found]:
    for domain, server, answer in _answers_of_serving(case):
        if answer["status"] == seen.ANSWERED and answer["rcode"] not in ("NOERROR", "NXDOMAIN"):
            yield Found(
                f"{domain} at {label(server)}",
                f"It answers {answer['rcode']} to the query for the MX records.",
                f"See the log of {server['name']} for the reason.",
                expected="NOERROR",
                observed=answer["rcode"],
                places=[server["address"]],
            )


@rule(
    "mx-non-authoritative",
    WARNING,
    "RFC 1035, section 4.1.1",
    "A name server of the zone answers the query for the MX records without authority.",
    "Make the server serve the zone itself.",
)
def mx_non_authoritative(case: Case) -> Iterator[Found]:
    for domain, server, answer in _answers_of_serving(case):
        if (
            answer["status"] == seen.ANSWERED
            and answer["rcode"] in ("NOERROR", "NXDOMAIN")
            and not answer["authoritative"]
        ):
            yield Found(
                f"{domain} at {label(server)}",
                "It answers the query for the MX records without authority.",
                f"Make {server['name']} serve the zone itself, or remove its NS record.",
                places=[server["address"]],
            )
