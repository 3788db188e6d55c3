# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a zone is delegated to its new name servers, and whether its keys are those that the parent names."""

from __future__ import annotations

import dns.dnssec
import dns.message
import dns.name
import dns.rrset
import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.delegation.parents import (
    DelegationStatus,
    is_signed_by,
)
from dns.name import Name

ZONE = dns.name.from_text("example.org")
# The key and its DS of RFC 4034, section 5.4, for another owner.
KEY = (
    "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd"
    "/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
)


def name(text: str) -> Name:
    return dns.name.from_text(text)


@pytest.mark.parametrize(
    ("named", "delegated"),
    [
        ([["new1", "new2"], ["new1", "new2"]], True),
        ([["new1"], ["new1"]], True),
        # One of the parent's servers is behind, names both, or names none.
        ([["new1", "new2"], ["old1"]], False),
        ([["new1", "old1"], ["new1", "new2"]], False),
        ([["new1", "new2"], []], False),
    ],
)
def test_a_zone_is_delegated_when_all_parents_name_the_new_servers_alone(
    named: list[list[str]], delegated: bool
) -> None:
    said = {f"192.0.2.{number}": frozenset(map(name, hosts)) for number, hosts in enumerate(named)}
    look = DelegationStatus(name("org"), said, 3600)
    assert look.leads_only_to([name("new1"), name("new2")]) is delegated


@pytest.mark.parametrize("is_the_key_of_the_ds", [True, False])
def test_keys_go_with_the_ds_records_of_the_parent(is_the_key_of_the_ds: bool) -> None:
    keys = dns.rrset.from_text(ZONE, 3600, "IN", "DNSKEY", KEY)
    reply = dns.message.make_response(dns.message.make_query(ZONE, "DNSKEY"))
    reply.answer.append(keys)
    owner = ZONE if is_the_key_of_the_ds else name("example.net")
    signed = dns.rrset.from_rdata(ZONE, 3600, dns.dnssec.make_ds(owner, keys[0], "SHA256"))
    assert is_signed_by(ZONE, signed, reply) is is_the_key_of_the_ds
