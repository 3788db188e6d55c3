# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are not Postfix. Exim and OpenSMTPD try theirs in tests/integration/test_other_servers.py."""

from __future__ import annotations

from typing import Any

import pytest
import tree_sitter_powershell
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.render.foreign_mta import powershell_string
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_powershell.language()))
INVENTORY = """
all: {vars: {mail_domains: [{name: example.org}, {name: example.net}], mail_dns: {default: {provider: manual}}}}
mail_servers:
  hosts:
    mailbox: {mail_topology: relay, mail_relays: [one, two], mail_addresses: [192.168.0.10], MORE}
mail_relays:
  hosts:
    one: {mail_topology: direct, mail_fqdn: mx1.example.org, mail_addresses: [9.9.0.17, '2a00::17']}
    two: {mail_topology: direct, mail_fqdn: mx2.example.org, mail_addresses: [9.9.0.18]}
"""
VERIFIED = "mail_software: exchange, mail_tls_verify: true, mail_tls_ca: /ca.pem"


def steps(plan: dict[str, Any]) -> dict[str, str]:
    (request,) = [request for request in plan["manual"] if "steps" in request]
    assert request["owner"] == "server: mailbox"
    return {step["title"].rpartition(": ")[2]: step["text"] for step in request["steps"]}


def commands(script: str) -> list[dict[str, str]]:
    """Each command of a PowerShell script as its parser sees it: parameter -> value; the cmdlet under ''."""
    tree = PARSER.parse(script.encode())
    assert not tree.root_node.has_error, script
    found: list[dict[str, str]] = []

    def visit(node: Node) -> None:
        if node.type == "command":
            words = [part.text.decode() for part in _arguments(node)]
            values = {"": words[0]}
            for word, after in zip(words[1:], [*words[2:], "-"]):
                if word.startswith("-"):
                    values[word.rstrip(":")] = "" if after.startswith("-") else after
            found.append(values)
        for child in node.children:
            visit(child)

    visit(tree.root_node)
    return found


def _arguments(command: Node) -> list[Node]:
    elements = [child for child in command.children if child.type == "command_elements"]
    parts = [part for element in elements for part in element.children if part.type != "command_argument_sep"]
    return [command.children[0], *parts]


def test_exchange_sends_through_the_relays_and_takes_mail_from_them(plan_of: Any) -> None:
    found = steps(plan_of(INVENTORY.replace("MORE", "mail_software: exchange")))
    send, receive, shut, undo = (commands(script) for script in found.values())
    assert [(command[""], command["-SmartHosts"], command["-AddressSpaces"]) for command in send] == [
        ("New-SendConnector", "'9.9.0.17','9.9.0.18'", "'SMTP:*;1'")
    ]
    assert send[0]["-DNSRoutingEnabled"] == "$false"
    assert [(command[""], command["-RemoteIPRanges"]) for command in receive] == [
        ("New-ReceiveConnector", "'9.9.0.17','9.9.0.18'")
    ]
    assert receive[0]["-PermissionGroups"] == "AnonymousUsers"
    # Exchange's setup gives the connector these groups and AnonymousUsers: nobody gets a right that he had not.
    assert shut[0][""] == "Get-ReceiveConnector"
    assert shut[-1]["-PermissionGroups"] == "'ExchangeServers','ExchangeLegacyServers'"
    assert [command[""] for command in undo] == [
        "Set-ReceiveConnector",
        "Remove-ReceiveConnector",
        "Remove-SendConnector",
    ]
    assert undo[0]["-PermissionGroups"] == "'AnonymousUsers','ExchangeServers','ExchangeLegacyServers'"
    # What is taken away is what was made.
    assert undo[2]["-Identity"] == send[0]["-Name"]
    assert receive[0]["-Name"].strip("'") in undo[1]["-Identity"]


def test_exchange_with_verified_tls_has_a_connector_for_each_relay(plan_of: Any) -> None:
    found = steps(plan_of(INVENTORY.replace("MORE", VERIFIED)))
    send = commands(next(iter(found.values())))
    assert [(command["-SmartHosts"], command["-TlsDomain"], command["-TlsAuthLevel"]) for command in send] == [
        ("'9.9.0.17'", "'mx1.example.org'", "DomainValidation"),
        ("'9.9.0.18'", "'mx2.example.org'", "DomainValidation"),
    ]
    *_others, undo = found.values()
    removed = [command["-Identity"] for command in commands(undo) if command[""] == "Remove-SendConnector"]
    assert removed == [command["-Name"] for command in send]


def test_exchange_takes_messages_as_large_as_the_relays_do(plan_of: Any) -> None:
    text = INVENTORY.replace("MORE", "mail_software: exchange").replace(
        "mail_dns:", "mail_message_size: 50M, mail_dns:"
    )
    (send, *_more), (receive, *_more), _shut, limits, _undo = (
        commands(script) for script in steps(plan_of(text)).values()
    )
    assert {send["-MaxMessageSize"], receive["-MaxMessageSize"]} == {"52428800"}
    (change,) = [command for command in limits if command[""] == "Set-TransportConfig"]
    assert {change["-MaxReceiveSize"], change["-MaxSendSize"]} == {"52428800"}


@pytest.mark.parametrize("software", ["exim", "opensmtpd", "exchange"])
def test_a_message_size_is_named_where_one_is_declared(software: str, plan_of: Any) -> None:
    text = INVENTORY.replace("MORE", f"mail_software: {software}")
    assert "52428800" not in str(steps(plan_of(text)))
    assert "52428800" in str(steps(plan_of(text.replace("mail_dns:", "mail_message_size: 50M, mail_dns:"))))


def test_opensmtpd_writes_only_addresses_of_ipv6_in_brackets(plan_of: Any) -> None:
    text = INVENTORY.replace("MORE", "mail_software: opensmtpd").replace("[192.168.0.10]", "[192.168.0.10, 'fd00::10']")
    configuration = str(steps(plan_of(text)))
    assert all(f"smtp://{one}" in configuration for one in ("9.9.0.17", "[2a00::17]", "9.9.0.18"))


@pytest.mark.parametrize(
    "value", ["plain", "it's", "\u2018typographic\u2019 \u201aquotes\u201b", '"$(rm)" `$x', "", "a\nb"]
)
def test_powershell_expands_nothing_in_a_string(value: str) -> None:
    (command,) = commands(f"New-Thing -Name {powershell_string(value)} -Next 1")
    assert command["-Next"] == "1"
    quotes = "'\u2018\u2019\u201a\u201b"
    assert command["-Name"] == "'" + "".join(2 * one if one in quotes else one for one in value) + "'"


def test_exchange_is_not_contacted_by_anybody(plan_of: Any) -> None:
    plan = plan_of(INVENTORY.replace("MORE", "mail_software: exchange"))
    assert plan["server"] == {}
    assert {place["source"] for place in plan["expect"]["egress"]} == {"one", "two"}
    assert plan["expect"]["delivery"] == []
    assert {place["host"]: place["open"] for place in plan["expect"]["ports"]}["mailbox"] is False


def test_other_servers_are_judged_as_postfix_is(plan_of: Any) -> None:
    exim = plan_of(INVENTORY.replace("MORE", "mail_software: exim"))
    assert exim["server"] == {}
    assert exim["expect"] == plan_of(INVENTORY.replace("MORE", ""))["expect"]


def test_exim_doubles_the_colons_of_ipv6(plan_of: Any) -> None:
    inventory = INVENTORY.replace("MORE", "mail_software: exim").replace("[192.168.0.10]", "['2a00::10']")
    inventory = inventory.replace("[9.9.0.18]", "['2a00::18']")
    assert "dc_smarthost='2a00::::17:2a00::::18'" in steps(plan_of(inventory))["/etc/exim4/update-exim4.conf.conf"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("mail_software: sendmail", "'sendmail' is no server software that is known here"),
        ("mail_software: exim, mail_topology: direct, mail_fqdn: a.example.org, mail_addresses: [9.9.0.10]",
         "only a server behind relays can be anything but postfix"),
    ],
)  # fmt: skip
def test_error(more: str, message: str, errors_of: Any) -> None:
    text = INVENTORY.replace("MORE", more)
    if "direct" in more:
        text = text.replace("mail_topology: relay, mail_relays: [one, two], mail_addresses: [192.168.0.10], ", "")
    assert any(message in error["message"] for error in errors_of(text))


def test_what_is_not_rendered_is_said(plan_of: Any) -> None:
    plan = plan_of(INVENTORY.replace("MORE", VERIFIED.replace("exchange", "opensmtpd")))
    assert [warning["variable"] for warning in plan["warnings"]] == ["mail_tls_verify"]
