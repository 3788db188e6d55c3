# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Received fields as real servers write them, and mailboxes in which the token is looked for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.mailboxes import find
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.submit import message
from ansible_collections.inbound.mail.plugins.module_utils._path_check.delivery.trace_fields import hop, hops
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "path-check-0123456789abcdef"


@pytest.mark.parametrize(
    ("field", "address", "by"),
    [
        (  # Postfix
            "from sender.example.com (unknown [203.0.113.25]) by mail.example.org (Postfix) with ESMTP id 4B6F for "
            "<postmaster@example.org>; Mon, 23 Nov 2026 14:02:00 +0000 (UTC)",
            "203.0.113.25",
            "mail.example.org",
        ),
        (
            "from mail.example.org (mail.example.org [IPv6:2001:db8:1::17]) by mailbox.example.org with ESMTPS; x",
            "2001:db8:1::17",
            "mailbox.example.org",
        ),
        (  # Exim
            "from [203.0.113.25] (helo=sender.example.com) by mail.example.org with esmtp (Exim 4.96) id 1; x",
            "203.0.113.25",
            "mail.example.org",
        ),
        (  # Exchange
            "from sender.example.com (203.0.113.25) by EX01.corp.example.org (192.168.0.10) with SMTP; x",
            "203.0.113.25",
            "EX01.corp.example.org",
        ),
        (  # Sendmail, with a comment in the comment
            "from sender (host.example.com [203.0.113.25] (may be forged)) by mail.example.org with ESMTP; x",
            "203.0.113.25",
            "mail.example.org",
        ),
        ("by mailbox.example.org (Postfix, from userid 0) id 7; x", "", "mailbox.example.org"),
        ("(qmail 123 invoked from network); x", "", ""),
    ],
)
def test_hop(field: str, address: str, by: str) -> None:
    found = hop(field)
    assert (found["address"], found["by"]) == (address, by)


def test_first_hop_comes_first() -> None:
    header = b"Received: from b by c; 2\nReceived: from a\n\tby b; 1\nSubject: x\n"
    assert [one["by"] for one in hops(header)] == ["b", "c"]


@given(st.binary(max_size=2000))
def test_any_header_can_be_read(header: bytes) -> None:
    for one in hops(b"Received: " + header):
        assert all(value.isprintable() for value in one.values() if isinstance(value, str))
        assert one["at"] is None or isinstance(one["at"], float)


def mail(token: str) -> bytes:
    return b"Received: from a ([192.0.2.1]) by b; x\r\n" + message("postmaster@example.org", token, "a.example.com")


def seek(*places: Path) -> list[tuple[str, int]]:
    traces = find("mail", [TOKEN], [str(place) for place in places], time.time() - 60)
    return [(trace["file"], len(trace["hops"])) for trace in traces]


def test_mbox(tmp_path: Path) -> None:
    mbox = tmp_path / "root"
    other = mail("path-check-ffffffffffffffff").replace(b"\r\n", b"\n")
    mine = mail(TOKEN).replace(b"\r\n", b"\n")
    mbox.write_bytes(b"From a Mon\n" + other + b"\nFrom a Mon\n" + mine + b"\nFrom a Mon\n" + other)
    assert seek(mbox) == [(str(mbox), 1)]
    mbox.write_bytes(b"From a Mon\n" + mine + b"\nFrom a Mon\n" + mine)
    assert seek(mbox) == [(str(mbox), 1)] * 2


def test_maildirs_below_a_folder(tmp_path: Path) -> None:
    new = tmp_path / "example.org/postmaster/Maildir/new"
    new.mkdir(parents=True)
    (new / "1.M1.host").write_bytes(mail(TOKEN))
    assert seek(tmp_path) == [(str(new / "1.M1.host"), 1)]
    assert seek(tmp_path / "example.*") == [(str(new / "1.M1.host"), 1)]


def test_token_counts_in_the_header_only(tmp_path: Path) -> None:
    quoted = tmp_path / "1"
    quoted.write_bytes(b"Subject: x\n\n" + mail(TOKEN))
    assert seek(quoted) == []


def test_old_files_are_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "1"
    old.write_bytes(mail(TOKEN))
    os.utime(old, (0, 0))
    assert seek(old) == []


def test_a_message_that_claims_more_hops_than_any_server_allows_is_read_to_a_limit() -> None:
    """The limit counts from the last hop, which our own server wrote."""
    fields = [f"Received: from a.example by hop{number}.example with SMTP; x" for number in range(1000)]
    found = hops("\n".join([*fields, ""]).encode())
    assert [found[0]["by"], found[-1]["by"]] == ["hop99.example", "hop0.example"]
    assert len(found) == 100


def test_what_a_hop_says_of_itself_is_cut() -> None:
    """Names have 255 octets at most (RFC 1035, section 2.3.4), and a date is far shorter than 60."""
    found = hop(f"from {'a' * 256} ([203.0.113.25]) by {'b' * 256} with SMTP; {'c' * 61}")
    assert found["helo"] == "a" * 255 + "..."
    assert found["by"] == "b" * 255 + "..."
    assert found["date"] == "c" * 60 + "..."
    assert hop(f"from {'a' * 255} by {'b' * 255}; {'c' * 60}") == {
        "helo": "a" * 255,
        "address": "",
        "by": "b" * 255,
        "date": "c" * 60,
        "at": None,
    }


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Thu, 1 Jan 1970 01:00:03 +0100", 3),
        ("Wed, 31 Dec 1969 19:00:03 -0500 (EST)", 3),
        ("Thu, 1 Jan 1970 00:00:03 -0000", 3),
        ("1 Jan 1970 00:00:03 GMT", 3),
        ("yesterday", None),
        ("Thu, 32 Jan 1970 00:00:03 +0000", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_date_of_a_hop_is_read_wherever_the_reader_is(
    date: str, at: float | None, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert hop(f"from a by b; {date}")["at"] == at
        assert hop("from a by b")["at"] is None
    finally:
        monkeypatch.undo()
        time.tzset()
