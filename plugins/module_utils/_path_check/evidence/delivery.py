# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules ask about test messages: where each was found, and by which names its hosts are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import steps
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_steps import BANNER, EHLO, first_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.dns import DnsEvidence
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import SmtpEvidence
    from ansible_collections.inbound.mail.plugins.module_utils._path_check.expectations import (
        Expectations,
        ExpectedDelivery,
    )


class DeliveryEvidence:
    """The messages that the vantage sent, beside what is expected of them."""

    def __init__(
        self, expect: Expectations, observation: seen.Observation, dns: DnsEvidence, smtp: SmtpEvidence
    ) -> None:
        self._expect = expect
        self._observation = observation
        self._dns = dns
        self._smtp = smtp

    def messages(self) -> Iterator[tuple[ExpectedDelivery, seen.Sent, list[seen.Trace]]]:
        """(expectation, the message, where it was found) of each message that was sent."""
        for expected in self._expect["delivery"]:
            for sent in self._observation["sent"]:
                if sent["recipient"] == expected["recipient"]:
                    traces = [one for one in self._observation["traces"] if one["token"] == sent["token"]]
                    yield expected, sent, traces

    def was_looked_up(self, domain: str) -> bool:
        """Whether there is an answer about the domain's exchangers and about the addresses of each."""
        exchangers = self._dns.exchangers(domain)
        return bool(self._dns.said(domain, "MX")) and all(
            self._dns.addresses(one) or self._dns.was_resolved(one) for one in exchangers
        )

    def was_searched(self, host: str) -> bool:
        """Whether the mailboxes of the host were searched in this run."""
        return any(one["host"] == host for one in self._observation["mail_hosts"])

    def unread(self, hosts: list[str]) -> list[str]:
        """Why some mailboxes of these hosts could not be searched."""
        there = [one for one in self._observation["mail_hosts"] if one["host"] in hosts]
        # Once, though a host that was searched twice says it twice.
        return list(dict.fromkeys(why for one in there for why in one.get("unread", [])))

    def names_of(self, host: str) -> set[str]:
        """Names that a mail host may have in a Received field: declared, by its own word, and by its greeting."""
        said = [(one["host"], one["fqdn"]) for one in self._expect["smtp"]]
        said += [(one["host"], name) for one in self._observation["mail_hosts"] for name in one["names"]]
        names = {_bare(name) for whose, name in said if whose == host}
        greetings = {
            first_word(step)
            for dialogue in self._smtp.dialogues
            if dialogue["host"] == host
            for step in steps(dialogue, BANNER, EHLO)
        }
        # Where a forward leads to another host than the one that is meant, it is the other one that greets.
        return (names | (greetings - {_bare(name) for whose, name in said if whose != host})) - {""}


def _bare(name: str) -> str:
    return name.lower().rstrip(".")
