# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.server import server_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.second_instance.questions import (
    Questions,
    questions_of,
)

ADDRESSES = ("203.0.113.17", "2001:db8:113::17")
CLIENT = {"accept_from": [], "smarthosts": [], "sender_smarthosts": [], "send_from": [], "addresses": []}
HOPS = [{"address": "192.0.2.2", "port": 25}]


def relay(addresses: tuple[str, ...] = ADDRESSES, trusted: tuple[str, ...] = (), **changes: Any) -> Questions:
    domains = [{"name": "example.org", "next_hops": HOPS, "recipients": None}]
    declared = {**CLIENT, "fqdn": "mail.example.org", "domains": domains, "relay_from": ["192.0.2.2"], **changes}
    declared["addresses"] = declared.pop("declared_addresses", [])
    configuration = relay_configuration("relay", declared, Former())
    options: Any = {"relay": declared, "server": None}
    return questions_of(options, configuration, addresses, map(ip_network, trusted), has_aliases=False)


def server(**changes: Any) -> Questions:
    declared = {**CLIENT, "fqdn": "mbox.example.org", "domains": ["example.org"], "local_delivery": True, **changes}
    configuration = server_configuration("server", declared, {})
    options: Any = {"relay": None, "server": declared}
    return questions_of(options, configuration, ADDRESSES, (), has_aliases=False)


def handed_in(questions: Questions) -> set[tuple[str, str, bool]]:
    return {(one.client, one.recipient, one.is_accepted) for one in questions.hand_in}


def test_relay_is_asked_where_mail_goes() -> None:
    routes = {
        (one.sender, one.recipient): one.expected
        for one in relay(smarthosts=[{"address": "192.0.2.9", "port": 25}]).routes
    }
    assert routes["", "postmaster@example.org"] == "relay:[192.0.2.2]:25"
    assert routes["", "postmaster@elsewhere.example.net"] == ":[192.0.2.9]:25"
    assert routes["", "root@mail.example.org"] == ""


def test_mail_of_a_sender_with_smarthosts_goes_there_and_no_other() -> None:
    by_sender = [{"domain": "example.org", "smarthosts": [{"address": "192.0.2.7", "port": 25}]}]
    routes = [
        (one.sender, one.expected) for one in relay(sender_smarthosts=by_sender).routes if "elsewhere" in one.recipient
    ]
    assert routes == [("", ""), ("root@mail.example.org", ""), ("postmaster@example.org", ":[192.0.2.7]:25")]


def test_stranger_hands_in_mail_for_the_domains_alone_and_an_insider_for_all() -> None:
    assert handed_in(relay()) == {
        ("192.0.43.201", "postmaster@example.org", True),
        ("192.0.43.201", "postmaster@elsewhere.example.net", False),
        ("2001:500:88:200::201", "postmaster@example.org", True),
        ("2001:500:88:200::201", "postmaster@elsewhere.example.net", False),
        ("192.0.2.2", "postmaster@elsewhere.example.net", True),
    }


def test_stranger_is_no_host_that_may_relay() -> None:
    clients = relay(trusted=("192.0.43.0/24",)).clients
    assert clients[0] == "199.43.135.201"


def test_nothing_is_asked_by_a_family_that_the_host_has_not() -> None:
    assert not [one for one in relay(addresses=("203.0.113.17",)).clients if ":" in one]


def test_where_some_alone_may_hand_in_mail_a_stranger_may_not() -> None:
    asked = handed_in(relay(accept_from=["192.0.2.64/29"]))
    assert ("192.0.2.65", "postmaster@example.org", True) in asked
    assert ("192.0.2.65", "postmaster@elsewhere.example.net", False) in asked
    assert ("192.0.43.201", "postmaster@example.org", False) in asked


def test_listed_recipients_their_tags_and_others() -> None:
    static = {"validation": "static", "addresses": ["info"]}
    domains = [{"name": "example.org", "next_hops": HOPS, "recipients": static}]
    asked = {recipient: accepted for client, recipient, accepted in handed_in(relay(domains=domains))}
    assert asked["info@example.org"] is asked["info+tag@example.org"] is True
    assert [recipient for recipient, accepted in asked.items() if not accepted and "elsewhere" not in recipient] == [
        "no-such-recipient-of-inbound-mail@example.org"
    ]


@pytest.mark.parametrize("local_delivery", [True, False])
def test_server_is_asked_whether_it_takes_its_domains(local_delivery: bool) -> None:
    questions = server(local_delivery=local_delivery)
    assert ("", "postmaster@example.org") in [(one.sender, one.recipient) for one in questions.routes]
    assert all(one.may_be_unknown for one in questions.hand_in if one.is_accepted)


@pytest.mark.parametrize(
    ("declared", "asked"),
    [
        ([], [ADDRESSES]),
        (["203.0.113.17", "2001:DB8:113:0::17"], [(ADDRESSES[0],), (ADDRESSES[1],)]),
        # The other host of a pair has it now.
        (["203.0.113.18"], [ADDRESSES]),
        (["203.0.113.18", "203.0.113.17"], [(ADDRESSES[0],)]),
    ],
)
def test_addresses_that_are_declared_and_there(declared: list[str], asked: list[tuple[str, ...]]) -> None:
    assert [one.addresses for one in relay(declared_addresses=declared).listening] == asked


def test_elsewhere_is_no_part_of_a_domain_of_ours() -> None:
    domains = [
        {"name": name, "next_hops": HOPS, "recipients": None} for name in ("example.net", "elsewhere.example.com")
    ]
    recipients = {one.recipient.rpartition("@")[2] for one in relay(domains=domains).hand_in if not one.is_accepted}
    assert recipients == {"elsewhere.example.org"}


def test_client_of_a_network_is_not_the_host_itself() -> None:
    """Its own address, the first one of the network, or the only one."""
    own = ("192.0.2.1", "203.0.113.17")
    clients = relay(addresses=own, relay_from=["192.0.2.0/30", "203.0.113.17/32"]).clients
    assert [one for one in clients if one.startswith(("192.0.2.", "203.0.113."))] == ["192.0.2.2"]
