# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what has waited in Postfix's queue for longer than the domains of its recipients allow.

A program by itself, which a timer starts on the mail host: ``postqueue -j | python3 expire_queue.py QUEUE_DIRECTORY``.
It prints queue IDs, for ``postsuper -e``: Postfix sends a message that is marked so back when its next delivery attempt
is due, without making that attempt. The lifetimes stand in a file beside the program.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIFETIMES = "queue_lifetimes"
"""The file: in each line a domain and its lifetime, as ``example.org 14d``."""
OTHERS = "*"
"""Stands there for all other domains, in the last line, so that a file that was cut lacks it."""
DEFERRED = "deferred"
"""The queue of mail that was tried in vain."""

# Bounces have a lifetime of their own (postconf(5), bounce_queue_lifetime).
_NULL_SENDER = "MAILER-DAEMON"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def lifetime_seconds(text: str) -> int | None:
    """Of a number with its unit, as 5d; None for anything else."""
    match = re.fullmatch(r"([0-9]+)([smhdw])", text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


def read_lifetimes(text: str) -> dict[str, int]:
    """Domain -> seconds. Raises ValueError for a text that lost a part: it would send mail back too early."""
    found = {}
    last = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            continue
        last, _blank, lifetime = line.partition(" ")
        seconds = lifetime_seconds(lifetime)
        if not last or seconds is None:
            raise ValueError(f"line {number} is not a domain and its lifetime")
        found[last] = seconds
    if last != OTHERS:
        raise ValueError(f"its last line is not that of all other domains ({OTHERS})")
    return found


def due(messages: Iterable[Mapping[str, Any]], lifetimes: Mapping[str, int], put_off: Mapping[str, float]) -> list[str]:
    """Queue IDs of messages that were tried in vain after each recipient's lifetime had ended.

    That is when Postfix itself gives a message up. One that is older, but was not tried since then, may still arrive:
    the server may be back, or this host was off. messages: as ``postqueue -j`` describes them; recipients that have
    the message are not among theirs. put_off: queue ID -> when the message was last put off, in seconds.
    """
    found = []
    for message in messages:
        if message["queue_name"] != DEFERRED or message["sender"] == _NULL_SENDER or message["forced_expire"]:
            continue
        domains = [one["address"].rpartition("@")[2].lower() for one in message["recipients"]]
        longest = max((lifetimes.get(domain, lifetimes[OTHERS]) for domain in domains), default=None)
        if longest is not None and message["arrival_time"] + longest <= put_off.get(message["queue_id"], 0):
            found.append(message["queue_id"])
    return found


def last_put_off(queue_directory: str) -> dict[str, float]:
    """Queue ID -> when Postfix last put the message off; not of one that somebody has just released from hold."""
    found = {}
    for folder, _folders, names in os.walk(os.path.join(queue_directory, DEFERRED)):
        for name in names:
            try:
                status = os.stat(os.path.join(folder, name))
            except FileNotFoundError:
                continue  # Postfix is trying it just now.
            # A file that Postfix puts off is dated with the time of the next attempt.
            if status.st_mtime > status.st_ctime:
                found[name] = status.st_ctime
    return found


def main(queue_directory: str) -> None:
    path = Path(__file__).with_name(LIFETIMES)
    try:
        lifetimes = read_lifetimes(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = f"{path} cannot be read: {error}. No mail was sent back"
        raise SystemExit(f"{what}. Run the playbook again, which writes it anew") from error
    put_off = last_put_off(queue_directory)
    overdue = due(map(json.loads, sys.stdin), lifetimes, put_off)
    sys.stdout.writelines(f"{queue_id}\n" for queue_id in overdue)


if __name__ == "__main__":
    main(sys.argv[1])
