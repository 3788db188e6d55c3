# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module does to a host, and what it leaves alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import INTERFACES

if TYPE_CHECKING:
    from .conftest import Gateway, Network

FORWARD: dict[str, Any] = {
    "name": "mx",
    "action": "forward",
    "source": ["wan"],
    "public_address": "203.0.113.1",
    "targets": [{"address": "192.168.0.10"}],
}
DROP: dict[str, Any] = {"name": "others", "action": "drop", "source": ["lan"], "destination": ["wan"]}
EVERYTHING: list[dict[str, Any]] = [
    {**FORWARD, "limits": {"rate": "30/minute", "connections": 10}, "log": True},
    {**FORWARD, "name": "many", "public_address": "203.0.113.2", "ports": [25, 465, 587]},
    {
        **FORWARD,
        "name": "some",
        "public_address": "203.0.113.3",
        "source": ["203.0.113.0/24", "10.0.0.0/8"],
        "targets": [{"address": "192.168.0.11", "weight": 3}, {"address": "192.168.0.12"}],
        "translate_source": True,
    },
    {"name": "egress", "action": "snat", "source": ["192.168.0.0/28", "lan"], "egress_address": "203.0.113.1"},
    {"name": "reject", "action": "reject", "source": ["10.0.0.0/8"], "destination": ["192.168.0.0/16", "lan"]},
    {"name": "six", "action": "accept", "source": ["::/0"], "destination": ["2001:db8:10::/64", "lan"]},
    {"name": "bogons", "action": "drop", "source": ["::192.0.2.0/120", "::192.0.2.1", "fe80::/10", "0.0.0.0/8"]},
    {"name": "any", "action": "accept", "limits": {"rate": "1/second"}},
    DROP,
]
FOREIGN = """
table ip filter {
    chain FORWARD { type filter hook forward priority filter; policy accept; }
    chain fail2ban { ip saddr { 192.0.2.1, 192.0.2.2 } drop; }
}
table inet other {
    set addresses { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
    chain input { type filter hook input priority filter; policy accept; ip saddr @addresses counter accept; }
}
table ip6 nat { chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; }; }
"""
# An nft that ends who runs it when it is asked for the former rules.
KILLER = """#!/bin/sh
case "$*" in *--stateless*) kill -9 $PPID ;; esac
exec /mnt/nft "$@"
"""


def test_second_run_changes_nothing(gateway: Gateway) -> None:
    assert gateway.apply(EVERYTHING)["changed"]
    before = gateway.state()
    again = gateway.apply(EVERYTHING)
    assert not again["changed"]
    assert again["diff"] == []
    assert gateway.state() == before


def test_traffic_does_not_make_a_run_a_change(network: Network, gateway: Gateway) -> None:
    """Sets that packets fill are not configuration."""
    flows = [{**FORWARD, "limits": {"rate": "30/minute", "connections": 10}}]
    gateway.apply(flows)
    network["outside"].connect("203.0.113.1")
    assert not gateway.apply(flows)["changed"]


@pytest.mark.parametrize(
    "damage",
    [
        "nft flush chain inet inbound_mail_test inbound_mail_prerouting",
        "nft insert rule inet inbound_mail_test inbound_mail_forward accept",
        "nft delete element inet inbound_mail_test $(named ports) '{ 465 }'",
        "nft add element inet inbound_mail_test $(named outside) '{ lan }'",
        "nft delete table inet inbound_mail_test",
        "nft flush ruleset",
        "rm /etc/inbound.mail/firewall/test.nft",
        "rm -r /etc/sysctl.d/60-inbound-mail.conf",
        "sysctl -w net.ipv4.ip_forward=0",
        "rm /etc/systemd/system/inbound-mail-firewall@.service",
        "rm /etc/systemd/system/sysinit.target.wants/inbound-mail-firewall@test.service",
        "rm /etc/systemd/system/nftables.service.wants/inbound-mail-firewall@test.service",
    ],
)
def test_what_was_changed_by_hand_is_put_right(gateway: Gateway, damage: str) -> None:
    gateway.apply(EVERYTHING)
    before = gateway.state()
    # A set has a checksum in its name.
    named = "named() { nft list table inet inbound_mail_test | grep -o inbound_mail_$1_[0-9a-f]* | head -n 1; };"
    gateway.run(f"{named} {damage}")
    predicted = gateway.apply(EVERYTHING, check_mode=True)
    assert predicted["changed"]
    repaired = gateway.apply(EVERYTHING)
    assert repaired["changed"]
    assert repaired["diff"] == predicted["diff"] != []
    assert gateway.state() == before
    assert not gateway.apply(EVERYTHING)["changed"]


def test_check_mode_predicts_and_changes_nothing(gateway: Gateway) -> None:
    before = gateway.state()
    predicted = gateway.apply(EVERYTHING, check_mode=True)
    assert predicted["changed"]
    assert gateway.state() == before
    assert gateway.apply(EVERYTHING)["diff"] == predicted["diff"]


def test_rules_of_others_stay_byte_for_byte(gateway: Gateway) -> None:
    gateway.run("nft -f -", stdin=FOREIGN)
    before, tables = gateway.state(), gateway.run("nft --handle list ruleset").stdout
    gateway.apply(EVERYTHING)
    assert gateway.run("nft --handle list ruleset").stdout.startswith(tables)
    removed = gateway.firewall(name="test", state="absent")
    assert removed["changed"]
    assert gateway.run("nft --handle list ruleset").stdout == tables
    assert gateway.state() == before
    assert not gateway.firewall(name="test", state="absent")["changed"]


def test_no_flows_leave_an_empty_table(gateway: Gateway) -> None:
    gateway.apply(EVERYTHING)
    assert gateway.apply([])["changed"]
    assert gateway.rules() == "table inet inbound_mail_test {\n}\n"
    assert not gateway.apply([])["changed"]


def test_two_tables_on_one_host(gateway: Gateway) -> None:
    """Taking one out leaves the other, and the sysctls that it needs."""
    gateway.run("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    gateway.apply([FORWARD], name="one")
    gateway.apply([{**FORWARD, "public_address": "203.0.113.2"}], name="two")
    assert not gateway.apply([FORWARD], name="one")["changed"]
    gateway.firewall(name="one", state="absent")
    assert not gateway.apply([{**FORWARD, "public_address": "203.0.113.2"}], name="two")["changed"]
    assert gateway.run("sysctl -n net.ipv4.ip_forward").stdout == "1\n"
    gateway.firewall(name="two", state="absent")
    assert gateway.run("sysctl -n net.ipv4.ip_forward").stdout == "0\n"
    assert "inbound" not in str(gateway.state()["files"])


def test_sysctls_are_set_for_what_is_routed_and_put_back(gateway: Gateway) -> None:
    gateway.run("sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0")
    before = gateway.state()
    show = "sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding"
    gateway.apply([DROP])
    assert gateway.run(show).stdout == "0\n0\n"
    gateway.apply([FORWARD])
    assert gateway.run(show).stdout == "1\n0\n"
    gateway.apply([FORWARD, {"name": "six", "action": "accept", "destination": ["2001:db8::1"]}])
    assert gateway.run(show).stdout == "1\n1\n"
    # As the system reads it at boot.
    gateway.run("sysctl -qw net.ipv4.ip_forward=0; sysctl -qp /etc/sysctl.d/60-inbound-mail.conf")
    assert gateway.run(show).stdout == "1\n1\n"
    gateway.apply([FORWARD])
    assert gateway.run(show).stdout == "1\n0\n"
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


def test_host_that_takes_router_advertisements_goes_on_doing_so(gateway: Gateway) -> None:
    """Otherwise a host that begins to route IPv6 loses its default route, and whoever is logged in by it."""
    gateway.run("sysctl -qw net.ipv6.conf.all.forwarding=0; ip route add default via 2001:db8:113::25 proto ra")
    show = "sysctl -n net.ipv6.conf.internet.accept_ra net.ipv6.conf.lan.accept_ra"
    assert gateway.run(show).stdout == "1\n1\n"
    six = [{"name": "six", "action": "accept", "destination": ["2001:db8::1"]}]
    try:
        gateway.apply(six)
        assert gateway.run(show).stdout == "2\n1\n"
        assert not gateway.apply(six)["changed"]
        gateway.firewall(name="test", state="absent")
        assert gateway.run(show).stdout == "1\n1\n"
    finally:
        gateway.run("ip -6 route flush proto ra")


def test_an_interface_that_is_renamed_does_not_stand_in_the_way(gateway: Gateway) -> None:
    """It took router advertisements, so a sysctl of it is among ours."""
    gateway.run("ip link add uplink type bridge; ip link set uplink up; sysctl -qw net.ipv6.conf.all.forwarding=0")
    gateway.run("ip -6 route add default dev uplink proto ra")
    six = [{"name": "six", "action": "accept", "source": ["wan"], "destination": ["2001:db8::1"]}]
    six += [{"name": "rest", "action": "drop", "source": ["wan"]}]
    gateway.apply(six, interfaces={"wan": ["uplink"]})
    assert gateway.run("sysctl -n net.ipv6.conf.uplink.accept_ra").stdout == "2\n"
    gateway.run("ip link set uplink down; ip link set uplink name isp")
    try:
        assert "six: this host has no interface uplink" in gateway.refuse(six, interfaces={"wan": ["uplink"]})
        assert gateway.apply(six, interfaces={"wan": ["isp"]})["changed"]
        assert not gateway.apply(six, interfaces={"wan": ["isp"]})["changed"]
        assert gateway.firewall(name="test", state="absent")["changed"]
    finally:
        gateway.run("ip link del isp")


def test_unknown_interface_is_named_before_anything_changes(gateway: Gateway) -> None:
    interfaces = {"wan": ["internet"], "lan": ["eth7"]}
    message = gateway.refuse([FORWARD, DROP], interfaces=interfaces)
    assert "others: this host has no interface eth7" in message
    # It may come with what a real run sets up before.
    warned = gateway.apply([FORWARD, DROP], interfaces=interfaces, check_mode=True)
    assert any("eth7" in str(warning) for warning in warned["warnings"])


def test_one_wrong_among_ten_thousand_is_named_and_none_applied(gateway: Gateway) -> None:
    flows = [{**FORWARD, "name": f"mx{n}", "public_address": f"203.0.{n // 250}.{n % 250}"} for n in range(10_000)]
    flows[7777] = {**flows[7777], "targets": [{"address": "2001:db8:10::10"}]}
    assert gateway.refuse(flows).startswith("mx7777: target 2001:db8:10::10 is IPv6. ")
    flows[7777] = {**flows[4444], "name": "again"}
    assert gateway.refuse(flows).startswith("again: mx4444 forwards 203.0.17.194 port 25 already. ")


def test_target_that_is_the_gateway_itself(gateway: Gateway) -> None:
    message = gateway.refuse(
        [{**FORWARD, "targets": [{"address": "192.168.0.1"}]}, {**DROP, "destination": ["2001:db8:1::1"]}]
    )
    assert "mx: the target 192.168.0.1 is this host itself" in message
    assert "others: the destination 2001:db8:1::1 is this host itself" in message


def test_a_run_that_is_killed_before_it_changes_anything_leaves_nothing_to_take_back(gateway: Gateway) -> None:
    """It dies while it notes down what a change is to be taken back to."""
    gateway.apply([FORWARD])
    gateway.run("cp /usr/sbin/nft /mnt/nft; cat >/mnt/killer; chmod +x /mnt/killer", stdin=KILLER)
    gateway.run("mkdir /run/systemd/system; mount --bind /mnt/killer /usr/sbin/nft")
    try:
        killed = gateway.module(name="test", interfaces=INTERFACES, flows=[FORWARD, DROP], confirm_timeout=60)
    finally:
        gateway.run("umount /usr/sbin/nft; rmdir /run/systemd/system")
    assert killed.stdout == ""
    assert not gateway.apply([FORWARD])["changed"]


def test_nothing_is_changed_that_could_not_be_kept(gateway: Gateway) -> None:
    """Check mode needs no right to write."""
    gateway.apply([FORWARD])
    gateway.run("mount -o remount,ro /etc")
    try:
        assert "nothing can be written to /etc/" in gateway.refuse([FORWARD, DROP])
        before = gateway.state()
        predicted = gateway.apply([FORWARD, DROP], check_mode=True)
        assert gateway.state() == before
    finally:
        gateway.run("mount -o remount,rw /etc")
    assert gateway.apply([FORWARD, DROP])["diff"] == predicted["diff"] != []


def test_a_time_to_wait_that_is_none_is_refused(gateway: Gateway) -> None:
    assert "confirm_timeout: -5 is not a number of seconds" in gateway.refuse([FORWARD], confirm_timeout=-5)


def test_rules_that_the_kernel_refuses_change_nothing(gateway: Gateway) -> None:
    """Here a table of our name, owned by a process that does not give it away."""
    owner = gateway.start("nft", "--interactive")
    assert owner.stdin is not None
    owner.stdin.write("add table inet inbound_mail_test { flags owner; }\nlist tables\n")
    owner.stdin.flush()
    assert owner.stdout is not None
    while "inbound_mail_test" not in owner.stdout.readline():
        pass
    try:
        assert "inbound_mail_test" in gateway.refuse([FORWARD])
    finally:
        owner.communicate("quit\n", timeout=60)


def test_missing_nft_says_what_to_do_and_check_mode_predicts(gateway: Gateway) -> None:
    gateway.run("mount -t tmpfs tmpfs /usr/sbin")
    try:
        result = gateway.firewall(name="test", interfaces={"wan": ["internet"]}, flows=[FORWARD])
        assert result["failed"]
        assert "Install the package nftables" in result["msg"]
        predicted = gateway.apply([FORWARD], check_mode=True)
        assert predicted["changed"]
    finally:
        gateway.run("/usr/bin/umount /usr/sbin")
    assert gateway.apply([FORWARD])["diff"] == predicted["diff"]


def test_two_in_charge_at_once_are_an_error_that_names_both(gateway: Gateway) -> None:
    gateway.run("nft -f -", stdin="table inet firewalld { chain filter_FORWARD { }; }")
    gateway.run("nft -f -", stdin="table ip filter { chain ufw-before-forward { }; }")
    message = gateway.refuse([FORWARD])
    assert "firewalld and ufw at once" in message
    assert gateway.apply([FORWARD], backend="nftables")["backend"] == "nftables"


@pytest.mark.parametrize("backend", ["firewalld", "ufw"])
def test_a_backend_that_does_not_run_is_an_error(gateway: Gateway, backend: str) -> None:
    assert f"{backend} is not running on this host" in gateway.refuse([FORWARD], backend=backend)


def test_a_backend_that_is_not_installed_is_an_error(gateway: Gateway) -> None:
    programs = gateway.run("realpath /usr/sbin/iptables-save").stdout.strip()
    gateway.run(f"mount --bind /dev/null {programs}")
    try:
        assert "iptables is not installed on this host" in gateway.refuse([FORWARD], backend="iptables")
    finally:
        gateway.run(f"umount {programs}")


def test_warns_of_a_chain_that_drops_what_ours_accepts(gateway: Gateway) -> None:
    strict = "table inet strict { chain fwd_in { type filter hook forward priority 0; policy drop; }; }"
    gateway.run("nft -f -", stdin=strict)
    result = gateway.apply([FORWARD])
    assert any("inet strict fwd_in" in str(warning) for warning in result["warnings"])
    assert not gateway.apply([DROP]).get("warnings")


def test_warns_of_an_egress_address_that_is_not_there(gateway: Gateway) -> None:
    egress = {"name": "out", "action": "snat", "source": ["lan"], "egress_address": "203.0.113.77"}
    assert any("203.0.113.77" in str(warning) for warning in gateway.apply([egress])["warnings"])


def test_ten_thousand_flows(network: Network, gateway: Gateway) -> None:
    """One transaction, a handful of rules, and a second run that finds nothing to do."""
    flows = [
        {**FORWARD, "name": f"mx{n}", "public_address": f"203.0.{113 + n // 250}.{1 + n % 250}", "source": ["wan"]}
        for n in range(5000)
    ]
    flows += [
        {"name": f"server{n}", "action": "drop" if n % 2 else "accept", "destination": [f"10.{n // 250}.{n % 250}.1"]}
        for n in range(5000)
    ]
    started = time.monotonic()
    gateway.apply(flows)
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert not gateway.apply(flows)["changed"]
    print(f"two runs of 10,000 flows: {time.monotonic() - started:.1f} s")
    assert gateway.run("nft list table inet inbound_mail_test | grep -c comment").stdout.strip() == "14"
