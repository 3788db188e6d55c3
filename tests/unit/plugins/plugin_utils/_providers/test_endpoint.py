# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a DNS service as one dictionary."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.filter.dns_endpoint_problems import FilterModule
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.base import InvalidOptions
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.endpoint import secrets_of, with_endpoint
from ansible_collections.inbound.mail.plugins.plugin_utils._providers.options import ARGUMENT_SPEC

SECRET = "MDEyMzQ1Njc4OWFiY2RlZg=="


def test_without_an_endpoint_the_arguments_stay_as_they_are() -> None:
    arguments = {"server": "192.0.2.53", "prune": True}
    assert with_endpoint(arguments) == arguments
    assert with_endpoint({**arguments, "endpoint": None}) == arguments


def test_the_endpoint_goes_before_the_task_also_with_no_and_with_nothing() -> None:
    task = {"prune": True, "wait_timeout": 60.0, "timeout": 5, "write": False}
    endpoint = {"server": "192.0.2.53", "prune": False, "timeout": None}
    assert with_endpoint({**task, "endpoint": endpoint}) == {
        "server": "192.0.2.53",
        "prune": False,
        "wait_timeout": 60.0,
        "timeout": None,
        "write": False,
    }


@pytest.mark.parametrize("name", ARGUMENT_SPEC)
def test_an_endpoint_takes_every_option_of_a_service_and_none_of_a_run(name: str) -> None:
    arguments = {"endpoint": {name: "value"}}
    if name in ("former_exchanges", "write"):
        with pytest.raises(InvalidOptions):
            with_endpoint(arguments)
    else:
        assert with_endpoint(arguments) == {name: "value"}


def test_all_that_is_wrong_with_an_endpoint() -> None:
    with pytest.raises(InvalidOptions) as caught:
        with_endpoint({"endpoint": {"key_nam": "k", "key_secret": SECRET, "colour": 1, "endpoint": {}}})
    near, far, _nested = caught.value.problems
    assert near == "endpoint: there is no option 'key_nam'. Did you mean 'key_name'?"
    assert far.startswith("endpoint: there is no option 'colour'. There are api_token, ca_path, ")
    assert SECRET not in "".join(caught.value.problems)


def test_an_endpoint_that_is_no_dictionary() -> None:
    with pytest.raises(InvalidOptions) as caught:
        with_endpoint({"endpoint": "default"})
    assert caught.value.problems == ["endpoint: expected a dictionary, not str"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"key_secret": SECRET},
        {"endpoint": {"key_secret": SECRET}},
        {"endpoint": {"api_token": SECRET}},
        {"endpoint": {"options": {"secret_access_key": SECRET}}},
    ],
)
def test_secrets_are_found_in_the_endpoint_too(arguments: dict[str, Any]) -> None:
    assert SECRET in secrets_of(arguments)


def test_the_filter_says_all_that_is_wrong_with_all_endpoints_and_no_secret() -> None:
    problems_of = FilterModule().filters()["dns_endpoint_problems"]
    problems = problems_of(
        {
            "default": {"server": "192.0.2.53", "key_nam": "k", "key_secret": SECRET},
            "inside": "manual",
            "far": {"provider": "powerdns", "api_token": SECRET},
            "sound": {"provider": "manual"},
        }
    )
    assert problems == [
        "default: there is no key 'key_nam'. Did you mean 'key_name'?",
        "inside: is text, not a dictionary. Write endpoints by name, as {default: {provider: rfc2136, server: "
        "192.0.2.53}}",
        "far: has no 'url', which the provider powerdns needs. Add it, as https://ns1.example.org:8081",
    ]
    assert problems_of({"default": {"server": "192.0.2.53"}}) == []
    assert len(problems_of(["default"])) == 1
