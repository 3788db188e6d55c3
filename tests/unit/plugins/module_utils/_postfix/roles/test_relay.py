# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    Former,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import services_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import spellings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError


def declared(**changes: Any) -> dict[str, Any]:
    return {
        "fqdn": "mail.example.org",
        "domains": [{"name": "example.org", "next_hops": [{"address": "192.0.2.10", "port": 25}]}],
        "relay_from": ["192.0.2.10"],
        "accept_from": [],
        "smarthosts": [],
        **changes,
    }


def table(configuration: Configuration, name: str) -> str:
    return next(table.text() for table in configuration.tables if table.name == name).partition("\n")[2]


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        relay_configuration("relay", declared(**changes), Former())
    return [f"{problem.option}: {problem.message}" for problem in caught.value.problems]


def test_tables_and_settings() -> None:
    hops = [{"address": "192.0.2.10", "port": 25}, {"address": "2001:db8::10", "port": 2525}]
    relay = relay_configuration("relay", declared(domains=[{"name": "Example.ORG.", "next_hops": hops}]), Former())

    assert table(relay, "relay_domains") == "example.org OK\n"
    assert table(relay, "transport") == "example.org relay:[192.0.2.10]:25, [2001:db8::10]:2525\n"
    assert relay.settings["relay_domains"] == "texthash:${config_directory}/inbound_mail/relay/relay_domains"
    assert relay.settings["mynetworks"] == "127.0.0.0/8, [::1]/128, 192.0.2.10/32"
    assert relay.settings["smtpd_relay_restrictions"] == "permit_mynetworks, reject_unauth_destination"


def test_domain_in_other_letters_has_both_spellings() -> None:
    """Postfix takes an address in A-labels and one in their letters for two domains (SMTPUTF8_README)."""
    hops = [{"address": "192.0.2.10", "port": 25}]
    static = {"validation": "static", "addresses": ["info"]}
    # The last one means nothing.
    names = ("xn--bcher-kva.example", "xn--strae-oqa.example", "xn--99999.example")
    domains = [{"name": name, "next_hops": hops, "recipients": static} for name in names]
    relay = relay_configuration("relay", declared(domains=domains), Former())
    assert table(relay, "relay_domains").split("\n") == [
        "xn--bcher-kva.example OK",
        "bücher.example OK",
        "xn--strae-oqa.example OK",
        "straße.example OK",
        "xn--99999.example OK",
        "",
    ]
    assert "straße.example relay:[192.0.2.10]:25\n" in table(relay, "transport")
    assert "info@bücher.example OK\n" in table(relay, "relay_recipients")


@pytest.mark.parametrize("domain", ["example.org", "xn--a-.example", "xn--.example", "xn--a -7ka.example"])
def test_domain_that_means_no_other_letters(domain: str) -> None:
    assert spellings(domain) == (domain,)


def test_servers_alone_are_told_from_whom_mail_came() -> None:
    def lines(master_cf: str) -> list[str]:
        relay = relay_configuration("relay", declared(), Former({}, services_of(master_cf)))
        assert "smtp_send_xforward_command" not in relay.settings
        return [service.line() for service in relay.services]

    way = "relay unix - - y - - smtp -o syslog_name=postfix/relay"
    assert lines(f"smtp unix - - y - - smtp\n{way}\n") == [f"{way} -o smtp_send_xforward_command=yes"]
    assert lines(f"{way} -o smtp_send_xforward_command=no\n") == []
    with pytest.raises(InvalidError, match="relay/unix: no such service"):
        lines("smtp unix - - y - - smtp\n")


def test_relay_whose_name_is_a_domain_does_not_deliver_it_to_itself() -> None:
    relay = relay_configuration("relay", declared(fqdn="example.org"), Former())

    assert relay.settings["mydestination"] == "localhost"


def test_what_the_host_has_in_a_list_comes_after_ours() -> None:
    former = {"transport_maps": "hash:/etc/postfix/transport", "smtpd_client_restrictions": "reject_rbl_client z.test"}
    relay = relay_configuration("relay", declared(accept_from=["198.51.100.0/24"]), Former(former))

    assert relay.settings["transport_maps"].endswith("/transport, hash:/etc/postfix/transport")
    assert relay.settings["smtpd_client_restrictions"].endswith("/clients, reject_rbl_client z.test")


def test_clients_besides_the_filtering_service_and_the_servers_are_refused() -> None:
    relay = relay_configuration("relay", declared(accept_from=["198.51.100.0/24", "2001:db8::/32"]), Former())

    assert table(relay, "clients") == (
        "127.0.0.0/8 DUNNO\n"
        "::1/128 DUNNO\n"
        "192.0.2.10/32 DUNNO\n"
        "198.51.100.0/24 DUNNO\n"
        "2001:db8::/32 DUNNO\n"
        "0.0.0.0/0 REJECT Access denied\n"
        "::/0 REJECT Access denied\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loopback-only", "all"),
        ("localhost", "all"),
        ("127.0.0.1 [::1]", "all"),
        ("ip6-localhost,127.0.0.53", "all"),
        ("192.0.2.1, localhost", None),
        ("all", None),
    ],
)
def test_listens_where_it_listened_to_itself_only(before: str, after: str | None) -> None:
    relay = relay_configuration("relay", declared(), Former({"inet_interfaces": before}))

    assert relay.settings.get("inet_interfaces") == after


def test_no_smarthost_leaves_relayhost_alone() -> None:
    smarthosts = [{"address": "192.0.2.1", "port": 25}, {"address": "192.0.2.2", "port": 587}]

    assert "relayhost" not in relay_configuration("relay", declared(), Former()).settings
    assert relay_configuration("relay", declared(smarthosts=smarthosts), Former()).settings["relayhost"] == (
        "[192.0.2.1]:25, [192.0.2.2]:587"
    )


def test_every_problem_is_reported_at_once() -> None:
    assert problems(
        fqdn="mail",
        domains=[
            {"name": "example.org", "next_hops": [{"address": "server", "port": 25}]},
            {"name": "example.org.", "next_hops": []},
            {"name": "bücher.example", "next_hops": [{"address": "192.0.2.10", "port": 70000}]},
        ],
        relay_from=["192.0.2.300", "0.0.0.0/0"],
        accept_from=["192.0.2.1/24"],
    ) == [
        "relay.fqdn: 'mail' is not a fully qualified domain name",
        "relay.domains[1]: example.org is listed twice",
        "relay.domains[2]: 'bücher.example' is not a fully qualified domain name",
        "relay.domains[0].next_hops[0].address: 'server' is not a fully qualified domain name",
        "relay.domains[2].next_hops[0].port: 70000 is not a TCP port",
        "relay.relay_from[0]: '192.0.2.300' is neither an address nor a network "
        "('192.0.2.300' does not appear to be an IPv4 or IPv6 network)",
        "relay.relay_from: 0.0.0.0/0 would make this host an open relay",
        "relay.accept_from[0]: '192.0.2.1/24' is neither an address nor a network (192.0.2.1/24 has host bits set)",
        "relay.domains[1].next_hops: example.org has no server to hand its mail to",
    ]


def test_smarthost_that_hands_the_mail_back_is_refused() -> None:
    assert problems(smarthosts=[{"address": "192.0.2.10", "port": 25}]) == [
        "relay.smarthosts: [192.0.2.10]:25 is also where mail for example.org is handed to, so mail could loop"
    ]


@pytest.mark.parametrize(
    ("former", "smarthosts", "settings"),
    [
        ({"default_transport": "error"}, False, {"default_transport": "smtp"}),
        ({"default_transport": "error:no mail from here"}, True, {"default_transport": "smtp"}),
        ({"default_transport": "smtp:[192.0.2.8]"}, True, {"default_transport": "smtp"}),
        ({"default_transport": "smtp:[192.0.2.8]"}, False, {}),
        ({"default_transport": "slow"}, True, {}),
        ({"smtp_tls_wrappermode": "yes"}, True, {"smtp_tls_wrappermode": "no"}),
        ({"smtp_tls_wrappermode": "yes"}, False, {"smtp_tls_wrappermode": "no"}),
        ({"smtp_tls_wrappermode": "yes", "relayhost": "[192.0.2.8]:465"}, False, {}),
    ],
)
def test_way_out_is_as_declared(former: dict[str, str], smarthosts: bool, settings: dict[str, str]) -> None:
    hops = [{"address": "192.0.2.9", "port": 25}] if smarthosts else []
    found = relay_configuration("relay", declared(smarthosts=hops), Former(former)).settings
    names = ("default_transport", "smtp_tls_wrappermode")
    assert {name: found[name] for name in names if name in found} == settings


@pytest.mark.parametrize(
    ("former", "expected"),
    [
        ({"mydestination": "$myhostname, localhost"}, "$myhostname, localhost"),
        # The domains are relayed, in whatever way the host names them.
        ({"mydestination": "Example.ORG lists.example.net"}, "$myhostname, localhost, lists.example.net"),
        ({"mydestination": "$mydomain, ${mydomain}, host"}, "$myhostname, localhost, host"),
        ({"mydestination": "$mydomain", "mydomain": "example.net"}, "$myhostname, localhost, $mydomain"),
        ({"mydestination": "hash:/etc/postfix/own"}, "$myhostname, localhost, hash:/etc/postfix/own"),
    ],
)
def test_own_domains_of_the_host_stay(former: dict[str, str], expected: str) -> None:
    assert relay_configuration("relay", declared(), Former(former)).settings["mydestination"] == expected


@pytest.mark.parametrize(
    ("former", "besides"),
    [
        ({"relay_domains": "other.example.net"}, ["other.example.net", ".other.example.net"]),
        (
            {"relay_domains": "other.example.net", "parent_domain_matches_subdomains": "mynetworks"},
            ["other.example.net"],
        ),
        ({"relay_domains": "example.org, hash:/etc/postfix/more"}, ["hash:/etc/postfix/more"]),
    ],
)
def test_domains_that_the_host_relays_besides_stay(former: dict[str, str], besides: list[str]) -> None:
    settings = relay_configuration("relay", declared(), Former(former)).settings
    assert settings["relay_domains"].split(", ")[1:] == besides


def test_networks_that_may_relay_besides_stay() -> None:
    former = {"mynetworks": "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 192.0.2.10/32 192.0.2.40"}
    settings = relay_configuration("relay", declared(), Former(former)).settings
    assert settings["mynetworks"] == "127.0.0.0/8, [::1]/128, 192.0.2.10/32, [::ffff:127.0.0.0]/104, 192.0.2.40"


@pytest.mark.parametrize(
    ("former", "besides"),
    [
        ({"smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated defer_unauth_destination"}, []),
        (
            {
                "smtpd_relay_restrictions": "permit_sasl_authenticated, check_client_access cidr:/more, reject",
                "smtpd_sasl_auth_enable": "yes",
            },
            ["permit_sasl_authenticated", "check_client_access cidr:/more"],
        ),
        (
            {"smtpd_relay_restrictions": "permit_tls_clientcerts, reject_rbl_client z.test, permit"},
            ["permit_tls_clientcerts"],
        ),
        (
            {
                "smtpd_relay_restrictions": "permit_dnswl_client list.test $more, warn_if_reject reject_rbl_client a",
                "smtpd_restriction_classes": "friends",
                "more": "friends, check_policy_service { unix:private/p, timeout=1s }",
            },
            ["permit_dnswl_client list.test", "friends", "check_policy_service { unix:private/p, timeout=1s }"],
        ),
        ({"smtpd_relay_restrictions": "warn_if_reject"}, []),
    ],
)
def test_clients_that_may_relay_besides_stay(former: dict[str, str], besides: list[str]) -> None:
    settings = relay_configuration("relay", declared(), Former(former)).settings
    assert settings["smtpd_relay_restrictions"] == ", ".join(
        ["permit_mynetworks", *besides, "reject_unauth_destination"]
    )


@pytest.mark.parametrize(
    ("former", "is_set"),
    [
        ({}, True),
        ({"relay_domains": "other.example.net"}, True),
        ({"relay_domains": "hash:/etc/postfix/more"}, False),
        ({"relay_domains": "hash:/etc/postfix/more", "parent_domain_matches_subdomains": "mynetworks"}, True),
    ],
)
def test_names_below_domains_in_a_table_of_others_stay(former: dict[str, str], is_set: bool) -> None:
    settings = relay_configuration("relay", declared(), Former(former)).settings
    assert ("parent_domain_matches_subdomains" in settings) is is_set


def test_whole_networks_that_may_relay_have_to_be_written() -> None:
    with pytest.raises(InvalidError, match="mynetworks_style"):
        relay_configuration("relay", declared(), Former({"mynetworks_style": "subnet"}))
    relay_configuration("relay", declared(), Former({"mynetworks_style": "subnet", "mynetworks": "127.0.0.0/8"}))
