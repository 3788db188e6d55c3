# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which answers of Postfix contradict the declaration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Union

from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import (
    HandInQuestion,
    ListenQuestion,
    RouteQuestion,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.ask import Answers
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.dialogue import Reply
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import Questions
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.resolver import Route

Question = Union[RouteQuestion, ListenQuestion, HandInQuestion]

_START = ListenQuestion(())
_PORT_465 = re.compile(r":(?:465|smtps|submissions)(?:,|$)")
_SMTP_CLIENTS = ("smtp", "lmtp")
# They return mail or throw it away: error(8), discard(8).
_NO_DELIVERY = ("error", "discard")
# By a service of master.cf with an option of its own (RFC 3207, section 4); main.cf demands none in the trial.
_TLS_IS_DEMANDED = 530
# The subject and detail of enhanced status codes that speak of the recipient alone (RFC 3463, section 3.2).
_NO_SUCH_RECIPIENT = "5.1."


class Transport(NamedTuple):
    """program: the one that delivers; begins_with_tls: smtp_tls_wrappermode (postconf(5)) as it counts for it."""

    program: str
    begins_with_tls: bool


class Contradiction(NamedTuple):
    """A question, and what its answer means for mail."""

    question: Question
    message: str


def contradictions(questions: Questions, answers: Answers, transports: Mapping[str, Transport]) -> list[Contradiction]:
    """transports: of master.cf, by name."""
    if answers.not_started:
        return [Contradiction(_START, f"Postfix does not start: {answers.not_started}")]
    found: list[Contradiction] = []
    for route_question, route in zip(questions.routes, answers.routes):
        message = _wrong_route(route_question, route, transports, answers.complaints)
        if message:
            found.append(Contradiction(route_question, message))
    for listen_question, reply in zip(questions.listening, answers.listening):
        if reply.code != 220:
            said = f": {answers.complaints or reply.text}"
            found.append(Contradiction(listen_question, f"Postfix would not answer on {listen_question}{said}"))
    for hand_in_question, answer in zip(questions.hand_in, answers.hand_in):
        message = _wrong_reply(hand_in_question, answer, answers.complaints) if answer else ""
        if message:
            found.append(Contradiction(hand_in_question, message))
    return found


def _wrong_route(question: RouteQuestion, route: Route, transports: Mapping[str, Transport], complaints: str) -> str:
    """Empty for a right one, and where a table is a server that cannot be asked from where the second Postfix is."""
    if route.failed:
        return f"{question} would wait: {complaints}" if complaints else ""
    way = f"{route.transport}:{route.next_hop}"
    service = transports.get(route.transport)
    if service is None:
        return f"{question} would wait for {way}, and master.cf has no service {route.transport}"
    transport, _colon, next_hop = question.expected.partition(":")
    is_right = not question.expected or _same(route.next_hop, next_hop)
    if transport:
        is_right = is_right and route.transport == transport
    elif question.expected:
        is_right = is_right and service.program in _SMTP_CLIENTS
    if not question.expected and route.next_hop.startswith(_NO_SUCH_RECIPIENT):
        return ""  # The domain is taken, and has no mailbox of that name.
    if service.program in _NO_DELIVERY or not is_right:
        wanted = f", not to {question.expected.lstrip(':')}" if question.expected else ""
        return f"{question} would go to {way}{wanted}"
    if service.program in _SMTP_CLIENTS and service.begins_with_tls and not _PORT_465.search(route.next_hop):
        return f"{question} would go to {way} with TLS from the first byte, which is for port 465 alone"
    return ""


def _same(one: str, other: str) -> bool:
    return "".join(one.split()) == "".join(other.split())


def _wrong_reply(question: HandInQuestion, reply: Reply, complaints: str) -> str:
    if question.is_accepted:
        if reply.code == _TLS_IS_DEMANDED:
            return ""
        if not reply.code or (not reply.accepted and not reply.refused and complaints):
            # A reply of 4xx alone can come from what the second Postfix has no way to.
            return f"{question} would not be taken: {complaints or reply.text}"
        is_unknown = question.may_be_unknown and reply.text.startswith(_NO_SUCH_RECIPIENT)
        return f"{question} would be refused: {reply.code} {reply.text}" if reply.refused and not is_unknown else ""
    return f"{question} would be accepted" if reply.accepted else ""
