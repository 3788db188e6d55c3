# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of sysctls, and whose they are."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._firewall.host import sysctls

V4, V6 = sysctls.FORWARDING[4], sysctls.FORWARDING[6]
OFF = {V4: "0", V6: "0"}
ON = {V4: "1", V6: "1"}


def test_file_says_what_was_there_before() -> None:
    settings = sysctls.with_needs({}, "nat", {V4: "1"}, OFF)
    text = sysctls.text(settings)
    assert text.splitlines()[1:] == ["# net.ipv4.ip_forward was 0; needed by: nat", "net.ipv4.ip_forward = 1"]
    assert sysctls.parse(text) == settings


def test_what_was_there_before_is_not_what_we_set_ourselves() -> None:
    settings = sysctls.with_needs({}, "nat", {V4: "1"}, OFF)
    again = sysctls.with_needs(settings, "dmz", {V4: "1"}, ON)
    assert again[V4].before == "0"
    assert again[V4].users == {"nat", "dmz"}


def test_last_user_takes_it_away() -> None:
    both = sysctls.with_needs(sysctls.with_needs({}, "nat", {V4: "1"}, OFF), "dmz", {V4: "1"}, ON)
    one = sysctls.with_needs(both, "nat", {}, ON)
    assert one[V4].users == {"dmz"}
    assert sysctls.with_needs(one, "dmz", {}, ON) == {}
    assert sysctls.text({}) == ""


@pytest.mark.parametrize(
    ("live", "needs"),
    [
        ({**OFF, "net/ipv6/conf/eth0.7/accept_ra": "1"}, {V6: "1", "net/ipv6/conf/eth0.7/accept_ra": "2"}),
        ({**OFF, "net/ipv6/conf/eth0.7/accept_ra": "0"}, {V6: "1"}),
        ({**ON, "net/ipv6/conf/eth0.7/accept_ra": "1"}, {V6: "1"}),
    ],
)
def test_interface_that_learnt_its_router_goes_on_learning(live: dict[str, str], needs: dict[str, str]) -> None:
    assert sysctls.needs({6}, "nat", {}, live, ["eth0.7"]) == needs


def test_learning_is_kept_once_the_host_routes() -> None:
    learning = sysctls.needs({6}, "nat", {}, {**OFF, "net/ipv6/conf/wan/accept_ra": "1"}, ["wan"])
    settings = sysctls.with_needs({}, "nat", learning, {**OFF, "net/ipv6/conf/wan/accept_ra": "1"})
    assert sysctls.needs({6}, "nat", settings, ON, []) == learning
    assert sysctls.needs(set(), "nat", settings, ON, []) == {}


@pytest.mark.parametrize(
    ("key", "path"),
    [(V4, "/proc/sys/net/ipv4/ip_forward"), (sysctls.accept_ra("a.b"), "/proc/sys/net/ipv6/conf/a.b/accept_ra")],
)
def test_where_the_kernel_has_it(key: str, path: str) -> None:
    assert sysctls.path(key) == path
