# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.smtp import said, where
from ansible_collections.inbound.mail.plugins.module_utils._path_check.rule_registry import ERROR, Found, rule
from ansible_collections.inbound.mail.plugins.module_utils._path_check.smtp_replies import LOGIN, NO_MAIL, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.inbound.mail.plugins.module_utils._path_check.evidence.case import Case


@rule(
    "server-fault",
    ERROR,
    "RFC 3463, section 3.4",
    "The server says that it cannot accept mail for a reason of its own, such as a full disk or a lookup that fails.",
    "Free the space, or correct what its log names.",
)
def server_fault(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.said_of(SERVER):
        yield Found(
            where(dialogue),
            f"It cannot accept mail now: {said(step)}. Senders keep it in their queues and return it after some days.",
            "See the server's log for the reason: a full disk, a lookup table that is missing, or a service that does "
            "not answer it.",
            expected="250",
            observed=said(step),
            places=[dialogue["address"]],
        )


@rule(
    "server-takes-no-mail",
    ERROR,
    "RFC 7504",
    "The server says that it accepts no mail at all (521, 556).",
    "Let the mail service answer at that address, or remove the record that leads there.",
)
def server_takes_no_mail(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.said_of(NO_MAIL):
        yield Found(
            where(dialogue),
            f"It says that it accepts no mail: {said(step)}.",
            "Check that the mail service itself is at the other end of the forward, or remove the MX record that leads "
            "there.",
            expected="250",
            observed=said(step),
            places=[dialogue["address"]],
        )


@rule(
    "server-demands-login",
    ERROR,
    "RFC 4954, section 6",
    "The server demands a login for mail to its own domains, which no other mail server has.",
    "Let port 25 accept mail for its own domains without a login; submission is for port 587.",
)
def server_demands_login(case: Case) -> Iterator[Found]:
    for dialogue, step in case.smtp.said_of(LOGIN):
        yield Found(
            where(dialogue),
            f"It demands a login: {said(step)}. No other mail server can deliver to it.",
            "Demand logins on port 587 alone (Postfix: permit_sasl_authenticated, reject in master.cf for submission).",
            expected="250",
            observed=said(step),
            places=[dialogue["address"]],
        )
