# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.inbound.mail.plugins.module_utils._firewall.flow_reader import read_flows
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host.conntrack import Forwarded, parse, stale

LISTING = (
    "tcp      6 431999 ESTABLISHED src=203.0.113.25 dst=203.0.113.1 sport=40000 dport=25 "
    "src=192.168.0.10 dst=203.0.113.25 sport=25 dport=40000 [ASSURED] mark=0 use=1\n"
    "tcp      6 119 SYN_SENT src=203.0.113.25 dst=203.0.113.1 sport=40001 dport=25 [UNREPLIED] "
    "src=192.168.0.99 dst=203.0.113.25 sport=25 dport=40001 mark=0 use=1\n"
    "tcp      6 431999 ESTABLISHED src=203.0.113.25 dst=203.0.113.1 sport=40000 dport=80 "
    "src=192.168.0.80 dst=203.0.113.25 sport=80 dport=40000 [ASSURED] mark=0 use=1\n"
)


def forward(name: str, source: str, *targets: str) -> dict[str, Any]:
    return {
        "name": name,
        "action": "forward",
        "source": [source],
        "public_address": "203.0.113.1",
        "targets": [{"address": target} for target in targets],
    }


def connection(client: str, target: str) -> Forwarded:
    return Forwarded("203.0.113.1", 25, target, client)


def found(flows: list[dict[str, Any]], *seen: Forwarded, interfaces: dict[str, str] | None = None) -> list[Forwarded]:
    def toward(addresses: Iterable[str]) -> dict[str, str]:
        assert interfaces is not None, "not to be asked"
        return {address: interfaces[address] for address in addresses if address in interfaces}

    declared = read_flows(flows, {"wan": ["eth0"], "wan2": ["eth1"]})  # type: ignore[arg-type]
    return stale(declared.flows, seen, toward)


def test_connections_to_a_server_that_is_no_target_any_more() -> None:
    seen = parse(LISTING)
    assert len(seen) == 3
    assert found([forward("mx", "wan", "192.168.0.10")], *seen) == [connection("", "192.168.0.99")]


def test_connections_of_each_source_of_one_public_address() -> None:
    flows = [forward("few", "198.51.100.0/24", "192.168.0.50"), forward("mx", "any", "192.168.0.10")]
    few, mx = connection("198.51.100.7", "192.168.0.10"), connection("203.0.113.25", "192.168.0.10")
    assert found(flows, few, mx) == [few]
    assert found(flows, few._replace(target="192.168.0.50"), mx) == []
    assert found(flows, mx._replace(target="192.168.0.50")) == [connection("", "192.168.0.50")]


def test_connections_of_each_interface() -> None:
    flows = [forward("one", "wan", "192.168.0.10"), forward("two", "wan2", "192.168.0.50")]
    one, two = connection("198.51.100.7", "192.168.0.50"), connection("203.0.113.25", "192.168.0.50")
    assert found(flows, one, two, interfaces={"198.51.100.7": "eth0", "203.0.113.25": "eth1"}) == [one]
    # Of whom it is not known where they come from, those live that any of the flows would begin so.
    unknown = connection("203.0.113.99", "192.168.0.99")
    assert found(flows, one, unknown, interfaces={}) == [connection("", "192.168.0.99")]
