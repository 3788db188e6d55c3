# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where secrets are found in the options, and what is read from the environment."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.secrets import secrets, with_environment

SECRET = "correct-horse-battery"


def test_each_kind_of_secret_is_known() -> None:
    options = {
        "key_name": "inbound-mail",
        "key_secret": "c2VjcmV0c2VjcmV0c2VjcmV0",
        "api_token": SECRET,
        "options": {
            "class": "octodns_powerdns.PowerDnsProvider",
            "key_name": "inbound-mail",
            "api_key": "another-secret",
            "auth": {"user": "mail-robot", "values": ["in-a-list-below"]},
        },
    }
    assert secrets(options) == {
        "c2VjcmV0c2VjcmV0c2VjcmV0",
        SECRET,
        "another-secret",
        "mail-robot",
        "in-a-list-below",
    }


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDNS_API_KEY", SECRET)
    assert with_environment({"provider": "powerdns"})["api_token"] == SECRET
    assert with_environment({"provider": "powerdns", "api_token": "of-the-task"})["api_token"] == "of-the-task"
    assert with_environment({"provider": "rfc2136"})["api_token"] is None


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNS_TOKEN", SECRET)
    options = with_environment(
        {"provider": "octodns", "options": {"token": "env/DNS_TOKEN", "list": ["env/DNS_TOKEN"]}}
    )
    assert options["options"] == {"token": SECRET, "list": [SECRET]}
    assert secrets(options) == {SECRET}


def test_a_secret_is_known_in_a_url() -> None:
    assert secrets({"options": {"password": "a b/c&d e+f"}}) == {
        "a b/c&d e+f",
        "a%20b/c%26d%20e%2Bf",
        "a%20b%2Fc%26d%20e%2Bf",
        "a+b%2Fc%26d+e%2Bf",
    }


def test_a_line_of_a_key_is_a_secret() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI\nshort\n"
    assert {key, "MC4CAQAwBQYDK2VwBCIEI"} <= secrets({"options": {"private_key": key}})
    assert "short" not in secrets({"options": {"private_key": key}})


def test_all_that_is_missing_is_told_at_once() -> None:
    options = {"options": {"token": "env/NO_SUCH_VARIABLE", "password": "mail"}, "api_token": "short"}
    with pytest.raises(InvalidOptions) as raised:
        with_environment(options)
    assert raised.value.problems == [
        "options.token: the environment of the controller has no variable NO_SUCH_VARIABLE",
        "api_token has 5 characters, fewer than 8: take a longer one",
        "options.password has 4 characters, fewer than 8: take a longer one",
    ]
    assert secrets(options) == {"env/NO_SUCH_VARIABLE", "env%2FNO_SUCH_VARIABLE"}, (
        "what is too short was never used, and would blot out results"
    )
