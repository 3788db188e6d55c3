# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First match wins, whatever shares a table: against a walk down the list."""

from __future__ import annotations

import ipaddress

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flows import ANY_HOST, Peer, host_peer
from ansible_collections.inbound.mail.plugins.module_utils._firewall.render.first_match import Entry, ranked
from hypothesis import given
from hypothesis import strategies as st

# Few of each, so that entries meet.
ADDRESSES = [f"10.0.0.{n}" for n in range(4)]
INTERFACES = ["eth0", "eth1"]
PEERS = [
    ANY_HOST,
    *map(host_peer, ADDRESSES),
    *(Peer(interface=name) for name in INTERFACES),
    *(Peer(network=ipaddress.ip_network(text), family=4) for text in ("10.0.0.0/31", "10.0.0.2/31", "10.0.0.0/30")),
]
RESULTS = ["accept", "drop", "goto x"]

entries = st.builds(
    Entry,
    source=st.sampled_from(PEERS),
    destination=st.sampled_from(PEERS),
    family=st.just(4),
    port=st.sampled_from([25, 587]),
    result=st.sampled_from(RESULTS),
)
packets = st.tuples(
    st.sampled_from(INTERFACES), st.sampled_from(ADDRESSES), st.sampled_from(INTERFACES), st.sampled_from(ADDRESSES),
    st.sampled_from([25, 587]),
)  # fmt: skip
Packet = tuple[str, str, str, str, int]


def matches(entry: Entry, packet: Packet) -> bool:
    came_in, source, goes_out, destination, port = packet
    return (
        entry.port == port and holds(entry.source, came_in, source) and holds(entry.destination, goes_out, destination)
    )


def holds(peer: Peer, interface: str, address: str) -> bool:
    if peer.interface:
        return peer.interface == interface
    return peer.network is None or ipaddress.ip_address(address) in peer.network


@given(st.lists(entries, max_size=12), packets)
def test_ranks_decide_as_the_list_does(listed: list[Entry], packet: Packet) -> None:
    first = next((entry.result for entry in listed if matches(entry, packet)), None)
    for rank in ranked(listed):
        results = {entry.result for entry in rank if matches(entry, packet)}
        if results:
            # Within a rank they are looked up in any order.
            assert results == {first}
            return
    assert first is None


@given(st.lists(entries, max_size=12))
def test_every_entry_is_in_one_rank(listed: list[Entry]) -> None:
    assert sorted(map(str, listed)) == sorted(str(entry) for rank in ranked(listed) for entry in rank)


def test_single_addresses_that_differ_share_a_rank() -> None:
    entries = [Entry(ANY_HOST, host_peer(f"10.0.{n}.1"), 4, 25, RESULTS[n % 2]) for n in range(200)]
    assert len(ranked(entries)) == 1


def test_translated_destination_stands_for_where_packets_go() -> None:
    """Who forwards to a server comes after who was shut out from it before."""
    server = host_peer("10.0.0.1")
    shut = Entry(Peer(network=ipaddress.ip_network("192.0.2.0/24"), family=4), server, 4, 25, "drop")
    forward = Entry(ANY_HOST, host_peer("203.0.113.1"), 4, 25, "accept", translated_to=(server,))
    assert ranked([shut, forward]) == [[shut], [forward]]
    assert ranked([forward, shut]) == [[forward], [shut]]
