# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server offers STARTTLS, and it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked
from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import said, steps, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, WARNING, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import TLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "starttls-missing",
    WARNING,
    "RFC 3207, section 4; RFC 7435",
    "The server does not offer STARTTLS: mail to it travels in cleartext, and senders that require encryption do "
    "not deliver.",
    "Give it a certificate, which may be self-signed.",
)
def starttls_missing(case: Case) -> Iterator[Found]:
    for dialogue, offered in case.smtp.offers():
        if not any(word.strip().upper() == "STARTTLS" for word in offered):
            yield Found(
                where(dialogue),
                "It does not offer STARTTLS.",
                "Give it a certificate (Postfix: smtpd_tls_chain_files and smtpd_tls_security_level = may; the "
                "roles mail_relay and mail_server do it), and check that no firewall before it removes the offer.",
                expected="STARTTLS",
                observed=offered,
                places=[dialogue["address"]],
            )


@rule(
    "starttls-broken",
    ERROR,
    "RFC 3207, section 4",
    "The server offers STARTTLS, but the handshake fails: many senders do not deliver then. An untrusted "
    "certificate is not a reason.",
    "See its log for the reason: a certificate without its key, a proxy that answers in its place.",
)
def starttls_broken(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        tls = dialogue.get("tls")
        if tls and tls["error"]:
            yield Found(
                where(dialogue),
                f"It offers STARTTLS, but the handshake fails: {tls['error']}.",
                "See its log for the reason: the certificate and its key, its TLS versions, a proxy before it.",
                observed=tls["error"],
                places=[dialogue["address"]],
            )
        for step in steps(dialogue, asked.STARTTLS):
            if step["code"] != 220:
                yield Found(
                    where(dialogue),
                    f"It offers STARTTLS, but then answers: {said(step)}.",
                    "Try again later." if step["code"] < 500 else "See its log for the reason.",
                    expected="220",
                    observed=said(step),
                    unknown=step["code"] < 500,
                    places=[dialogue["address"]],
                )


@rule(
    "starttls-required",
    ERROR,
    "RFC 3207, section 4",
    "The server demands TLS on port 25, which one that MX records name must not: some senders cannot encrypt.",
    "Offer STARTTLS without demanding it (Postfix: smtpd_tls_security_level = may).",
)
def starttls_required(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.said_of(TLS):
        yield Found(
            where(dialogue),
            f"It demands TLS: {said(step)}. Senders that cannot encrypt cannot deliver to it.",
            "Offer STARTTLS without demanding it (Postfix: smtpd_tls_security_level = may instead of encrypt). To have "
            "senders that can encrypt do so, publish an MTA-STS policy or TLSA records.",
            expected="250",
            observed=said(step),
            places=[dialogue["address"]],
        )


@rule(
    "starttls-weak",
    WARNING,
    "RFC 8996; RFC 9325, section 4.1",
    "Encryption comes about only with what current TLS libraries refuse by default: TLS 1.0 or 1.1, a short key, an "
    "old cipher. Senders with such a library deliver in cleartext, or not at all.",
    "Enable TLS 1.2 or later, with keys and Diffie-Hellman parameters of 2,048 bits at least.",
)
def starttls_weak(case: Case) -> Iterator[Found]:
    for dialogue in case.smtp.dialogues:
        tls = dialogue.get("tls")
        weak = tls.get("weak", "") if tls else ""
        if tls and weak:
            yield Found(
                where(dialogue),
                f"With current defaults the handshake fails ({weak}); with old ones it is {tls['version']}.",
                "Enable TLS 1.2 and 1.3 there, with a key and Diffie-Hellman parameters of 2,048 bits at least.",
                expected="TLSv1.2 or later",
                observed=weak,
                places=[dialogue["address"]],
            )
