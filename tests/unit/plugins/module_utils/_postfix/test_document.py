# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.lifetimes import domain_lifetimes
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import LIMITS
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.relay import relay_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.server import server_configuration

DOCUMENT = Path(__file__).parents[5] / "docs" / "postfix.md"
HOP = {"address": "192.0.2.1", "port": 25}
EVERYTHING = {
    "fqdn": "mail.example.org",
    "relay_from": [],
    "accept_from": ["192.0.2.1"],
    "smarthosts": [{**HOP, "credentials": "provider"}],
    "sender_smarthosts": [{"domain": "example.net", "smarthosts": [{"address": "192.0.2.3", "port": 25}]}],
    "credentials": {"provider": "relay:x"},
    "callout_reject_code": 550,
    "send_from": ["192.0.2.17", "2001:db8::17"],
    "tls_ca": "/etc/ssl/ca.pem",
    "tls_certificate": "/etc/ssl/mail.pem",
}
EDGE = {
    "message_size": 60000000,
    "client_limits": dict.fromkeys(LIMITS, 5),
    "postscreen": {"dnsbl": [{"name": "zen.example.net"}]},
    "hide_received": {"addresses": []},
    "tls_outgoing": "dane",
    "tls_required": True,
    "queue_lifetime": "5d",
    "bounce_lifetime": "1d",
}
# What makes each parameter necessary that is set only where it has to be.
FORMER = {
    "inet_interfaces": "loopback-only",
    "default_transport": "error",
    "smtp_tls_wrappermode": "yes",
    **{f"smtpd_tls_{kind}{part}_file": "/x" for kind in ("", "d", "ec") for part in ("cert", "key")},
}


def test_document_names_every_parameter_that_is_set() -> None:
    rows = [line[1:-1].split("|") for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    documented = {
        (name, side)
        for names, *cells in rows
        for side, cell in zip(("relay", "server"), cells)
        for name in re.findall(r"`(\w+)`", names)
        if cell.strip()
    }
    hops = [{"address": "192.0.2.2", "port": 25}]
    domains = [
        {"name": "example.org", "next_hops": hops, "recipients": {"validation": "static", "addresses": ["info"]}},
        {"name": "example.net", "next_hops": hops, "recipients": {"validation": "callout"}},
    ]
    scanners = ("inet:192.0.2.5:8891", "milter"), ("192.0.2.5:10025", "smtp")
    relays = [
        relay_configuration(
            "relay",
            {
                **EVERYTHING,
                "domains": domains,
                "scanner": {"type": kind, "address": address, "unavailable": "tempfail"},
            },
            Former(FORMER),
        )
        for address, kind in scanners
    ]
    server = server_configuration("server", {**EVERYTHING, "domains": ["example.org"], "local_delivery": True}, FORMER)

    edges = [edge_configuration("relay", EDGE, Former(FORMER, {}, known)) for known in (None, ())]
    sides = {"relay": [*relays, *edges], "server": [server, *edges]}
    own = [{"name": "example.org", "queue_lifetime": "14d"}]
    relays.append(domain_lifetimes(own, {}, Former()))
    assert documented == {(name, side) for side, several in sides.items() for one in several for name in one.settings}
