# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask about SMTP dialogues: whose they are, what each step says, and what binds senders to a certificate."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_replies as replies
from ansible_collections.inbound.mail.plugins.module_utils._path_check import smtp_steps as asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import DnsEvidence
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        Expectations,
        ExpectedExchanger,
    )

_POSTMASTER = (asked.POSTMASTER_NULL, asked.POSTMASTER)

OURS, BACKUP, FORMER = "ours", "backup", "former"

ACCEPTED = (250, 251)
"""Replies to RCPT that accept the recipient (RFC 5321, section 4.3.2)."""


class SmtpEvidence:
    """The dialogues with our exchangers; `of` gives those with others."""

    def __init__(self, expect: Expectations, observation: seen.Observation, dns: DnsEvidence) -> None:
        self._expect = expect
        self._observation = observation
        self._dns = dns
        self._whose = OURS
        self.backups = {one["fqdn"] for one in expect["backups"]}

    def of(self, whose: str) -> SmtpEvidence:
        """The same with the dialogues of OURS, BACKUP or FORMER exchangers."""
        other = copy(self)
        other._whose = whose
        other.__dict__.pop("dialogues", None)
        return other

    def whose(self, dialogue: seen.Dialogue) -> str:
        """OURS, BACKUP or FORMER; empty for a backup at a former address, of which neither is asked."""
        is_backup = dialogue["host"] in self.backups
        if self.is_former(dialogue):
            return "" if is_backup else FORMER
        return BACKUP if is_backup else OURS

    @cached_property
    def dialogues(self) -> list[seen.Dialogue]:
        """Those with a connection that was established."""
        return [
            one
            for one in self._observation["dialogues"]
            if one["status"] == seen.OPEN and self.whose(one) == self._whose
        ]

    def is_former(self, dialogue: seen.Dialogue) -> bool:
        """Whether it was held where mail came in before, and is to come in no more."""
        return (dialogue["address"], dialogue["port"]) in self._former

    @cached_property
    def _former(self) -> set[tuple[str, int]]:
        return {(address, one["port"]) for one in self._expect["former"] for address in one["addresses"]}

    @cached_property
    def _exchangers(self) -> dict[str, list[ExpectedExchanger]]:
        found: dict[str, list[ExpectedExchanger]] = {}
        for one in self._expect["smtp"]:
            found.setdefault(one["host"], []).append(one)
        return found

    def refuses_unknown(self, dialogue: seen.Dialogue) -> bool:
        """Whether the host is expected to know the recipients of its domains."""
        return all(one["refuses_unknown"] for one in self._exchangers.get(dialogue["host"], ()))

    def message_size(self, dialogue: seen.Dialogue) -> int | None:
        """How many bytes a message to the host may have; None: nothing is declared about it."""
        # Plans of releases before 0.5.0 do not say it.
        sizes = (one.get("message_size") for one in self._exchangers.get(dialogue["host"], ()))
        return next((size for size in sizes if size is not None), None)

    def public_name(self, dialogue: seen.Dialogue) -> str:
        """The name by which senders look for the host."""
        for one in self._exchangers.get(dialogue["host"], ()):
            if dialogue["address"] in one["addresses"]:
                return one["fqdn"].lower().rstrip(".")
        return dialogue["host"]

    def bound_by(self, dialogue: seen.Dialogue) -> str:
        """What binds senders to the certificate of a host being valid and for its name; empty if nothing does.

        DANE with the certificate's own key (usage 3) does not (RFC 7672, section 3.1.1).
        """
        name = self.public_name(dialogue)
        for pinned in self._observation["pinned"]:
            if pinned["host"] == name and pinned["authentic"] and set(pinned["usages"]) == {2}:
                return "DANE (TLSA records of usage 2)"
        for policy in self._observation["policies"]:
            if policy["mode"] == "enforce" and name in self._dns.exchangers(policy["domain"]):
                return f"the MTA-STS policy of {policy['domain']}"
        return ""

    def said_of(self, *meanings: str) -> Iterator[tuple[seen.Dialogue, seen.SmtpStep]]:
        """The first refusal of each of these meanings in a dialogue, of a greeting, a sender or a domain of its own."""
        whats = (
            *(asked.BANNER, asked.EHLO, asked.HELO, asked.SENDER_IN_CLEARTEXT),
            *(asked.NULL_SENDER, asked.SENDER, *_POSTMASTER),
        )
        for dialogue in self.dialogues:
            for wanted in meanings:
                found = [step for step in steps(dialogue, *whats) if about(dialogue, step) == wanted]
                if found:
                    yield dialogue, found[0]

    def offers(self) -> Iterator[tuple[seen.Dialogue, list[str]]]:
        """What servers offer in their answer to EHLO, where it was short enough to be recorded whole."""
        for dialogue in self.dialogues:
            offered = asked.offered(dialogue)
            if offered is not None:
                yield dialogue, offered

    def postmaster_steps(self) -> Iterator[tuple[seen.Dialogue, seen.SmtpStep]]:
        """The step that tells whether a domain's postmaster is accepted: the last one of each domain."""
        for dialogue in self.dialogues:
            last = {step["domain"]: step for step in steps(dialogue, *_POSTMASTER)}
            for step in last.values():
                yield dialogue, step


def steps(dialogue: seen.Dialogue, *whats: str) -> Iterator[seen.SmtpStep]:
    """The steps that are there for one of these things, in their order."""
    return (step for step in dialogue["steps"] if step["what"] in whats)


def where(dialogue: seen.Dialogue) -> str:
    """The host and its address, in a finding."""
    host, address = dialogue["host"], dialogue["address"]
    return f"{host} ({address})" if host != address else address


def said(step: seen.SmtpStep) -> str:
    """The reply, in a finding."""
    return f"{step['code']} {step['text']}".strip()


def accepts(step: seen.SmtpStep) -> bool:
    """Whether the reply accepts the recipient."""
    return step["code"] in ACCEPTED


def about(dialogue: seen.Dialogue, step: seen.SmtpStep) -> str:
    """What the reply to a recipient is about, as in smtp_replies.

    Where its code leaves that open, other recipients tell it. A refusal that they get too is about the client; one that
    this recipient alone gets is about the recipient.
    """
    found = meaning_of(step)
    own = [one for one in steps(dialogue, asked.UNKNOWN, *_POSTMASTER) if one["command"] != step["command"]]
    if found == replies.CLIENT and any(accepts(one) for one in own):
        return found if replies.enhanced_status(step["code"], step["text"])[0] else replies.RECIPIENT
    if found not in (replies.POLICY, replies.OTHER):
        return found
    strange = steps(dialogue, asked.STRANGER, asked.STRANGER_AT_DOMAIN) if found == replies.OTHER else ()
    told = [one for one in (*own, *strange) if not 400 <= one["code"] < 500]
    return replies.RECIPIENT if any(_gist(one) != _gist(step) for one in told) else replies.CLIENT


def meaning_of(step: seen.SmtpStep) -> str:
    """What the reply is about, by itself."""
    return replies.meaning(step["code"], step["text"])


def _gist(step: seen.SmtpStep) -> tuple[int, str]:
    return step["code"], replies.words(step["text"])
