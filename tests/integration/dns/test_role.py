# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mail_dns, with two DNS services and one that nobody writes to from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from controller import Controller, access
from named import Named

ZONE = {
    "example.org": [
        {"name": "example.org", "type": "MX", "values": ["10 mail.example.org."], "ttl": 3600},
        {"name": "mail.example.org", "type": "A", "values": ["203.0.113.17"], "ttl": 3600},
    ]
}
INSIDE = {"example.org": [{"name": "mail.example.org", "type": "A", "values": ["192.168.0.10"], "ttl": 3600}]}


def play(controller: Controller, variables: dict[str, Any], *words: str) -> str:
    """What ansible-playbook prints."""
    task = {"ansible.builtin.include_role": {"name": "inbound.mail.mail_dns"}, "vars": variables}
    done = controller.play([task], *words, callback="default")
    return done.stdout + done.stderr


def test_each_service_gets_its_records(new_server: Callable[[], Named], controller: Controller) -> None:
    outside, inside = new_server(), new_server()
    for server in (outside, inside):
        server.zone("example.org")
        server.start()
    endpoints = {
        "default": {"provider": "rfc2136", **access(outside)},
        "internal": access(inside),
        "hosting": {"provider": "manual"},
    }
    variables = {
        "mail_dns_endpoints": endpoints,
        "mail_dns_records": {"default": ZONE, "internal": INSIDE, "hosting": ZONE},
    }
    assert "changed=0" not in play(controller, variables, "--check")
    assert outside.dig("example.org", "MX") == []
    output = play(controller, variables, "-vvv")
    assert "failed=0" in output
    assert outside.dig("example.org", "MX") == ["10 mail.example.org."]
    assert outside.dig("mail.example.org", "A") == ["203.0.113.17"]
    assert inside.dig("mail.example.org", "A") == ["192.168.0.10"]
    assert inside.dig("example.org", "MX") == []
    assert "example.org. 3600 IN MX 10 mail.example.org." in output, "what to enter at the third"
    for server in (outside, inside):
        assert server.key.secret not in output
    assert "changed=0" in play(controller, variables)


def test_a_service_is_waited_for_as_long_as_it_says(new_server: Callable[[], Named], controller: Controller) -> None:
    server = new_server()
    server.zone("example.org", "@ NS nobody\nnobody A 127.0.0.250\n")
    server.start()
    variables = {
        "mail_dns_endpoints": {"default": {**access(server), "timeout": 1, "wait_timeout": 2}},
        "mail_dns_records": {"default": ZONE},
    }
    output = play(controller, variables)
    assert "written, but after 2 s not yet answered by nobody.example.org" in output
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]


def test_a_service_that_is_not_described(controller: Controller) -> None:
    output = play(
        controller, {"mail_dns_endpoints": {"other": {"provider": "manual"}}, "mail_dns_records": {"default": ZONE}}
    )
    assert "mail_dns_records has records for default, but mail_dns_endpoints has only other" in output
    assert "failed=1" in output


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (
            {"server": "192.0.2.53", "key_nam": "k", "key_secret": "0123456789abcdef"},
            "default: there is no key 'key_nam'. Did you mean 'key_name'?",
        ),
        ({"provider": "manual", "server": "192.0.2.53"}, "default.server: the provider manual has no use for it."),
        ("manual", "default: is text, not a dictionary."),
        (None, "default: is nothing, not a dictionary."),
    ],
)
def test_a_service_that_cannot_be_read(endpoint: object, says: str, controller: Controller) -> None:
    output = play(
        controller, {"mail_dns_endpoints": {"default": endpoint}, "mail_dns_records": {"default": ZONE}}, "-vvv"
    )
    assert says in " ".join(output.split())
    assert "failed=1" in output
    assert "0123456789abcdef" not in output


def test_no_service_is_written_to_before_all_are_described(
    new_server: Callable[[], Named], controller: Controller
) -> None:
    server = new_server()
    server.zone("example.org")
    server.start()
    output = play(
        controller,
        {
            "mail_dns_endpoints": {"first": access(server), "second": {"colour": 1}, "third": "x"},
            "mail_dns_records": {"first": ZONE, "second": ZONE, "third": ZONE},
        },
    )
    assert "second: there is no key 'colour'" in output
    assert "third: is text, not a dictionary" in output
    assert server.dig("example.org", "MX") == []


@pytest.mark.parametrize("action", ["dns_records", "mx"])
def test_a_service_as_a_dictionary(action: str, new_server: Callable[[], Named], controller: Controller) -> None:
    """In place of the options; what is wrong in it is said with its name, and its secret never."""
    server = new_server()
    server.zone("example.org")
    server.start()
    declared = {
        "dns_records": {"zones": ZONE},
        "mx": {"domain": "example.org", "exchangers": [{"host": "mail.example.org", "addresses": ["203.0.113.17"]}]},
    }[action]
    described = access(server)
    done = controller.run(action, {"endpoint": described, "server": "192.0.2.1", **declared})
    assert not done.failed, done.output
    assert server.dig("example.org", "MX") == ["10 mail.example.org."]
    assert described["key_secret"] not in done.output

    refused = controller.run(action, {"endpoint": {**described, "key_nam": "k"}, **declared})
    assert refused.failed
    assert refused.msg == "endpoint: there is no option 'key_nam'. Did you mean 'key_name'?"
    assert described["key_secret"] not in refused.output
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch"
    refused = controller.run(action, {"endpoint": {**described, "key_secret": wrong}, **declared})
    assert refused.failed
    assert wrong not in refused.output


def test_what_would_fail_is_met_by_reading_alone(new_server: Callable[[], Named], controller: Controller) -> None:
    """Of all services at once; where nothing is in the way nothing is written, and no change is announced."""
    server = new_server()
    server.zone("example.org")
    server.start()
    right, nobody = access(server), server.network.new_address()
    wrong = {**right, "key_secret": "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch"}
    variables = {
        "mail_dns_endpoints": {"wrong": wrong, "down": {"server": nobody, "timeout": 1}, "default": right},
        "mail_dns_records": {"wrong": ZONE, "down": ZONE, "default": ZONE},
        "mail_dns_write": False,
    }
    output = play(controller, variables, "--diff", "-v")
    assert "signature made with the key inbound-mail (BADSIG)" in output
    assert f"zone example.org: {nobody} port 53 cannot be reached" in output
    assert "changed=0" in output
    assert "failed=1" in output
    assert wrong["key_secret"] not in output

    readable = {
        "mail_dns_endpoints": {"default": right, "hosting": {"provider": "manual"}},
        "mail_dns_records": {"default": ZONE, "hosting": ZONE},
        "mail_dns_write": "no",  # as -e says it
    }
    output = play(controller, readable, "--diff", "-v")
    assert "failed=0" in output
    assert "changed=0" in output
    assert "+example.org. 3600 IN MX" not in output
    assert server.dig("example.org", "MX") == []


@pytest.mark.parametrize("of_the_role", [True, False])
def test_prune_of_a_service_goes_before_that_of_the_role(
    of_the_role: bool, new_server: Callable[[], Named], controller: Controller
) -> None:
    """It removes the address of an exchanger that leaves; elsewhere that stays."""
    pruned, kept = new_server(), new_server()
    for server in (pruned, kept):
        server.zone(
            "example.org",
            "@ MX 10 old\nold A 203.0.113.9\nwww A 203.0.113.80",
            policy='update-policy { grant "inbound-mail" zonesub ANY; }; allow-transfer { any; };',
        )
        server.start()
    variables = {
        "mail_dns_endpoints": {
            "pruned": {**access(pruned), **({} if of_the_role else {"prune": True})},
            "kept": {**access(kept), **({"prune": False} if of_the_role else {})},
        },
        "mail_dns_records": {"pruned": ZONE, "kept": ZONE},
        "mail_dns_prune": of_the_role,
    }
    assert "failed=0" in play(controller, variables)
    for server in (pruned, kept):
        assert server.dig("example.org", "MX") == ["10 mail.example.org."]
        assert server.dig("www.example.org", "A") == ["203.0.113.80"]
    assert pruned.dig("old.example.org", "A") == []
    assert kept.dig("old.example.org", "A") == ["203.0.113.9"]


@pytest.mark.parametrize("release", ["trixie"], indirect=True)
def test_all_that_is_wrong_with_the_services_of_a_zone_that_moves(
    new_server: Callable[[], Named], controller: Controller
) -> None:
    """First what is written down, then what the services say."""
    server = new_server()
    server.zone("example.org")
    server.zone("example.net")
    server.start()
    zones = [
        {"zone": "example.org", "former": ["old"], "new": ["text", "token", "wrong"]},
        {"zone": "example.net", "former": ["old"], "new": ["hand", "gone", "short"]},
    ]
    right, nobody = access(server), server.network.new_address()
    wrong = {**right, "key_secret": "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch"}
    endpoints = {
        "old": right,
        "text": "203.0.113.53",
        "token": {"provider": "cloudflare"},
        "wrong": wrong,
        "hand": {"provider": "manual"},
        "short": {**right, "key_secret": "c2hvcnQ="},
    }
    refused = controller.run("delegation", {"endpoints": endpoints, "zones": zones})
    assert refused.failed
    for text in (
        "mail_dns.text: expected a dictionary, not str",
        "mail_dns.token: api_token: the provider cloudflare needs it",
        "mail_dns.hand is filled in by hand",
        "mail_dns has no gone any more",
        "mail_dns.short: key_secret has 5 bytes",
    ):
        assert text in refused.msg
    assert "Unexpected" not in refused.output

    services = {"old": right, "new": right, "wrong": wrong, "down": {"server": nobody, "timeout": 1}}
    zones = [{**zone, "new": ["new", "wrong", "down"]} for zone in zones]
    refused = controller.run("delegation", {"endpoints": services, "zones": zones})
    assert refused.failed
    for zone in ("example.org", "example.net"):
        assert f"zone {zone}: {server.address} port 53 does not accept the signature made with the key" in refused.msg
        assert f"zone {zone}: {nobody} port 53 cannot be reached" in refused.msg
    assert wrong["key_secret"] not in refused.output
