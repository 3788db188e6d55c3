# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: the test message arrives once, by the declared path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, PLAN, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import ExpectedDelivery


def _last_said(sent: seen.Sent) -> str:
    if not sent["attempts"]:
        return "its domain has no mail exchanger with an address"
    last = sent["attempts"][-1]
    said = f"{last['code']} {last['text']}" if last["code"] else last["text"]
    return f"{last['exchange']} ({last['address']}): {said}"


@rule(
    "delivery-missing",
    ERROR,
    PLAN,
    "The message with the token was not accepted, or did not arrive in a mailbox of the server.",
    "Follow the message in the logs of the hosts on its path, by its Message-ID.",
)
def delivery_missing(case: Case) -> Iterator[Found]:
    for expected, sent, traces in case.delivery.messages():
        if not traces:
            yield _not_arrived(case, expected, sent) if sent["accepted"] else _not_taken(case, expected, sent)


def _not_taken(case: Case, expected: ExpectedDelivery, sent: seen.Sent) -> Found:
    if not sent["attempts"] and not case.delivery.was_looked_up(expected["domain"]):
        return Found(
            expected["recipient"],
            f"The message was not sent: this vantage could not find out where mail for {expected['domain']} goes.",
            "See the findings on its name servers, and check that this vantage reaches its resolvers.",
            expected="delivered",
            unknown=True,
        )
    codes = [attempt["code"] for attempt in sent["attempts"]]
    unknown = bool(codes) and (
        any(400 <= code < 500 for code in codes) or all(attempt["text"] == "no-route" for attempt in sent["attempts"])
    )
    return Found(
        expected["recipient"],
        f"The message was not accepted from this vantage: {_last_said(sent)}.",
        "Fix what the other findings say, and see the log of the exchanger."
        if not unknown
        else "Try again later, or from another vantage.",
        expected="delivered",
        observed=sent["attempts"],
        unknown=unknown,
    )


def _not_arrived(case: Case, expected: ExpectedDelivery, sent: seen.Sent) -> Found:
    subject = expected["recipient"]
    missing = [server for server in expected["servers"] if not case.delivery.was_searched(server)]
    if missing:
        return Found(
            subject,
            f"The message was accepted, but {listed(missing)} was not searched for it: down, or not in this run.",
            "Run again with every server of the domain.",
            unknown=True,
        )
    unread = case.delivery.unread(expected["servers"])
    if unread:
        return Found(
            subject,
            f"The message was accepted, but not every mailbox could be searched: {listed(unread)}.",
            "Check the account and its server (mail_verify_imap).",
            observed=unread,
            unknown=True,
        )
    last = sent["attempts"][-1]
    return Found(
        subject,
        f"{last['exchange']} ({last['address']}) accepted the message ({last['text']}), but it is in no mailbox on "
        f"{listed(expected['servers'])}.",
        f"Look for {sent['token']} in the mail logs along the path, and in the queues (postqueue -p). If the "
        f"mailbox of {subject} is elsewhere, name the place (mail_verify_mailboxes, mail_verify_imap).",
        expected="delivered",
        observed=sent["attempts"],
    )


@rule(
    "delivery-twice",
    ERROR,
    PLAN,
    "The message arrived more than once.",
    "Look for an alias that names the mailbox twice, or two servers that both deliver.",
)
def delivery_twice(case: Case) -> Iterator[Found]:
    for expected, _sent, traces in case.delivery.messages():
        if len(traces) > 1:
            places = [f"{one['host']}: {one['file']}" for one in traces]
            yield Found(
                expected["recipient"],
                f"The message arrived {len(traces)} times: {listed(places)}.",
                f"Check where the aliases of {expected['recipient']} lead, and whether two hosts forward to each "
                "other.",
                expected=1,
                observed=places,
            )


@rule(
    "delivery-path",
    ERROR,
    PLAN,
    "The message arrived, but not by the path of the declared topology (its Received fields).",
    "Make mail reach the server through its relay only.",
)
def delivery_path(case: Case) -> Iterator[Found]:
    for expected, _sent, traces in case.delivery.messages():
        for trace in traces:
            problem = _wrong_path(case, expected, trace)
            if problem:
                way = [hop["by"] for hop in trace["hops"]]
                yield Found(
                    expected["recipient"],
                    f"The path of the message was {' -> '.join(way) or 'without a Received field'}: {problem}.",
                    "Check where the MX records and the forwards lead, and where each host sends its mail.",
                    expected=[" or ".join(stage) for stage in expected["path"]],
                    observed=way,
                )


def _wrong_path(case: Case, expected: ExpectedDelivery, trace: seen.Trace) -> str | None:
    """What is wrong with the way of a message; a host may add several Received fields (filters, local delivery)."""
    path = expected["path"]
    if trace["host"] not in path[-1]:
        return f"it ended on {trace['host']}"
    if trace.get("kind") == "log":
        return None  # which tells no way
    stages = [{name for host in stage for name in case.delivery.names_of(host)} for stage in path]
    at = 0
    for hop in trace["hops"]:
        by = hop["by"].lower().rstrip(".")
        if by in stages[at]:
            continue
        if at + 1 < len(stages) and by in stages[at + 1]:
            at += 1
            if trace["hops"][0] is not hop:
                continue
        if trace["hops"][0] is hop:
            return f"{harmless(by)} accepted it first, not {' or '.join(path[0])}"
        if at == len(stages) - 1 and hop["address"] in ("127.0.0.1", "::1", ""):
            continue  # the last host's own filters, by whatever name
        return f"{harmless(by)} is not in the declared path"
    return None if at == len(stages) - 1 or not stages[-1] else f"it did not pass {' or '.join(path[-1])}"
