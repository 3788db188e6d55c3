# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    Former,
    without_values,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.preflight import client_problems
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

PROVIDER = {"address": "smtp.example.net", "port": 587, "credentials": "provider"}
LOGIN = {"provider": "relay@example.org:a horse: correct"}


def relay(former: dict[str, str] | None = None, **changes: Any) -> Configuration:
    hops = [{"address": "192.0.2.10", "port": 25, **changes.pop("hop", {})}]
    domains = [{"name": "example.org", "next_hops": hops}]
    declared = {"fqdn": "mail.example.org", "domains": domains, "relay_from": [], "accept_from": [], "smarthosts": []}
    return relay_configuration("relay", {**declared, **changes}, Former(former or {}))


def table(configuration: Configuration, name: str) -> list[str]:
    return next(table.text() for table in configuration.tables if table.name == name).splitlines()[1:]


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        relay(**changes)
    return [f"{problem.option}: {problem.message}" for problem in caught.value.problems]


def test_nothing_declared_sets_nothing() -> None:
    ours = {"smtp_tls_policy_maps", "smtp_sasl_auth_enable", "smtp_bind_address", "smtp_tls_CAfile", "relayhost"}
    assert not ours & relay().settings.keys()


def test_login_at_a_smarthost_is_never_in_clear() -> None:
    found = relay(smarthosts=[PROVIDER, {"address": "2001:db8::1", "port": 25}], credentials=LOGIN)
    assert found.settings["relayhost"] == "[smtp.example.net]:587, [2001:db8::1]:25"
    assert table(found, "passwords") == ["[smtp.example.net]:587 relay@example.org:a horse: correct"]
    assert table(found, "tls_policy") == ["[smtp.example.net]:587 encrypt"]
    assert found.settings["smtp_sasl_auth_enable"] == "yes"
    assert "smtp_sasl_security_options" not in found.settings


def test_certificate_of_a_smarthost_is_for_its_name() -> None:
    hops = [{**PROVIDER, "tls": "secure"}, {"address": "192.0.2.1", "port": 25, "tls": "secure", "tls_name": "b.test"}]
    found = relay(smarthosts=hops, credentials=LOGIN, tls_ca="/etc/ssl/ca.pem")
    assert table(found, "tls_policy") == [
        "[192.0.2.1]:25 secure match=b.test",
        "[smtp.example.net]:587 secure match=smtp.example.net",
    ]
    assert found.settings["smtp_tls_CAfile"] == "/etc/ssl/ca.pem"
    assert found.settings["smtp_tls_CApath"] == ""


def test_server_behind_the_relay_has_to_show_its_certificate() -> None:
    found = relay(hop={"tls": "secure", "tls_name": "mailbox.example.org"}, tls_ca="/etc/ssl/ca.pem")
    assert table(found, "tls_policy") == ["[192.0.2.10]:25 secure match=mailbox.example.org"]


def test_maps_of_the_host_come_after_ours() -> None:
    former = {
        "smtp_sasl_password_maps": "hash:/etc/postfix/sasl",
        "smtp_tls_policy_maps": "hash:/etc/postfix/policy",
        "sender_dependent_relayhost_maps": "hash:/etc/postfix/senders",
    }
    entry = {"domain": "Example.NET", "smarthosts": [PROVIDER]}
    found = relay(former, sender_smarthosts=[entry], credentials=LOGIN)
    for name, value in former.items():
        assert found.settings[name].startswith("texthash:${config_directory}/inbound_mail/relay/")
        assert found.settings[name].endswith(f", {value}")
    assert table(found, "sender_smarthosts") == ["@example.net [smtp.example.net]:587"]
    assert "relayhost" not in found.settings


def test_mail_leaves_from_one_address_of_each_family() -> None:
    settings = relay(send_from=["192.0.2.17", "2001:db8::17"]).settings
    assert (settings["smtp_bind_address"], settings["smtp_bind_address6"]) == ("192.0.2.17", "2001:db8::17")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"smarthosts": [PROVIDER]},
            "credentials: the smarthost [smtp.example.net]:587 names credentials that are not in it",
        ),
        (
            {"smarthosts": [{**PROVIDER, "tls": "may"}], "credentials": LOGIN},
            "relay.smarthosts[0].tls: the password would be sent in cleartext",
        ),
        (
            {"smarthosts": [{"address": "192.0.2.1", "port": 25, "tls": "secure"}], "tls_ca": "/ca.pem"},
            "relay.smarthosts[0].tls_name: a certificate is for a name, and there is none",
        ),
        (
            {"smarthosts": [{"address": "a.test", "port": 25, "tls": "secure"}]},
            "relay.tls_ca: there is no trusted CA for the certificate of [a.test]:25",
        ),
        (
            {"sender_smarthosts": [{"domain": "example.net", "smarthosts": []}]},
            "relay.sender_smarthosts[0].smarthosts: mail from example.net has no smarthost",
        ),
        (
            {
                "smarthosts": [PROVIDER],
                "sender_smarthosts": [
                    {"domain": "example.net", "smarthosts": [{**PROVIDER, "credentials": "other"}]}
                ],
                "credentials": {**LOGIN, "other": "a:b"},
            },
            "relay.smarthosts: [smtp.example.net]:587 is named twice, each time with other credentials",
        ),
        ({"send_from": ["192.0.2.1", "192.0.2.2"]}, "relay.send_from: 192.0.2.1 and 192.0.2.2 are of one family, and "
         "mail leaves from one address of each"),
        (
            {"smarthosts": [{**PROVIDER, "port": 465}], "credentials": LOGIN},
            "relay.smarthosts[0].port: on port 465 TLS begins without STARTTLS, and the transports of Postfix begin it "
            "with STARTTLS",
        ),
        ({"send_from": ["here"]}, "relay.send_from: 'here' is not an IP address"),
        ({"tls_ca": "ca.pem"}, "relay.tls_ca: 'ca.pem' is not a path that Postfix can read"),
        (
            {"sender_smarthosts": [{"domain": "a.test", "smarthosts": [{"address": "192.0.2.10", "port": 25}]}]},
            "relay.smarthosts: [192.0.2.10]:25 is also where mail for example.org is handed to, "
            "so mail could loop",
        ),
    ],
)  # fmt: skip
def test_problem(changes: dict[str, Any], says: str) -> None:
    assert problems(**changes) == [says]


@pytest.mark.parametrize(
    "login", ["", "s3cret", ":s3cret", "a:", "a:s3cret\n", "a:s3\ncret", "a:s3\0cret", " a:s3cret", 5]
)
def test_login_that_no_table_can_hold_is_not_shown(login: object) -> None:
    (found,) = problems(smarthosts=[PROVIDER], credentials={"provider": login})
    assert found.startswith("credentials.provider: ")
    assert "s3" not in found


def test_what_this_host_cannot_do() -> None:
    hop = {"address": "no-such-host.invalid", "port": 25}
    declared = {
        "domains": [{"name": "example.org", "next_hops": [hop]}],
        "smarthosts": [hop],
        "sender_smarthosts": [{"domain": "example.net", "smarthosts": [hop]}],
        "send_from": ["192.0.2.200", "127.0.0.1"],
        "tls_ca": "/no/such/file",
    }
    assert [problem.option for problem in client_problems("relay", declared)] == [
        "relay.smarthosts[0].address",
        "relay.sender_smarthosts[0].smarthosts[0].address",
        "relay.domains[0].next_hops[0].address",
        "relay.send_from",
        "relay.tls_ca",
    ]


def test_diff_of_a_secret_table_has_its_keys_alone() -> None:
    text = "# Written by Ansible.\n[a.test]:587 user:s3cret and more\n"
    assert without_values(text) == "# Written by Ansible.\n[a.test]:587 ********\n"
