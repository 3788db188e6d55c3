# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates as dnspython reads them: what goes into one message, and in which order (RFC 2136)."""

from __future__ import annotations

import dns.message
import dns.rdataclass
import dns.update
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.rfc2136.update import batches_of, update_of
from ansible_collections.inbound.mail.plugins.plugin_utils._records.names import parse_name
from ansible_collections.inbound.mail.plugins.plugin_utils._records.rrsets import Change, Key, RRset
from ansible_collections.inbound.mail.plugins.plugin_utils._records.values import parse_type, parse_value

ZONE = parse_name("example.org")


def rrset(name: str, rdtype: str, *values: str) -> RRset:
    key = Key(parse_name(name), parse_type(rdtype))
    return RRset(key, 300, frozenset(parse_value(key.rdtype, value) for value in values))


def create(name: str, rdtype: str, *values: str) -> Change:
    after = rrset(name, rdtype, *values)
    return Change(after.key, None, after)


def delete(name: str, rdtype: str, *values: str) -> Change:
    before = rrset(name, rdtype, *values)
    return Change(before.key, before, None)


def test_the_name_servers_of_a_zone_are_added_before_the_others_go() -> None:
    """A server ignores the deletion of the whole RRset at the apex, and keeps the last one (section 3.4.2.3)."""
    before, after = rrset("example.org", "NS", "ns1.example.net."), rrset("example.org", "NS", "ns2.example.net.")
    wire = update_of(ZONE, [Change(before.key, before, after)]).to_wire()
    message = dns.message.from_wire(wire)
    assert isinstance(message, dns.update.UpdateMessage)
    steps = [(one.deleting or dns.rdataclass.IN, [str(value) for value in one]) for one in message.update]
    assert steps == [(dns.rdataclass.IN, ["ns2.example.net."]), (dns.rdataclass.NONE, ["ns1.example.net."])]


def test_over_several_messages_no_record_names_a_host_without_an_address() -> None:
    """The addresses of new exchangers are in the first message, those of former ones go with the last."""
    # Enough beside them that one message does not hold it.
    texts = [create(f"t{number:03}.example.org", "TXT", "x" * 2000) for number in range(60)]
    mx = Change(Key(ZONE, parse_type("MX")), rrset("example.org", "MX", "10 a."), rrset("example.org", "MX", "10 z."))
    new, former = create("z.example.org", "A", "192.0.2.2"), delete("a.example.org", "A", "192.0.2.1")
    batches = batches_of(ZONE, [former, mx, new, *texts])
    place = {change.key: number for number, batch in enumerate(batches) for change in batch}
    order = [change.key for batch in batches for change in batch]
    assert len(batches) > 1
    assert place[new.key] == 0
    assert place[former.key] == len(batches) - 1
    assert order.index(new.key) < order.index(mx.key) < order.index(former.key)
