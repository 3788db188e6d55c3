# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions put to a second Postfix, and its answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.dialogue import (
    Reply,
    greeting,
    replies,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.isolation import isolated
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.resolver import Route, resolve
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.second_postfix import (
    NotStartedError,
    SecondPostfix,
)

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import Questions
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.second_postfix import (
        Place,
        Texts,
    )

# A start takes less than a second, and an answer some milliseconds; postscreen lets a client wait for a second.
_SECONDS = 120


@dataclass(frozen=True)
class Answers:
    """In the order of the questions, None for one that no address of its family answers.

    not_started: why there are none; complaints: what ended programs of Postfix, or kept tables from being opened.
    """

    routes: tuple[Route, ...] = ()
    listening: tuple[Reply, ...] = ()
    hand_in: tuple[Reply | None, ...] = ()
    not_started: str = ""
    complaints: str = ""


def ask(place: Place, texts: Texts, questions: Questions) -> Answers:
    """Raises IsolationError where the host allows no second Postfix, HostError where that gives no answers."""

    def work() -> str:
        try:
            return json.dumps(asdict(_ask(place, texts, questions)))
        except NotStartedError as failure:
            return json.dumps(asdict(Answers(not_started=str(failure))))

    answers = json.loads(isolated(work, _SECONDS))
    return Answers(
        tuple(Route(**route) for route in answers["routes"]),
        tuple(Reply(*reply) for reply in answers["listening"]),
        tuple(reply and Reply(*reply) for reply in answers["hand_in"]),
        answers["not_started"],
        answers["complaints"],
    )


def _ask(place: Place, texts: Texts, questions: Questions) -> Answers:
    postfix = SecondPostfix(place)
    postfix.start(texts)
    postfix.allow_clients(questions.clients)
    try:
        routes = resolve(postfix.resolver, [(question.sender, question.recipient) for question in questions.routes])
    except (OSError, ValueError) as failure:
        raise NotStartedError(f"its resolver ends: {postfix.complaints() or failure}") from failure
    greetings = {
        address: greeting(address)
        for address in dict.fromkeys(address for question in questions.listening for address in question.addresses)
    }
    listening = [
        next((greetings[one] for one in question.addresses if greetings[one].code), greetings[question.addresses[0]])
        for question in questions.listening
    ]
    hand_in: dict[tuple[str, str], Reply] = {}
    for client in questions.clients:
        recipients = [question.recipient for question in questions.hand_in if question.client == client]
        server = next((one for one, reply in greetings.items() if reply.code and (":" in one) == (":" in client)), "")
        if server:
            found = replies(server, client, questions.helo, recipients)
            hand_in.update({(client, recipient): reply for recipient, reply in zip(recipients, found)})
    return Answers(
        tuple(routes),
        tuple(listening),
        tuple(hand_in.get((question.client, question.recipient)) for question in questions.hand_in),
        complaints=postfix.complaints(),
    )
