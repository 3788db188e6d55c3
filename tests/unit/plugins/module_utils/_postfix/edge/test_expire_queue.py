# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge import expire_queue
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.expire_queue import (
    due,
    last_put_off,
    read_lifetimes,
)

LIFETIMES = read_lifetimes(
    "# A comment\nexample.org 14d\nexample.net 2d\nxn--bcher-kva.example 2d\nbücher.example 2d\n* 5d\n"
)
DAY = 86400
ARRIVED = 1795683855


def message(*recipients: str, **changes: Any) -> dict[str, Any]:
    """As ``postqueue -j`` of Postfix 3.7 and 3.10 describes one."""
    return {
        "queue_name": "deferred",
        "queue_id": "EC86E18A0C2",
        "arrival_time": ARRIVED,
        "message_size": 454,
        "forced_expire": False,
        "sender": "root@example.com",
        "recipients": [{"address": recipient, "delay_reason": "Connection refused"} for recipient in recipients],
        **changes,
    }


def is_due(one: dict[str, Any], days: float) -> bool:
    """Whether it is if it was last put off so long after it came."""
    return due([one], LIFETIMES, {one["queue_id"]: ARRIVED + days * DAY}) == [one["queue_id"]]


@pytest.mark.parametrize(
    ("recipients", "days"),
    [
        (["info@example.net"], 2),
        (["info@Example.NET"], 2),
        (["info@example.org"], 14),
        (["info@elsewhere.example"], 5),
        (["root"], 5),
        (["info@sub.example.net"], 5),
        (['"info@example.org"@example.net'], 2),
        (["info@xn--bcher-kva.example"], 2),
        (["info@bücher.example"], 2),
        (["info@example.net", "sales@example.net"], 2),
        (["info@example.net", "info@example.org"], 14),
        (["info@example.net", "bob@elsewhere.example"], 5),
    ],
)
def test_message_is_due_when_it_was_tried_after_every_lifetime_of_its_recipients(
    recipients: list[str], days: int
) -> None:
    assert is_due(message(*recipients), days)
    assert not is_due(message(*recipients), days - 1 / DAY)


def test_message_that_was_not_tried_since_its_lifetime_ended_is_not_due() -> None:
    assert due([message("info@example.net")], LIFETIMES, {}) == []
    assert not is_due(message("info@example.net"), 1.9)


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "MAILER-DAEMON"},
        {"queue_name": "hold"},
        {"queue_name": "active"},
        {"queue_name": "incoming"},
        {"forced_expire": True},
        {"recipients": []},
    ],
    ids=str,
)
def test_what_is_let_alone(changes: dict[str, Any]) -> None:
    assert not is_due(message("info@example.net", **changes), 1000)


def test_each_message_is_judged_by_itself() -> None:
    messages = [message("info@example.net", queue_id="1"), message("info@example.org", queue_id="2")]
    messages.append(message("sales@example.net", queue_id="3"))
    assert due(messages, LIFETIMES, dict.fromkeys("123", ARRIVED + 3 * DAY)) == ["1", "3"]


def test_only_a_message_that_postfix_itself_put_off_was_tried(tmp_path: Path) -> None:
    """It dates the file with the next attempt; one that is released from hold keeps the date that it had."""
    folder = tmp_path / "deferred" / "E"
    folder.mkdir(parents=True)
    now = time.time()
    for name, next_attempt in (("EC86E18A0C2", now + 300), ("EC86E18A0C3", now - 300)):
        (folder / name).touch()
        os.utime(folder / name, (next_attempt, next_attempt))
    found = last_put_off(str(tmp_path))
    assert list(found) == ["EC86E18A0C2"]
    assert abs(found["EC86E18A0C2"] - now) < 60


TEXT = "# A comment\nexample.org 14d\nexample.net 2d\n* 5d"


@pytest.mark.parametrize("end", range(len(TEXT)))
def test_a_file_that_was_cut_sends_nothing_back(end: int) -> None:
    with pytest.raises(ValueError, match="line"):
        read_lifetimes(TEXT[:end])
    assert read_lifetimes(TEXT) == {"example.org": 14 * DAY, "example.net": 2 * DAY, "*": 5 * DAY}


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"caf\xe9.example 1d\n* 5d\n", None])
def test_the_program_says_what_is_wrong_with_it_and_sends_nothing_back(content: bytes | None, tmp_path: Path) -> None:
    """As systemd starts it: by itself, with what `postqueue -j` prints."""
    program = tmp_path / "expire_queue.py"
    program.write_text(inspect.getsource(expire_queue), encoding="utf-8")
    if content is not None:
        (tmp_path / "queue_lifetimes").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", program, tmp_path],
        input=json.dumps(message("info@example.net")), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'queue_lifetimes'} cannot be read" in done.stderr
    assert "No mail was sent back. Run the playbook again" in done.stderr
    assert "Traceback" not in done.stderr
