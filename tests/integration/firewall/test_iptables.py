# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside rules of iptables that drop what they do not know: an administrator's own, and Docker's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Gateway, Network

FLOWS: list[dict[str, Any]] = [
    {
        "name": "mx",
        "action": "forward",
        "source": ["wan"],
        "public_address": "203.0.113.1",
        "targets": [{"address": "192.168.0.10"}],
    },
    {"name": "relay", "action": "accept", "source": ["wan"], "destination": ["198.51.100.17", "2001:db8:1::17"]},
    {"name": "out", "action": "accept", "source": ["192.168.0.10", "2001:db8:10::10"], "destination": ["wan"]},
    {"name": "others", "action": "drop", "source": ["lan"], "destination": ["wan"]},
]
# What somebody else has on the box: a web forward, a ban, a way out for everybody but on port 80 alone.
BY_HAND = """
*nat
-A PREROUTING -i internet -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.0.10
COMMIT
*filter
:banned - [0:0]
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
-A FORWARD -j banned
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A banned -s 203.0.113.99/32 -j DROP
COMMIT
"""
SIX_BY_HAND = """
*filter
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -p tcp -m tcp --sport 80 -j ACCEPT
-A FORWARD -p ipv6-icmp -j ACCEPT
COMMIT
"""
# As Docker makes them.
DOCKER = """
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -s 10.9.9.0/24 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.fixture
def strict(network: Network) -> Iterator[Network]:
    network.gateway.run("iptables-restore; iptables-save >/dev/null", stdin=BY_HAND)
    network.gateway.run("ip6tables-restore", stdin=SIX_BY_HAND)
    yield network


def saved(gateway: Gateway) -> str:
    """All rules, without what they have counted."""
    return gateway.run("(iptables-save; ip6tables-save) | sed '/^#/d; s/ \\[.*//'").stdout


def test_mail_passes_where_nothing_else_does(strict: Network) -> None:
    before = saved(strict.gateway)
    assert strict["outside"].attempt("198.51.100.17") == "silence"
    result = strict.gateway.apply(FLOWS)
    assert result["backend"] == "iptables"
    assert not result.get("warnings")
    assert strict["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert strict["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert strict["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert strict["mail"].connect("203.0.113.25") == "192.168.0.10"
    assert strict["mail"].connect("2001:db8:113::25") == "2001:db8:10::10"
    assert strict["insider"].connect("203.0.113.1") == "192.168.0.1"
    # What no flow lets through is still the administrator's to decide, and so is everything but mail.
    assert strict["insider"].attempt("203.0.113.25") == "silence"
    assert strict["outside"].attempt("198.51.100.17", 587) == "silence"
    assert strict["relay"].attempt("192.168.0.10") == "silence"
    assert strict["outside"].connect("203.0.113.1", 80) == "203.0.113.25"
    foreign = [line for line in saved(strict.gateway).splitlines() if "inbound_mail" not in line]
    assert foreign == before.splitlines()


def test_a_family_that_iptables_does_not_filter_is_left_alone(network: Network) -> None:
    gateway = network.gateway
    gateway.run("iptables-restore", stdin=BY_HAND)
    before = gateway.state()
    assert gateway.apply(FLOWS)["backend"] == "iptables"
    assert network["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert network["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert "table ip6" not in gateway.rules()
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


# What a host may have before it has rules for what is routed.
_HARDLY_ANYTHING = {
    "nothing": "true",
    "an-empty-table": "nft add table ip filter",
    "another-chain": "iptables -A INPUT -s 203.0.113.99 -j DROP; ip6tables -P INPUT DROP",
    "an-empty-chain": "for program in iptables ip6tables; do $program -A FORWARD -j DROP; $program -F; done",
}


@pytest.mark.parametrize("there", _HARDLY_ANYTHING.values(), ids=_HARDLY_ANYTHING)
def test_what_iptables_makes_for_us_alone_goes_with_us(network: Network, there: str) -> None:
    gateway = network.gateway
    gateway.run(there)
    before = gateway.state()
    predicted = gateway.apply(FLOWS, backend="iptables", check_mode=True)
    assert gateway.apply(FLOWS, backend="iptables")["diff"] == predicted["diff"]
    assert "chain FORWARD" in gateway.rules()
    assert not gateway.apply(FLOWS, backend="iptables")["changed"]
    # The last one of our tables takes it out.
    gateway.apply(FLOWS, backend="iptables", name="test2")
    gateway.firewall(name="test", state="absent")
    assert "inbound_mail_test2" in gateway.run("iptables -S FORWARD").stdout
    # As at boot.
    gateway.run(f"nft flush ruleset; sh /etc/inbound.mail/firewall/test2.openings; {there}")
    assert gateway.firewall(name="test2", state="absent")["changed"]
    assert gateway.state() == before
    assert not gateway.firewall(name="test2", state="absent")["changed"]


def test_what_others_have_put_where_we_were_first_stays(network: Network) -> None:
    gateway = network.gateway
    before = gateway.state()
    gateway.apply(FLOWS, backend="iptables")
    # Nothing of IPv6 is left.
    gateway.apply([FLOWS[0]], backend="iptables")
    assert "table ip6 filter" not in gateway.rules()
    for change, stays, taken_back in (
        ("iptables -A FORWARD -s 203.0.113.99 -j DROP", "203.0.113.99", "iptables -F FORWARD"),
        ("iptables -P FORWARD DROP", "FORWARD DROP", "iptables -P FORWARD ACCEPT"),
        ("iptables -N theirs", "theirs", "iptables -X theirs"),
        # They empty ours.
        ("iptables -F FORWARD; iptables -F inbound_mail_test; iptables -X inbound_mail_test", "", "true"),
    ):
        gateway.apply([FLOWS[0]], backend="iptables")
        gateway.run(change)
        gateway.firewall(name="test", state="absent")
        assert stays in gateway.run("iptables-save -t filter").stdout
        gateway.run(taken_back)
        if stays:
            gateway.run("iptables -X FORWARD || :; nft delete table ip filter")
    assert gateway.state() == before


@pytest.mark.parametrize("last", ["DROP", "REJECT"])
def test_a_last_rule_that_drops_is_found_as_a_policy_is(network: Network, last: str) -> None:
    gateway = network.gateway
    for program in ("iptables", "ip6tables"):
        gateway.run(f"{program} -A FORWARD -p tcp --dport 80 -j ACCEPT")
        gateway.run(f"{program} -A FORWARD -p tcp --sport 80 -j ACCEPT")
        gateway.run(f"{program} -A FORWARD -j {last}")
    assert network["outside"].attempt("198.51.100.17", marker="2001:db8:1::17") != "open"
    result = gateway.apply(FLOWS)
    assert result["backend"] == "iptables"
    assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert network["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert not gateway.apply(FLOWS)["changed"]


def test_a_last_rule_that_drops_in_a_table_by_hand_is_a_warning(network: Network) -> None:
    chain = "chain c { type filter hook forward priority 0; ct state established accept; counter drop; };"
    network.gateway.run(f"nft 'table inet by_hand {{ {chain} }}'")
    assert any("inet by_hand c" in str(warning) for warning in network.gateway.apply(FLOWS)["warnings"])


def test_second_run_check_mode_and_the_way_back(strict: Network) -> None:
    gateway = strict.gateway
    before, rules = gateway.state(), saved(gateway)
    predicted = gateway.apply(FLOWS, check_mode=True)
    assert gateway.state() == before
    assert gateway.apply(FLOWS)["diff"] == predicted["diff"]
    assert any("chain inbound_mail_test" in part["after_header"] for part in predicted["diff"])
    assert not gateway.apply(FLOWS)["changed"]
    for damage in (
        "iptables -F inbound_mail_test",
        "iptables -D FORWARD -j inbound_mail_test",
        "ip6tables -I inbound_mail_test -j ACCEPT",
        "rm /etc/inbound.mail/firewall/test.openings",
        "rm /etc/systemd/system/multi-user.target.wants/inbound-mail-openings@test.service",
    ):
        good = gateway.state()
        gateway.run(damage)
        assert gateway.apply(FLOWS, check_mode=True)["changed"], damage
        assert gateway.apply(FLOWS)["changed"], damage
        assert gateway.state() == good, damage
    gateway.run("rm /etc/systemd/system/multi-user.target.wants/inbound-mail-openings@test.service")
    gateway.firewall(name="test", state="absent")
    assert saved(gateway) == rules
    assert gateway.state() == before


def test_chains_that_somebody_has_emptied_or_cut_off_go_too(strict: Network) -> None:
    gateway = strict.gateway
    gateway.apply(FLOWS)
    gateway.run("iptables -F; ip6tables -F FORWARD")
    gateway.firewall(name="test", state="absent")
    assert "inbound" not in saved(gateway)


def test_chains_that_somebody_has_changed_are_put_right(strict: Network) -> None:
    """Many openings are a tree of chains."""
    gateway = strict.gateway
    flows = [{**FLOWS[1], "name": f"a{n}", "destination": [f"10.0.0.{n}", f"2001:db8:2::{n}"]} for n in range(250)]
    before = gateway.state()
    gateway.apply([*flows, *FLOWS])
    good = gateway.state()
    for damage in (
        "iptables -F inbound_mail_test.1",
        "ip6tables -A inbound_mail_test.2 -j ACCEPT",
        "iptables -D inbound_mail_test 2",
        "iptables -N inbound_mail_test.9999; iptables -A inbound_mail_test.9999 -j inbound_mail_test.3",
    ):
        gateway.run(damage)
        assert gateway.state() != good, damage
        assert gateway.apply([*flows, *FLOWS])["changed"], damage
        assert gateway.state() == good, damage
    assert strict["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert strict["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    # Fewer need fewer chains, and a run later none.
    gateway.apply([*flows[:20], *FLOWS])
    assert not gateway.apply([*flows[:20], *FLOWS])["changed"]
    assert strict["outside"].connect("203.0.113.1") == "203.0.113.25"
    gateway.apply(FLOWS)
    assert "inbound_mail_test." not in saved(gateway)
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


def test_ten_thousand_flows(strict: Network) -> None:
    gateway = strict.gateway
    before = gateway.state()
    addresses = [f"203.0.{113 + n // 250}.{1 + n % 250}" for n in range(5000)]
    flows = [{**FLOWS[0], "name": f"mx{n}", "public_address": address} for n, address in enumerate(addresses)]
    flows += [{**FLOWS[1], "name": f"a{n}", "destination": [f"10.0.{n // 250}.{n % 250}"]} for n in range(4999)]
    gateway.apply([*flows, FLOWS[1]])
    assert strict["outside"].connect("203.0.113.1") == "203.0.113.25"
    assert strict["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert not gateway.apply([*flows, FLOWS[1]])["changed"]
    gateway.firewall(name="test", state="absent")
    assert gateway.state() == before


def test_openings_that_cannot_be_made_say_why_however_many_they_are(strict: Network) -> None:
    gateway = strict.gateway
    gateway.run("printf '#!/bin/sh\\necho no locks here >&2; exit 71\\n' >/mnt/flock; chmod +x /mnt/flock")
    gateway.run("mount --bind /mnt/flock /usr/bin/flock")
    try:
        flows = [{**FLOWS[1], "name": f"a{n}", "destination": [f"10.0.{n // 250}.{n % 250}"]} for n in range(3000)]
        assert "the firewall manager's rules cannot be set: no locks here" in gateway.refuse(flows)
    finally:
        gateway.run("umount /usr/bin/flock")


def test_what_is_loaded_at_boot_is_what_is_there(strict: Network) -> None:
    """An administrator's own loader of iptables begins from nothing, and the unit puts ours on top of it."""
    gateway = strict.gateway
    gateway.apply(FLOWS)
    rules = saved(gateway)
    gateway.run("iptables-restore", stdin=BY_HAND)
    gateway.run("ip6tables-restore", stdin=SIX_BY_HAND)
    assert strict["outside"].attempt("203.0.113.1", marker="203.0.113.1") == "silence"
    gateway.run("/bin/sh /etc/inbound.mail/firewall/test.openings")
    assert saved(gateway) == rules
    assert strict["outside"].connect("203.0.113.1") == "203.0.113.25"


def test_a_run_and_a_unit_that_make_openings_at_once_make_one_jump(network: Network) -> None:
    gateway = network.gateway
    gateway.run("iptables-restore", stdin=DOCKER)
    gateway.apply(FLOWS)
    rules = saved(gateway)
    for _round in range(5):
        gateway.run("iptables -D DOCKER-USER -j inbound_mail_test")
        gateway.run("for n in $(seq 10); do /bin/sh /etc/inbound.mail/firewall/test.openings & done; wait")
        assert saved(gateway) == rules


def test_two_in_charge_are_an_error_that_names_both(strict: Network) -> None:
    """What firewalld was told to let through, the policy of iptables would drop."""
    strict.gateway.run("nft -f -", stdin="table inet firewalld { chain filter_FORWARD { }; }")
    assert "firewalld and iptables at once" in strict.gateway.refuse(FLOWS)


@pytest.mark.parametrize("saved_rules", [BY_HAND, ""], ids=["docker-beside-iptables", "docker-alone"])
def test_docker_that_comes_later(network: Network, saved_rules: str) -> None:
    """Its drop is opened by the next run, for now and for the next boot."""
    gateway = network.gateway
    if saved_rules:
        gateway.run(
            "mkdir /etc/iptables; cat >/etc/iptables/rules.v4; iptables-restore /etc/iptables/rules.v4",
            stdin=saved_rules,
        )
    try:
        assert gateway.apply(FLOWS)["backend"] == ("iptables" if saved_rules else "nftables")
        gateway.run("iptables-restore --noflush", stdin=DOCKER)
        # It puts itself before what is there.
        gateway.run("iptables -D FORWARD -j DOCKER-USER; iptables -I FORWARD -j DOCKER-USER")
        gateway.run("iptables -I DOCKER-USER -i internet -p tcp --dport 25 -j DROP")
        # IPv6 is not Docker's here.
        assert network["outside"].attempt("203.0.113.1", marker="2001:db8:1::17") == "silence"
        predicted = gateway.apply(FLOWS, check_mode=True)
        assert gateway.apply(FLOWS)["diff"] == predicted["diff"]
        assert network["outside"].connect("203.0.113.1") == "203.0.113.25"
        rules = saved(gateway)
        gateway.run("iptables -D DOCKER-USER -j inbound_mail_test")
        gateway.run("/bin/sh /etc/inbound.mail/firewall/test.openings")
        assert saved(gateway) == rules
        assert not gateway.apply(FLOWS)["changed"]
    finally:
        gateway.run("rm -rf /etc/iptables")


def test_dockers_drop_does_not_win(network: Network) -> None:
    gateway = network.gateway
    gateway.run("iptables-restore", stdin=DOCKER)
    before = saved(gateway)
    result = gateway.apply(FLOWS)
    assert result["backend"] == "nftables"
    assert not result.get("warnings")
    for client in ("outside", "stranger"):
        assert network[client].connect("203.0.113.1").startswith("203.0.113.")
    assert network["outside"].connect("198.51.100.17") == "203.0.113.25"
    assert network["outside"].connect("2001:db8:1::17") == "2001:db8:113::25"
    assert not gateway.apply(FLOWS)["changed"]
    gateway.firewall(name="test", state="absent")
    assert saved(gateway) == before


def test_taken_out_by_hand_as_the_page_says(network: Network, repository: Path) -> None:
    """What iptables made for us alone; the rest of the page is tried beside those who keep a packet filter."""
    gateway = network.gateway
    flows = [{**FLOWS[1], "name": f"a{n}", "destination": [f"10.0.0.{n}", f"2001:db8:2::{n}"]} for n in range(50)]
    gateway.apply([*FLOWS, *flows], backend="iptables", name="nat")
    page = (repository / "docs" / "firewall.md").read_text()
    for words in ("and wherever Docker is:", "no chain `FORWARD` and no table `filter`:"):
        block = re.search(rf"{words}\n\n((?:    .*\n)+)", page)
        assert block, words
        # There is no systemd here, and no Docker.
        said = gateway.run(f"set +e; systemctl() {{ :; }}; {block[1]}true").stdout
        assert ("had no chain FORWARD" in said) == ("Docker" in words)
    assert "filter {" not in gateway.rules()
    gateway.firewall(name="nat", state="absent")
    assert not gateway.rules()
