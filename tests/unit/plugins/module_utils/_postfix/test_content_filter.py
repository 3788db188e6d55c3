# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import services_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.content_filter import content_filter_problems

MASTER_CF = (
    "smtp inet n - y - - smtpd{}\nsmtp unix - - y - - smtp\nfilter unix - n n - - pipe user=filter argv=/bin/true\n"
)


def places(value: str, option: str = "") -> list[str]:
    services = services_of(MASTER_CF.format(option))
    return [one.option for one in content_filter_problems({"content_filter": value}, services)]


def test_filter_that_answers_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("[127.0.0.1]", "127.0.0.1", "localhost", "inet:127.0.0.1"):
            assert places(f"smtp:{host}:{port}") == []
    assert places(f"smtp:[127.0.0.1]:{port}") == ["main.cf: content_filter"]


@pytest.mark.parametrize(
    ("value", "option", "found"),
    [
        ("", "", []),
        ("filter:dummy", "", []),
        ("gone:dummy", "", ["main.cf: content_filter"]),
        ("gone:dummy", " -o content_filter=", []),
        ("", " -o content_filter=gone:", ["master.cf: smtp/inet"]),
        # A host elsewhere may be away for a moment, and what follows from another parameter is not known here.
        ("smtp:[192.0.2.1]:10024", "", []),
        ("smtp:$filter_host", "", []),
        ("smtp:unix:private/filter", "", []),
    ],
)
def test_filters(value: str, option: str, found: list[str]) -> None:
    assert places(value, option) == found
