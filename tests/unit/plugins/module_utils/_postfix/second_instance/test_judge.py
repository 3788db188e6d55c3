# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.ask import Answers
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.dialogue import Reply
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.judge import (
    Transport,
    contradictions,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import (
    HandInQuestion,
    ListenQuestion,
    Questions,
    RouteQuestion,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.resolver import Route

HELO = "client.example.net"
TRANSPORTS = {
    "smtp": Transport("smtp", False),
    "relay": Transport("smtp", False),
    "local": Transport("local", True),
    "error": Transport("error", False),
    "submissions": Transport("smtp", True),
}


@pytest.mark.parametrize(
    ("expected", "route", "is_right"),
    [
        ("relay:[192.0.2.2]:25", Route("relay", "[192.0.2.2]:25", False), True),
        ("relay:[192.0.2.2]:25", Route("smtp", "[192.0.2.2]:25", False), False),
        ("relay:[192.0.2.2]:25, [192.0.2.3]:25", Route("relay", "[192.0.2.2]:25,[192.0.2.3]:25", False), True),
        ("relay:[192.0.2.2]:25", Route("relay", "[192.0.2.3]:25", False), False),
        (":[192.0.2.9]:25", Route("smtp", "[192.0.2.9]:25", True), True),
        (":[192.0.2.9]:25", Route("error", "[192.0.2.9]:25", True), False),
        (":[192.0.2.9]:25", Route("smtp", "elsewhere.example.net", True), False),
        (":[192.0.2.9]:25", Route("submissions", "[192.0.2.9]:25", True), False),
        (":[192.0.2.9]:25", Route("local", "[192.0.2.9]:25", True), False),
        ("", Route("submissions", "[192.0.2.9]:465", True), True),
        ("", Route("submissions", "[192.0.2.9]:465, [192.0.2.9]:25", True), True),
        ("", Route("local", "mail.example.org", False), True),
        ("", Route("error", "no mail", True), False),
        # Of a domain with aliases alone, which are replaced before the resolver is asked.
        ("", Route("error", "5.1.1 User unknown in virtual alias table", False), True),
        ("", Route("gone", "x", True), False),
        # A table that is a server cannot be asked from where the second Postfix is.
        ("relay:[192.0.2.2]:25", Route("", "", False, failed=True), True),
    ],
)
def test_routes(expected: str, route: Route, is_right: bool) -> None:
    question = RouteQuestion("", "a@example.org", expected)
    found = contradictions(Questions(HELO, (question,), (), ()), Answers(routes=(route,)), TRANSPORTS)
    assert (found == []) is is_right


@pytest.mark.parametrize(
    ("is_accepted", "may_be_unknown", "reply", "is_right"),
    [
        (True, False, Reply(250, "2.1.5 Ok"), True),
        (True, False, Reply(450, "4.1.1 unverified"), True),
        (True, False, Reply(550, "5.1.1 unknown"), False),
        (True, False, Reply(530, "5.7.0 Must issue a STARTTLS command first"), True),
        (True, True, Reply(550, "5.1.1 unknown"), True),
        (True, True, Reply(554, "5.7.1 Relay access denied"), False),
        (False, False, Reply(250, "2.1.5 Ok"), False),
        (False, False, Reply(454, "4.7.1 Relay access denied"), True),
        (False, False, Reply(554, "5.7.1 Relay access denied"), True),
        (False, False, Reply(0, "Connection unexpectedly closed"), True),
        # A server that ends takes no mail.
        (True, False, Reply(0, "Connection unexpectedly closed"), False),
        # The host answers no address of the client's family.
        (True, False, None, True),
    ],
)
def test_replies(is_accepted: bool, may_be_unknown: bool, reply: Reply | None, is_right: bool) -> None:
    question = HandInQuestion("198.51.100.25", "a@example.org", is_accepted, may_be_unknown)
    found = contradictions(Questions(HELO, (), (), (question,)), Answers(hand_in=(reply,)), TRANSPORTS)
    assert (found == []) is is_right


def test_what_does_not_answer_is_told_with_what_postfix_says_of_it() -> None:
    questions = Questions(HELO, (), (ListenQuestion(("192.0.2.1",)),), ())
    answers = Answers(listening=(Reply(0, "Connection refused"),), complaints="bad numerical configuration")
    (found,) = contradictions(questions, answers, TRANSPORTS)
    assert found.message == "Postfix would not answer on port 25 of 192.0.2.1: bad numerical configuration"
    (found,) = contradictions(questions, Answers(not_started="no local interface found for ::1"), TRANSPORTS)
    assert found.message == "Postfix does not start: no local interface found for ::1"


def test_table_that_cannot_be_opened_keeps_mail_waiting() -> None:
    """A reply of 4xx, or no route, comes from the trial itself unless Postfix says more."""
    route = RouteQuestion("", "a@example.org", "")
    hand_in = HandInQuestion("198.51.100.201", "a@example.org", True)
    questions = Questions(HELO, (route,), (), (hand_in,))
    answers = Answers(routes=(Route("", "", False, failed=True),), hand_in=(Reply(451, "4.3.0 Temporary failure"),))
    assert contradictions(questions, answers, TRANSPORTS) == []
    said = replace(answers, complaints="open /etc/postfix/gone: No such file or directory")
    assert [one.question for one in contradictions(questions, said, TRANSPORTS)] == [route, hand_in]
