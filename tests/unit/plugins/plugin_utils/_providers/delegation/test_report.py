# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the administrator reads of a zone that is to be delegated to other name servers."""

from __future__ import annotations

import dns.name
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.contents import Contents
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.moves import Move
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.name_servers import NewServers
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.parents import DelegationStatus
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.report import (
    DelegationResult,
    result_of,
)

ZONE = dns.name.from_text("example.org")
OLD, NEW = dns.name.from_text("ns.example.net"), dns.name.from_text("ns.example.org")
MOVE = Move(ZONE, ["old"], ["new"], frozenset())


def result(
    named: dns.name.Name, contents: Contents, warnings: list[str], accept_differences: bool = False
) -> DelegationResult:
    status = DelegationStatus(dns.name.from_text("org"), {"192.0.2.1": frozenset({named})}, 3600)
    servers = {ZONE: NewServers({NEW: ("192.0.2.53",)})}
    return result_of([MOVE], servers, {ZONE: [contents]}, {ZONE: status}, accept_differences, warnings.append)


def test_request_names_the_operator_the_servers_and_their_glue() -> None:
    found = result(OLD, Contents([], ""), [])
    assert found["requests"] == [
        "Have the delegation of example.org changed by the operator of org, mostly through the registrar: "
        "NS ns.example.org in place of ns.example.net, with the addresses (glue) ns.example.org 192.0.2.53. "
        "0 of 1 name servers of org say so now."
    ]
    assert (found["delegated"], found["ttl"], "failed" in found) == (False, 3600, False)


@pytest.mark.parametrize("accepted", [False, True])
def test_records_that_are_missing_fail_unless_they_are_accepted(accepted: bool) -> None:
    found = result(OLD, Contents(["A www.example.org (192.0.2.80) is missing"], ""), [], accepted)
    assert found.get("failed", False) is not accepted
    assert ("A www.example.org (192.0.2.80) is missing" in found.get("msg", "")) is not accepted


def test_contents_that_cannot_be_read_are_a_warning() -> None:
    warnings: list[str] = []
    assert "failed" not in result(OLD, Contents([], "The transfer was refused."), warnings)
    assert len(warnings) == 1
    assert "was not compared: The transfer was refused." in warnings[0]


def test_a_zone_that_is_delegated_asks_for_nothing() -> None:
    found = result(NEW, Contents(["A www.example.org (192.0.2.80) is missing"], ""), [])
    assert (found["delegated"], found["requests"], "failed" in found) == (True, [], False)
