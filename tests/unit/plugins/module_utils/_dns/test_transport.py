# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers of messages: unused, and not to be guessed."""

from __future__ import annotations

from ansible_collections.inbound.mail.plugins.module_utils._dns.transport import unused_identifier


def test_an_identifier_under_which_a_message_waits_is_not_used_again() -> None:
    for free in (0, 65535):
        assert unused_identifier(set(range(65536)) - {free}) == free


def test_identifiers_do_not_follow_from_those_before() -> None:
    found = [unused_identifier(()) for _number in range(1000)]
    steps = {(after - before) % 65536 for before, after in zip(found, found[1:])}
    assert len(steps) > 900
