# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: whether the encryption that is offered works, and passwords come in that way alone."""

from __future__ import annotations

import re
from datetime import datetime, timezone
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
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rules.smtp import offers, said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "starttls-missing",
    WARNING,
    "RFC 3207, section 4; RFC 7435",
    "The server does not offer STARTTLS: mail to it passes in clear, and senders who insist on encryption do not "
    "deliver.",
    "Give it a certificate, which may be one that nobody vouches for.",
)
def starttls_missing(case: Case) -> Iterator[Found]:
    for dialogue, offered in offers(case):
        if not any(word.strip().upper() == "STARTTLS" for word in offered):
            yield Found(
                where(dialogue),
                "It does not offer STARTTLS.",
                "Give it a certificate (Postfix: smtpd_tls_chain_files and smtpd_tls_security_level = may; the roles "
                "mail_relay and mail_server do it), and see that no firewall before it takes the offer out.",
                expected="STARTTLS",
                observed=offered,
            )


@rule(
    "starttls-broken",
    ERROR,
    "RFC 3207, section 4",
    "The server offers STARTTLS, and no connection comes about: many senders do not deliver then. A certificate that "
    "nobody vouches for is no reason.",
    "See its log for the reason: a certificate without its key, a proxy that answers in its place.",
)
def starttls_broken(case: Case) -> Iterator[Found]:
    for dialogue in case.dialogues:
        tls = dialogue.get("tls")
        if tls and tls["error"]:
            yield Found(
                where(dialogue),
                f"It offers STARTTLS, but the handshake fails: {tls['error']}.",
                "See in its log why: the certificate and its key, the versions of TLS that it has, a proxy before it.",
                observed=tls["error"],
            )
        for step in steps(dialogue, asked.STARTTLS):
            if step["code"] != 220:
                yield Found(
                    where(dialogue),
                    f"It offers STARTTLS, and then says: {said(step)}.",
                    "Try again later." if step["code"] < 500 else "See in its log why it does not begin.",
                    expected="220",
                    observed=said(step),
                    unknown=step["code"] < 500,
                )


def _certificates(case: Case) -> Iterator[tuple[seen.Dialogue, seen.Certificate]]:
    for dialogue in case.dialogues:
        tls = dialogue.get("tls")
        # Releases before 0.2.0 did not look at it.
        certificate = tls.get("certificate") if tls else None
        if certificate:
            yield dialogue, certificate


@rule(
    "certificate-name",
    NOTICE,
    "RFC 8461, section 4.1",
    "The certificate is for other names than the one that the MX record has. An error where MTA-STS or DANE binds "
    "senders to it: they do not deliver.",
    "Have a certificate issued for the name that the MX record has.",
)
def certificate_name(case: Case) -> Iterator[Found]:
    for dialogue, certificate in _certificates(case):
        name = case.public_name(dialogue)
        if not any(_matches(name, pattern) for pattern in certificate["names"]):
            yield Found(
                where(dialogue),
                f"Its certificate is for {listed(certificate['names']) or 'no name'}, and mail is sent to {name}"
                f"{_consequence(case, dialogue)}.",
                f"Have a certificate issued for {name}.",
                expected=name,
                observed=certificate["names"],
                severity=ERROR if case.bound_by(dialogue) else "",
            )


def _consequence(case: Case, dialogue: seen.Dialogue) -> str:
    binding = case.bound_by(dialogue)
    return f": senders that follow {binding} do not deliver" if binding else ""


@rule(
    "certificate-expired",
    NOTICE,
    "RFC 8461, section 4.1",
    "The certificate has expired. An error where MTA-STS or DANE binds senders to it: they do not deliver.",
    "Have it renewed, and the server read it.",
)
def certificate_expired(case: Case) -> Iterator[Found]:
    for dialogue, certificate in _certificates(case):
        if certificate["not_after"] < case.observation["at"]:
            end = datetime.fromtimestamp(certificate["not_after"], timezone.utc).strftime("%Y-%m-%d")
            yield Found(
                where(dialogue),
                f"Its certificate expired on {end}{_consequence(case, dialogue)}.",
                "Renew it, and reload the server; see why that is not done by itself.",
                observed=end,
                severity=ERROR if case.bound_by(dialogue) else "",
            )


@rule(
    "auth-without-tls",
    WARNING,
    "RFC 4954, section 4",
    "The server offers AUTH on port 25 before TLS: somebody's password may pass in clear.",
    "Offer AUTH after STARTTLS only, or on the submission ports alone.",
)
def auth_without_tls(case: Case) -> Iterator[Found]:
    for dialogue, offered in offers(case):
        # Some write it with a sign of equality, for clients of long ago.
        logins = [word for word in offered if re.match(r"AUTH[ =]", word, re.IGNORECASE)]
        if logins:
            yield Found(
                where(dialogue),
                f"It offers {logins[0]} without TLS.",
                "Let people log in after STARTTLS only (Postfix: smtpd_tls_auth_only = yes), or on ports 465 and 587 "
                "alone.",
                observed=logins,
            )


def _matches(name: str, pattern: str) -> bool:
    """Whether a certificate for the pattern is one for the name: a star stands for one whole label, the first."""
    if not pattern.startswith("*."):
        return name == pattern
    return name.partition(".")[2] == pattern[2:]
