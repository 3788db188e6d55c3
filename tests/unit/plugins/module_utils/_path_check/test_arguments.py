# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of path_check: brought to their normal form, and everything that is wrong reported at once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.module_utils._path_check.arguments import ArgumentsError, checked

PORT = {
    "source": "outside",
    "host": "mail",
    "address": "192.0.2.1",
    "port": 25,
    "open": True,
    "why": "",
    "asked_of": "",
}


def params(**given: Any) -> Any:
    """As AnsibleModule would hand them over."""
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    return {**defaults, **given}


def problems(**given: Any) -> list[str]:
    with pytest.raises(ArgumentsError) as raised:
        checked(params(**given))
    return str(raised.value).split("; ")


def test_names_and_addresses_get_their_normal_form() -> None:
    record = {"name": "MAIL.Example.Org.", "type": "AAAA", "values": ["2001:DB8:0::1"], "zone": "", "view": "public"}
    port = {**PORT, "address": "2001:db8:0:0::1"}
    given = params(
        expectations={"records": [record], "ports": [port]}, controls=["2001:DB8::25"], helo="Sender.Example."
    )
    found, expect = checked(given)
    assert (expect["records"][0]["name"], expect["records"][0]["zone"]) == ("mail.example.org", None)
    assert expect["ports"][0]["address"] == "2001:db8::1"
    assert (found["controls"], found["helo"]) == (["2001:db8::25"], "sender.example")


def test_exchangers_of_a_domain_are_expected() -> None:
    host = {"host": "Mail.Example.Org.", "preference": 10, "addresses": ["192.0.2.1"]}
    found, expect = checked(params(domain="Example.Org.", exchangers=[host]))
    assert found["domain"] == "example.org"
    values = {(one["name"], one["type"]): one["values"] for one in expect["records"]}
    assert values[("example.org", "MX")] == ["10 mail.example.org."]
    assert values[("mail.example.org", "A")] == ["192.0.2.1"]
    assert values[("mail.example.org", "AAAA")] == []
    assert [one["domains"] for one in expect["smtp"]] == [["example.org"]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"controls": ["mail"]}, "controls: 'mail' is not a valid IP address"),
        ({"public_networks": ["192.0.2.0/33"]}, "public_networks: '192.0.2.0/33' is not a valid network"),
        ({"controls": ["fe80::1%eth0"]}, "controls: 'fe80::1%eth0' is not a valid IP address"),
        ({"egress_targets": ["2001:db8::1%2"]}, "egress_targets: '2001:db8::1%2' is not a valid IP address"),
        ({"public_networks": ["fe80::%eth0/64"]}, "public_networks: 'fe80::%eth0/64' is not a valid network"),
        (
            {"expectations": {"ports": [{**PORT, "address": "fe80::1%eth0"}]}},
            "expectations.ports.address: 'fe80::1%eth0' is not a valid IP address",
        ),
        (
            {"domain": "example.org", "exchangers": [{"host": "mx", "preference": 1, "addresses": ["fe80::1%eth0"]}]},
            "domain, exchangers: 'fe80::1%eth0' has a scope identifier",
        ),
        ({"timeout": 0.0}, "timeout: 0 is not greater than 0"),
        ({"expectations": {"ports": [{**PORT, "port": 65536}]}}, "expectations.ports.port: 65536 is not a TCP port"),
        (
            {"expectations": {"serials": [{"zone": "example.org", "serial": 2**32}]}},
            "expectations.serials.serial: 4294967296 is not a serial number",
        ),
        (
            {"accepted": [{"id": "no-rule", "subject": None, "reason": "r", "until": None}]},
            "accepted.id: there is no rule 'no-rule'",
        ),
        (
            {"accepted": [{"id": "fcrdns", "subject": None, "reason": "r", "until": "soon"}]},
            "accepted.until: 'soon' is not a valid date such as 2030-12-31",
        ),
    ],
)
def test_wrong_argument_is_named_with_its_value(given: dict[str, Any], words: str) -> None:
    (problem,) = problems(**given)
    assert problem.startswith(words)


def test_all_problems_are_reported_at_once() -> None:
    assert len(problems(controls=["a", "b"], deadline=0.0)) == 3
    (alone,) = problems(exchangers=[{"host": "mail", "preference": 10, "addresses": []}])
    assert alone.startswith("exchangers:")
