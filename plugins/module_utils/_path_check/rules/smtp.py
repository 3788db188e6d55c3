# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what an exchanger says, and what it takes and refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import steps
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import (
    ERROR,
    NOTICE,
    WARNING,
    Found,
    rule,
)
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import HOST_NAME, greeting_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case

# "I do not talk to you": nothing about the domain.
_CLIENT = re.compile(
    r"client host|your (host|ip|address|server)|block(ed|list)|black.?list|spamhaus|dnsbl|\brbl\b|reputation"
    r"|reverse (dns|hostname)|\bPTR\b|helo|ehlo|sender address",
    re.IGNORECASE,
)
_SIZE = re.compile(r"SIZE ([0-9]{1,20})", re.IGNORECASE)
# Seconds. A short wait before the greeting is a usual defence.
_LONG_GREETING = 10.0


def where(dialogue: seen.Dialogue) -> str:
    """The host and its address."""
    host, address = dialogue["host"], dialogue["address"]
    return f"{host} ({address})" if host != address else address


def said(step: seen.Step) -> str:
    """The reply."""
    return f"{step['code']} {step['text']}".strip()


def offers(case: Case) -> Iterator[tuple[seen.Dialogue, list[str]]]:
    """What servers offer in their answer to EHLO, where it was short enough to be noted whole."""
    for dialogue in case.dialogues:
        for step in steps(dialogue, asked.EHLO):
            if step["code"] == 250 and not step["text"].endswith("..."):
                yield dialogue, step["text"].split(" / ")[1:]


def _about_client(step: seen.Step) -> bool:
    """Whether a refusal is about the vantage and says nothing of the domain."""
    return step["code"] == 421 or (bool(_CLIENT.search(step["text"])) and not asked.RELAYING.search(step["text"]))


def _is_refusal(step: seen.Step) -> bool:
    return step["code"] >= 500 or (step["code"] >= 400 and bool(asked.RELAYING.search(step["text"])))


@rule(
    "banner-missing",
    ERROR,
    "RFC 5321, section 3.1",
    "The connection comes about, but no SMTP greeting comes.",
    "See what listens there: a forward to the wrong host, a proxy, a server without free processes.",
)
def banner_missing(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        if not dialogue["steps"]:
            yield Found(
                where(dialogue),
                f"It takes the connection, but does not greet: {dialogue['ended']}.",
                "See that the mail service itself is at the other end of the forward, and has processes free.",
                expected="220",
                observed=dialogue["ended"],
            )


@rule(
    "banner-refused",
    ERROR,
    "RFC 5321, section 3.1",
    "The server greets with a refusal (5xx). A 4xx is no finding, but leaves everything unknown.",
    "Let the server take mail from everybody.",
)
def banner_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        for step in steps(dialogue, asked.BANNER, asked.EHLO):
            if step["code"] in (220, 250):
                continue
            later = step["code"] < 500
            unknown = later or _about_client(step)
            yield Found(
                where(dialogue),
                f"It {'puts this vantage off' if later else 'refuses to talk'}: {said(step)}.",
                "Try again later, or from another vantage."
                if unknown
                else "See in its configuration whom it refuses (postscreen, access lists), and let everybody deliver.",
                expected="220",
                observed=said(step),
                unknown=unknown,
            )


@rule(
    "smtp-ended",
    NOTICE,
    "RFC 5321, section 3.8",
    "The server left the conversation before everything was asked, as a rate limit makes it do.",
    "Try again later, or from a vantage that it knows.",
)
def smtp_ended(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        if dialogue["steps"] and dialogue["ended"]:
            yield Found(
                where(dialogue),
                f"The conversation ended early: {dialogue['ended']}. What was not asked is unknown.",
                "Try again later; see the server's log for a rate limit.",
                observed=dialogue["ended"],
                unknown=True,
            )


@rule(
    "banner-delay",
    NOTICE,
    "RFC 5321, section 4.5.3.2.1",
    "The server lets clients wait for its greeting. Senders have to wait for five minutes, and some do not.",
    "Leave it so if it is meant to annoy spammers; else see the server's load, and whether it can resolve names.",
)
def banner_delay(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        after = dialogue.get("greeted_after")
        if after is not None and after > _LONG_GREETING:
            yield Found(
                where(dialogue),
                f"Its greeting came after {after:.0f} s.",
                "Leave it so if it is meant; else see why: its load, a resolver that does not answer it.",
                observed=after,
            )


@rule(
    "unknown-recipient-accepted",
    WARNING,
    "RFC 5321, section 3.6.2",
    "The server takes mail for a recipient that cannot exist, and has to return it, often to a forged sender.",
    "Let it know the recipients: by a list, or by asking the server that it hands mail to.",
)
def unknown_recipient_accepted(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        taken = [step for step in steps(dialogue, asked.UNKNOWN) if step["code"] in (250, 251)]
        # An open relay takes everything.
        open_to_all = any(step["code"] in (250, 251) for step in steps(dialogue, asked.STRANGER))
        if taken and not open_to_all and case.refuses_unknown(dialogue):
            yield Found(
                f"{taken[0]['domain']} at {where(dialogue)}",
                f"It takes {taken[0]['command'].partition(':')[2]}, which cannot exist: {said(taken[0])}.",
                "Let it refuse recipients that do not exist, by a list or by a call to the server behind it. If the "
                "domain has a mailbox for everything, accept this finding (accepted).",
                expected="refused",
                observed=said(taken[0]),
            )


@rule(
    "ehlo-name",
    WARNING,
    "RFC 5321, section 4.1.4",
    "The server greets by a name that is not fully qualified, or that does not resolve.",
    "Set the server's own name (Postfix: myhostname) to one that has an address.",
)
def ehlo_name(case: Case) -> Iterator[Found]:
    # Of these other rules say that they have no address.
    exchanges = {name for domain in case.mail_domains for name in case.exchanges(domain)}
    exchanges |= {exchanger["fqdn"] for exchanger in case.expect["smtp"]}
    for dialogue in case.dialogues:
        name = greeting_name(dialogue)
        if not name:
            continue
        if not HOST_NAME.fullmatch(name) or name.endswith((".localdomain", ".local", ".lan", ".internal")):
            message = f"It greets as '{name}', which is no name on the internet."
        elif name not in exchanges and case.was_resolved(name) and not case.addresses(name):
            message = f"It greets as '{name}', which has no address."
        else:
            continue
        remedy = "Set the server's own name (Postfix: myhostname) to the name that the MX record has."
        yield Found(where(dialogue), message, remedy, observed=name)


def postmaster_steps(case: Case) -> Iterator[tuple[seen.Dialogue, seen.Step]]:
    """The step that tells whether a domain's postmaster is taken: the last one of each domain."""
    for dialogue in case.dialogues:
        last = {step["domain"]: step for step in steps(dialogue, asked.POSTMASTER_NULL, asked.POSTMASTER)}
        for step in last.values():
            yield dialogue, step


@rule(
    "size-differs",
    WARNING,
    "RFC 1870, sections 4 and 6.1",
    "The server says in its answer to EHLO that it takes messages of another size than the declared one. What it takes "
    "and a server behind it does not is sent back to whoever is written in it as its sender.",
    "Set the declared size on the server.",
)
def size_differs(case: Case) -> Iterator[Found]:
    for dialogue, offered in offers(case):
        declared = case.message_size(dialogue)
        limits = [int(match[1]) for match in map(_SIZE.fullmatch, offered) if match]
        # Without a number it says nothing (RFC 1870, section 4).
        if declared is None or not limits or limits[0] == declared:
            continue
        takes = f"messages of up to {limits[0]} bytes" if limits[0] else "messages of any size"
        yield Found(
            where(dialogue),
            f"It takes {takes}, and mail_message_size is {declared} bytes.",
            f"Set {declared} there (Postfix: message_size_limit; the roles mail_relay and mail_server do it; Exchange: "
            "MaxMessageSize of the receive connector), or declare the size that it has.",
            expected=f"SIZE {declared}",
            observed=f"SIZE {limits[0]}",
        )


@rule(
    "postmaster-refused",
    ERROR,
    "RFC 5321, section 4.5.1",
    "Mail for the domain's postmaster is refused.",
    "Give the domain a postmaster address that somebody reads.",
)
def postmaster_refused(case: Case) -> Iterator[Found]:
    for dialogue, step in postmaster_steps(case):
        if _is_refusal(step) and not asked.RELAYING.search(step["text"]):
            unknown = _about_client(step)
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"postmaster@{step['domain']} is refused: {said(step)}.",
                "It is this vantage that it refuses: observe from another one."
                if unknown
                else f"Make an alias or mailbox postmaster@{step['domain']}.",
                expected="250",
                observed=said(step),
                unknown=unknown,
            )


@rule(
    "domain-refused",
    ERROR,
    "RFC 5321, section 3.3",
    "The exchanger does not take mail for the domain ('relay access denied').",
    "Add the domain to those that the server takes mail for.",
)
def domain_refused(case: Case) -> Iterator[Found]:
    for dialogue, step in postmaster_steps(case):
        if _is_refusal(step) and asked.RELAYING.search(step["text"]):
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It does not take mail for {step['domain']}: {said(step)}.",
                f"Add {step['domain']} to the domains of {dialogue['host']}: run inbound.mail.site, or by hand "
                "(Postfix: mydestination, relay_domains or virtual_mailbox_domains).",
                expected="250",
                observed=said(step),
            )


@rule(
    "null-sender-refused",
    ERROR,
    "RFC 5321, section 6.1",
    "Mail with the null sender is refused, so nobody learns that a message could not be delivered.",
    "Let the server take MAIL FROM:<>.",
)
def null_sender_refused(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        refused = [step for step in steps(dialogue, asked.NULL_SENDER, asked.POSTMASTER_NULL) if step["code"] >= 500]
        taken = {step["domain"] for step in steps(dialogue, asked.POSTMASTER) if step["code"] in (250, 251)}
        for step in refused:
            if step["domain"] in taken or (not step["domain"] and taken):
                yield Found(
                    where(dialogue),
                    f"It takes mail from others, but not from the null sender: {said(step)}.",
                    "Let it take MAIL FROM:<>, with which bounces come: see its access lists of senders (Postfix: "
                    "smtpd_sender_restrictions).",
                    expected="250",
                    observed=said(step),
                )


@rule(
    "greylisted",
    NOTICE,
    "RFC 6647",
    "The server says 'later': whether it takes the mail is unknown.",
    "Try again after the time that it asks for.",
)
def greylisted(case: Case) -> Iterator[Found]:
    for dialogue, step in postmaster_steps(case):
        if asked.is_greylisted(step):
            yield Found(
                f"{step['domain']} at {where(dialogue)}",
                f"It says 'later' to mail for postmaster@{step['domain']}: {said(step)}.",
                "Try again after some minutes; see the server's log for another reason than greylisting.",
                observed=said(step),
                unknown=True,
            )


@rule(
    "open-relay",
    ERROR,
    "RFC 5321, section 7.1",
    "The server takes mail of a stranger for a strange domain.",
    "Let it take mail for its own domains only, except from its own networks and from people who logged in.",
)
def open_relay(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        takes_anybody = any(step["code"] in (250, 251, 252) for step in steps(dialogue, asked.UNKNOWN))
        whats = [asked.STRANGER, asked.OWN_SENDER, *([] if takes_anybody else [asked.STRANGER_AT_DOMAIN])]
        taken = [step for step in steps(dialogue, *whats) if step["code"] in (250, 251)]
        if taken:
            from_own = [step for step in taken if step["what"] == asked.OWN_SENDER]
            yield Found(
                where(dialogue),
                f"It took {listed([step['command'] for step in taken])} from a stranger"
                + (f" who claimed to be postmaster@{from_own[0]['domain']}" if from_own else "")
                + ": an open relay, which spammers find within hours.",
                "Let it take mail for its own domains only (Postfix: smtpd_relay_restrictions = permit_mynetworks, "
                "permit_sasl_authenticated, reject_unauth_destination), and see that mynetworks holds neither the "
                "gateway's address nor the outside.",
                expected="refused",
                observed=[f"{step['command']}: {said(step)}" for step in taken],
            )
