# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages by Postfix's log, and the order in which the places are looked into."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.imap import is_loopback
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.poll import await_messages
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.postfix_log import find

TOKEN = "path-check-0123456789abcdef"
START = "Nov 25 18:06:19 mail"
TAKEN = f"{START} postfix/cleanup[7]: 4B6F: message-id=<{TOKEN}@sender.example.com>"


def delivery(agent: str, said: str, queue: str = "4B6F", status: str = "sent") -> str:
    where = "to=<postmaster@example.org>, relay=store[192.0.2.1]:24, delay=0.1, delays=0/0/0/0, dsn=2.0.0"
    return f"{START} postfix/{agent}[8]: {queue}: {where}, status={status} ({said})"


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (delivery("lmtp", "250 2.0.0 <postmaster@example.org> Saved"), 1),
        (delivery("local", "delivered to mailbox"), 1),
        (delivery("virtual", "delivered to maildir"), 1),
        (delivery("pipe", "delivered via dovecot service"), 1),
        # An instance of its own name, as Debian and postmulti have it.
        (delivery("lmtp", "250 ok").replace("postfix/", "postfix-in/"), 1),
        (delivery("lmtp", "250 ok").replace("postfix/", "postfix/store/"), 1),
        (delivery("lmtp", "451 later", status="deferred"), 0),
        (delivery("lmtp", "250 ok", queue="7777"), 0),
        # To another host, back from a filter, by an alias to somebody else, and to nowhere.
        (delivery("smtp", "250 ok"), 0),
        (delivery("lmtp", "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 9A"), 0),
        (delivery("local", "forwarded as 9A"), 0),
        (delivery("local", "delivered to file: /dev/null"), 0),
        ("\x1b[2J nonsense", 0),
    ],
)
def test_what_the_log_says(line: str, count: int) -> None:
    assert len(find("mail", [TOKEN], [TAKEN, line])) == count
    assert find("mail", [TOKEN], [line, line]) == []
    assert find("mail", ["path-check-ffffffffffffffff"], [TAKEN, line]) == []


def test_same_line_in_file_and_journal_is_one_delivery() -> None:
    lines = [TAKEN, delivery("lmtp", "250 ok")]
    (trace,) = find("mail", [TOKEN], [*lines, *lines])
    assert trace["file"] == "log: lmtp store[192.0.2.1]:24: 250 ok"


def trace(kind: str, token: str = TOKEN) -> dict[str, Any]:
    return {"host": "mail", "token": token, "kind": kind, "file": kind, "hops": []}


@pytest.mark.parametrize(
    ("in_files", "in_account", "logged", "kinds"),
    [
        (True, True, True, ["mailbox"]),
        (False, True, True, ["imap"]),
        (False, False, True, ["log"]),
        (False, False, False, []),
    ],
)
def test_one_copy_is_found_by_one_way(in_files: bool, in_account: bool, logged: bool, kinds: list[str]) -> None:
    asked = []

    def look(kind: str, there: bool) -> Any:
        def found(tokens: list[str]) -> list[Any]:
            asked.append((kind, tokens))
            return [trace(kind)] if there and tokens else []

        return found

    looks = [look("mailbox", in_files), look("imap", in_account)]
    found = await_messages([TOKEN], looks, look("log", logged), time.monotonic())
    assert [one["kind"] for one in found] == kinds
    # What was delivered when the log was read is there when the mailboxes are looked into.
    assert [kind for kind, _tokens in asked] == ["log", "mailbox", "imap"]
    assert asked[2][1] == ([] if in_files else [TOKEN])


def test_waits_until_all_are_there() -> None:
    rounds = iter([[], [trace("mailbox")], [trace("mailbox"), trace("mailbox", "other")]])
    found = await_messages([TOKEN, "other"], [lambda _tokens: next(rounds)], lambda _tokens: [], time.monotonic() + 60)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("server", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.0.2.1", False), ("imap.example.org", False)],
)
def test_whether_a_password_stays_on_this_host(server: str, here: bool) -> None:
    assert is_loopback(server) is here
