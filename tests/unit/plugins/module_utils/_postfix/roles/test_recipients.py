# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Configuration, Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.preflight import map_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError


def relay(former: dict[str, str] | None = None, **recipients: Any) -> Configuration:
    """Of a relay for example.org with these recipients, and for example.net, which has none declared."""
    hops = [{"address": "192.0.2.2", "port": 25}]
    domains = [
        {"name": "example.org", "next_hops": hops, "recipients": recipients},
        {"name": "example.net", "next_hops": hops, "recipients": None},
    ]
    options = {"fqdn": "mail.example.org", "domains": domains, "relay_from": [], "accept_from": [], "smarthosts": []}
    return relay_configuration("relay", {**options, "callout_reject_code": 550}, Former(former or {}))


def entries(configuration: Configuration, table: str) -> list[str]:
    (found,) = [one for one in configuration.tables if one.name == table]
    return [key for key, _value in found.entries]


def test_listed_recipients_and_postmaster_are_known_and_other_domains_take_everybody() -> None:
    configuration = relay(validation="static", addresses=["Info", "sales@EXAMPLE.org", "info"])
    assert entries(configuration, "relay_recipients") == [
        "postmaster@example.org",
        "info@example.org",
        "sales@example.org",
        "@example.net",
    ]


def test_recipient_in_the_letters_of_its_domain() -> None:
    """As its owner writes it, where the domain is in A-labels."""
    hops = [{"address": "192.0.2.2", "port": 25}]
    recipients = {"validation": "static", "addresses": ["info@b\u00fccher.example"]}
    domains = [{"name": "xn--bcher-kva.example", "next_hops": hops, "recipients": recipients}]
    options = {"fqdn": "mail.example.org", "domains": domains, "relay_from": [], "accept_from": [], "smarthosts": []}
    assert "info@b\u00fccher.example" in entries(relay_configuration("relay", options, Former({})), "relay_recipients")


def test_tables_come_after_the_list() -> None:
    maps = ["ldap:/etc/postfix/ad.cf", "proxy:ldap:/etc/postfix/sales.cf", "texthash:/etc/postfix/people"]
    setting = relay(validation="static", maps=maps).settings["relay_recipient_maps"]
    assert setting.split(", ")[1:] == maps


def test_restrictions_of_the_host_come_after_the_callout() -> None:
    configuration = relay({"smtpd_recipient_restrictions": "reject_unknown_recipient_domain"}, validation="callout")
    restrictions = configuration.settings["smtpd_recipient_restrictions"].split(", ")
    assert restrictions[0].startswith("check_recipient_access texthash:")
    assert restrictions[1] == "reject_unknown_recipient_domain"
    assert entries(configuration, "callout_domains") == ["example.org"]


def test_everything_that_is_wrong_is_said() -> None:
    with pytest.raises(InvalidError) as caught:
        relay(validation="static", addresses=["info", "bob@example.com", "a b", "@example.org"], maps=["people"])
    assert [problem.option for problem in caught.value.problems] == [
        "relay.domains[0].recipients.addresses[1]",
        "relay.domains[0].recipients.addresses[2]",
        "relay.domains[0].recipients.addresses[3]",
        "relay.domains[0].recipients.maps[0]",
    ]
    for wrong in ({"validation": "static"}, {"validation": "callout", "addresses": ["info"]}):
        with pytest.raises(InvalidError):
            relay(**wrong)


def test_broken_lines_of_a_table_are_named_by_number(tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.write_text(
        "# people\ninfo@example.org OK\nsales@example.org\n  OK\nbob\n\n@example.org OK\nlast@example.org\n"
    )
    missing = tmp_path / "missing"
    domain = {"recipients": {"validation": "static", "maps": [f"proxy:texthash:{people}", f"hash:{missing}"]}}

    assert [problem.message.removeprefix(f"{people}, ") for problem in map_problems([domain])] == [
        "line 5: 'bob' is not an address",
        "line 7: '@example.org' accepts every recipient there",
        "line 8: 'last@example.org' has nothing after it",
        f"{missing} cannot be read: No such file or directory",
    ]


def test_list_for_ours_refuses_no_recipient_of_others() -> None:
    former = {"relay_domains": "other.example.net $more", "more": "a.example, b.example"}
    configuration = relay(former, validation="static", addresses=["info"])
    patterns = [re.compile(key.strip("/")) for key in entries(configuration, "relayed_besides")]
    assert "relayed_besides" in configuration.settings["relay_recipient_maps"]
    taken = ("x@other.example.net", "x@sub.other.example.net", "x@a.example", "x@b.example")
    refused = ("x@another.example.net", "x@otherXexample.net", "x@other.example.net.evil", "x@example.org")
    for address in (*taken, *refused):
        assert any(one.search(address) for one in patterns) is (address in taken), address


def test_list_of_others_refuses_no_recipient_of_ours() -> None:
    configuration = relay({"relay_recipient_maps": "hash:/etc/postfix/people"}, validation="none")
    assert entries(configuration, "relay_recipients") == ["@example.org", "@example.net"]
    assert configuration.settings["relay_recipient_maps"].endswith("/relay_recipients, hash:/etc/postfix/people")


def test_domains_in_a_table_of_others_need_a_list_of_their_own() -> None:
    with pytest.raises(InvalidError, match="hash:/etc/postfix/more has domains that this host relays besides"):
        relay({"relay_domains": "hash:/etc/postfix/more"}, validation="static", addresses=["info"])


@pytest.mark.parametrize(("before", "after"), [("", "+"), ("-", "+-"), ("+", None), ("-+", None)])
def test_tag_after_a_known_name(before: str, after: str | None) -> None:
    settings = relay({"recipient_delimiter": before}, validation="static", addresses=["info"]).settings
    assert settings.get("recipient_delimiter") == after


@pytest.mark.parametrize("address", ["*", "*@example.org", "in*"])
def test_pattern_is_no_recipient(address: str) -> None:
    with pytest.raises(InvalidError, match="is a pattern"):
        relay(validation="static", addresses=[address])
