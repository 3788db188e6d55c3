# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret that was put into another option than its own is in no message."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.desired import desired
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.cloudflare import provider as cloudflare
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.dns_action import validated
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.registry import provider_of
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.rfc2136.tsig import InvalidKey
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.route53 import provider as route53
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.pipeline import DeclarationError

SHOWN = {"key_secret", "api_token", "options", "server", "former_exchanges"}
"""Options that are secret themselves, and those that a message is about: the name of a host."""
# No value of any kind, and no name.
SECRET = "planted secret/+=="
ENDPOINTS: list[dict[str, object]] = [
    {"provider": "rfc2136", "server": "192.0.2.53", "key_name": "k", "key_secret": "c2VjcmV0c2VjcmV0c2VjcmV0"},
    {"provider": "powerdns", "url": "https://192.0.2.53", "api_token": "token-of-some-length"},
    {"provider": "cloudflare", "api_token": "token-of-some-length"},
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("option", sorted(set(ARGUMENT_SPEC) - SHOWN))
def test_an_endpoint_tells_what_is_wrong_without_it(option: str, endpoint: dict[str, object]) -> None:
    try:
        provider_of(validated(ARGUMENT_SPEC, {"": {**endpoint, option: SECRET}})[""])  # type: ignore[arg-type]
    except (InvalidOptions, InvalidKey) as error:
        assert option in str(error)
        assert "planted" not in str(error)
    else:
        # Any text is right there, or it is of no use to that provider and read by nothing.
        assert option in ("key_name", "url", "key_algorithm", "protocol")


def test_a_choice_names_what_is_allowed() -> None:
    with pytest.raises(InvalidOptions, match=r"key_algorithm: write one of hmac-md5, .*could be a secret"):
        validated(ARGUMENT_SPEC, {"": {"key_algorithm": SECRET}})


@pytest.mark.parametrize("module", [cloudflare, route53])
def test_so_do_the_options_of_a_service(module: Any) -> None:
    for name, about in module._OPTIONS.items():
        if about["type"] == "str":
            continue
        with pytest.raises(InvalidOptions, match=rf"options\.{name}: write ") as raised:
            module.create({**dict.fromkeys(ARGUMENT_SPEC), "options": {name: SECRET}})
        assert "planted" not in str(raised.value)


@pytest.mark.parametrize("place", ["mail_dns", "mail_smarthosts"])
def test_so_does_the_declaration(place: str, plan_of: Any) -> None:
    smarthost = {"address": "smtp.example.net", "port": 587, "tls": "may", "credentials": "provider"}
    names = set(ARGUMENT_SPEC) - {"write", "prune", "former_exchanges"} if place == "mail_dns" else smarthost
    for name in names:
        wrong = {"mail_dns": ENDPOINTS[0], "mail_smarthosts": smarthost}[place] | {name: SECRET}
        dns, hops = (wrong, []) if place == "mail_dns" else (ENDPOINTS[0], [wrong])
        try:
            plan_of(f"""
all: {{vars: {{mail_domains: [{{name: example.org}}], mail_dns: {{default: {dns}}},
  mail_credentials: {{provider: "user:password"}}, mail_smarthosts: {hops}}}}}
mail_servers: {{hosts: {{mail: {{mail_topology: direct, mail_fqdn: mail.example.org, mail_addresses: [9.9.1.10]}}}}}}
""")
        except DeclarationError as error:
            # An address is what the message is about.
            assert name == "address" or not any("planted" in str(vars(problem)) for problem in error.errors), name


def test_so_does_postfix_for_a_login_in_the_place_of_its_name() -> None:
    hop = {"host": None, "address": "192.0.2.9", "port": 25, "tls": "encrypt", "tls_name": None, "credentials": SECRET}
    relay = {
        "fqdn": "mx.example.org",
        "domains": [{"name": "example.org", "next_hops": [{**hop, "credentials": None}], "recipients": None}],
        "smarthosts": [hop],
        **dict.fromkeys(("tls_ca", "tls_certificate", "tls_key", "scanner")),
        **{name: [] for name in ("relay_from", "accept_from", "sender_smarthosts", "send_from")},
        "callout_reject_code": 550,
    }
    options: Any = {
        "name": "relay", "relay": relay, "server": None, "edge": None, "credentials": {"provider": "user:password"},
        "settings": {}, "config_directory": "/etc/postfix", "state": "present",
    }  # fmt: skip
    with pytest.raises(InvalidError, match="name one of those that it has: provider") as raised:
        desired(options, {"main.cf": "", "master.cf": ""}, None)
    assert "planted" not in str(raised.value)
