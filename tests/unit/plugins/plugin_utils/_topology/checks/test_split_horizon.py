# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain that is known inside only, beside one that the world knows: what must not get from one to the other."""

from __future__ import annotations

from typing import Any

import pytest

INVENTORY = """
all:
  vars:
    mail_domains: [{{name: example.org{outside}}}, {{name: corp.example.lan, dns: internal{inside}}}]
    mail_dns: {{default: {{provider: rfc2136}}, internal: {{provider: rfc2136}}}}
mail_servers:
  hosts:
    mail: {{mail_topology: direct, mail_fqdn: {fqdn}, mail_addresses: [9.9.0.10]}}
    ad: {{mail_topology: direct, mail_fqdn: {other}, mail_addresses: [9.9.0.11]}}
"""


def inventory(
    outside: str = "", inside: str = "", fqdn: str = "mail.example.org", other: str = "ad.example.org"
) -> str:
    return INVENTORY.format(outside=outside, inside=inside, fqdn=fqdn, other=other)


@pytest.mark.parametrize(
    ("parts", "host", "variable", "message"),
    [
        ({"fqdn": "mail.corp.example.lan"}, "mail", "mail_fqdn",
         "mail.corp.example.lan is in corp.example.lan, which is known inside only"),
        # It is not the MX, but the service delivers to its name.
        ({"outside": ", exchangers: [mx.filter.example]", "fqdn": "mail.corp.example.lan"}, "mail", "mail_fqdn",
         "no sender outside with mail for example.org finds its address"),
        ({"outside": ", backup_mx: [{name: b.corp.example.lan, addresses: [9.9.3.3]}]"}, "", "mail_domains",
         "example.org: the MX b.corp.example.lan is in corp.example.lan, which is known inside only"),
        ({"outside": ", exchangers: [{name: f.corp.example.lan, addresses: [9.9.3.3]}]"}, "", "mail_domains",
         "example.org: the MX f.corp.example.lan is in corp.example.lan"),
        ({"inside": ", backup_mx: [mx.provider.example]"}, "", "mail_domains",
         "corp.example.lan: is known inside only, and mx.provider.example, a host of another operator"),
        ({"inside": ", exchangers: [mx.filter.example]"}, "", "mail_domains",
         "corp.example.lan: is known inside only, and mx.filter.example"),
    ],
)  # fmt: skip
def test_error(parts: dict[str, str], host: str, variable: str, message: str, errors_of: Any) -> None:
    (error,) = errors_of(inventory(**parts))
    assert (error["host"], error["variable"]) == (host, variable)
    assert message in error["message"]
    assert error["remedy"]


def test_exchanger_of_inside_domains_alone_may_have_an_inside_name(plan_of: Any) -> None:
    plan = plan_of(inventory(outside=", servers: [mail]", inside=", servers: [ad]", other="ad.corp.example.lan"))
    assert list(plan["dns"]["default"]) == ["example.org"]
    assert "corp.example.lan" not in str(plan["dns"]["default"])
    assert plan["dns"]["internal"]["corp.example.lan"] == [
        {"name": "corp.example.lan", "type": "MX", "values": ["10 ad.corp.example.lan."], "ttl": 3600},
        {"name": "ad.corp.example.lan", "type": "A", "values": ["9.9.0.11"], "ttl": 3600},
    ]


def test_inside_zone_below_one_of_the_world(errors_of: Any) -> None:
    """The longest zone that a name ends with holds it."""
    text = inventory(fqdn="mail.corp.example.org").replace("corp.example.lan", "corp.example.org")
    (error,) = errors_of(text)
    assert "mail.corp.example.org is in corp.example.org, which is known inside only" in error["message"]
