# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relays and servers do at the edge: limits, message size, lifetimes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml


def inventory(relay: dict[str, Any], everywhere: dict[str, Any] | None = None) -> str:
    own = {"mail_topology": "direct", "mail_fqdn": "mx.example.org", "mail_addresses": ["9.9.0.17"]}
    behind = {"mail_topology": "relay", "mail_relays": ["edge"], "mail_addresses": ["192.168.0.10", "9.9.0.10"]}
    backup = {"name": "backup.example.net", "addresses": ["9.9.9.9"]}
    shared = {
        "mail_domains": [{"name": "example.org", "backup_mx": [backup]}],
        "mail_dns": {"default": {"provider": "manual"}},
    }
    return yaml.safe_dump(
        {
            "all": {"vars": {**shared, **(everywhere or {})}},
            "mail_servers": {"hosts": {"mailbox": behind}},
            "mail_relays": {"hosts": {"edge": {**own, **relay}}},
        }
    )


def test_message_size_is_the_same_on_both_sides(plan_of: Any) -> None:
    plan = plan_of(inventory({}, {"mail_message_size": "50M"}))
    assert plan["relay"]["edge"]["edge"] == plan["server"]["mailbox"]["edge"] == {"message_size": 52428800}


def test_limits_do_not_count_for_those_that_the_plan_knows(plan_of: Any) -> None:
    limits = {"connections_per_minute": 30, "exempt": ["9.9.8.0/24"]}
    lifetimes = {"mail_queue_lifetime": "7d", "mail_bounce_lifetime": "1d"}
    accept_from = {"mail_accept_from": ["9.9.7.0/24"]}
    plan = plan_of(inventory({"mail_client_limits": limits, **lifetimes, **accept_from}))
    assert plan["relay"]["edge"]["edge"] == {
        "client_limits": {
            "connections_per_minute": 30,
            "exempt": ["192.168.0.10", "9.9.0.10", "9.9.7.0/24", "9.9.9.9", "9.9.8.0/24"],
        },
        "queue_lifetime": "7d",
        "bounce_lifetime": "1d",
    }


@pytest.mark.parametrize(
    ("variable", "value", "message", "remedy"),
    [
        ("mail_message_size", "50 Megabytes", "'50 Megabytes' is not a size", "52428800 or 50M"),
        ("mail_message_size", "1K", "1024 bytes are outside 65536..2147483647", "52428800 or 50M"),
        ("mail_queue_lifetime", 5, "is a number, not a time with its unit", "Write a number and its unit"),
        ("mail_bounce_lifetime", "1 day", "'1 day' is not a time", "Write a number and its unit"),
        ("mail_client_limits", {"connection": 5}, "there is no key 'connection'", "Did you mean 'connections'?"),
        ("mail_client_limits", {"exempt": []}, "limits nothing", "connections_per_minute: 60"),
    ],
)
def test_what_cannot_be_read(errors_of: Any, variable: str, value: object, message: str, remedy: str) -> None:
    shared = variable == "mail_message_size"
    found = errors_of(inventory({} if shared else {variable: value}, {variable: value} if shared else {}))
    assert len(found) == 1
    assert message in str(found[0])
    assert remedy in str(found[0])
