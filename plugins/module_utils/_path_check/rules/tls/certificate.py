# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: a server's certificate is current and for its name."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, NOTICE, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


def _certificates(case: Case) -> Iterator[tuple[seen.Dialogue, seen.Certificate]]:
    for dialogue in case.smtp.dialogues:
        tls = dialogue.get("tls")
        # Releases before 0.2.0 did not look at it.
        certificate = tls.get("certificate") if tls else None
        if certificate:
            yield dialogue, certificate


@rule(
    "certificate-name",
    NOTICE,
    "RFC 8461, section 4.1",
    "The certificate is for names other than the one in the MX record. It is an error where MTA-STS or DANE binds "
    "senders to it: they do not deliver.",
    "Get a certificate for the name in the MX record.",
)
def certificate_name(case: Case) -> Iterator[Found]:
    for dialogue, certificate in _certificates(case):
        name = case.smtp.public_name(dialogue)
        if not any(_matches(name, pattern) for pattern in certificate["names"]):
            yield Found(
                where(dialogue),
                f"Its certificate is for {listed(certificate['names']) or 'no name'}, and mail is sent to {name}"
                f"{_consequence(case, dialogue)}.",
                f"Get a certificate for {name}.",
                expected=name,
                observed=certificate["names"],
                severity=ERROR if case.smtp.bound_by(dialogue) else "",
                places=[dialogue["address"]],
            )


def _consequence(case: Case, dialogue: seen.Dialogue) -> str:
    binding = case.smtp.bound_by(dialogue)
    return f": senders that follow {binding} do not deliver" if binding else ""


@rule(
    "certificate-expired",
    NOTICE,
    "RFC 8461, section 4.1",
    "The certificate has expired. It is an error where MTA-STS or DANE binds senders to it: they do not deliver.",
    "Renew it, and reload the server.",
)
def certificate_expired(case: Case) -> Iterator[Found]:
    for dialogue, certificate in _certificates(case):
        if certificate["not_after"] < case.observation["at"]:
            end = datetime.fromtimestamp(certificate["not_after"], timezone.utc).strftime("%Y-%m-%d")
            yield Found(
                where(dialogue),
                f"Its certificate expired on {end}{_consequence(case, dialogue)}.",
                "Renew it, and reload the server; find out why the renewal is not automatic.",
                observed=end,
                severity=ERROR if case.smtp.bound_by(dialogue) else "",
                places=[dialogue["address"]],
            )


def _matches(name: str, pattern: str) -> bool:
    """Whether a certificate for the pattern is one for the name: a star stands for one whole label, the first."""
    if not pattern.startswith("*."):
        return name == pattern
    return name.partition(".")[2] == pattern[2:]
