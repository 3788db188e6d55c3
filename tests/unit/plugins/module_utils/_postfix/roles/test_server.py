# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.roles.server import server_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

DOMAINS = "texthash:${config_directory}/inbound_mail/server/domains"


def settings(former: dict[str, str] | None = None, **changes: Any) -> dict[str, str]:
    declared = {
        "fqdn": "mailbox.example.org",
        "domains": ["example.org"],
        "accept_from": ["192.0.2.17"],
        "smarthosts": [{"address": "192.0.2.17", "port": 25}],
        "local_delivery": True,
        **changes,
    }
    return dict(server_configuration("server", declared, former or {}).settings)


def test_domains_are_added_to_what_is_delivered_already() -> None:
    assert settings()["mydestination"] == f"$myhostname, localhost.$mydomain, localhost, {DOMAINS}"
    assert settings({"mydestination": "mail.test"})["mydestination"] == f"mail.test, {DOMAINS}"
    assert settings({"mydestination": ""})["mydestination"] == DOMAINS
    assert "mydestination" not in settings(local_delivery=False)


def test_relays_come_before_the_restrictions_of_the_host() -> None:
    assert settings({"smtpd_client_restrictions": "reject_unknown_client_hostname"})["smtpd_client_restrictions"] == (
        "permit_mynetworks, permit_sasl_authenticated, "
        "check_client_access cidr:${config_directory}/inbound_mail/server/clients, reject_unknown_client_hostname"
    )


def test_server_that_faces_the_outside_leaves_clients_and_relayhost_alone() -> None:
    direct = settings(accept_from=[], smarthosts=[])

    assert direct["smtpd_relay_restrictions"].endswith("reject_unauth_destination")
    assert not {"smtpd_client_restrictions", "relayhost"} & direct.keys()


def test_clients_that_may_relay_besides_stay() -> None:
    former = {"smtpd_relay_restrictions": "permit_mynetworks, permit_tls_clientcerts, reject_unauth_destination"}
    assert settings(former)["smtpd_relay_restrictions"] == (
        "permit_mynetworks, permit_sasl_authenticated, permit_tls_clientcerts, reject_unauth_destination"
    )


def test_subnet_is_not_trusted_because_nobody_said_so() -> None:
    assert settings()["mynetworks_style"] == "host"
    assert "mynetworks_style" not in settings({"mynetworks": "192.0.2.0/24"})
    assert "mynetworks_style" not in settings({"mynetworks_style": "subnet"})


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(InvalidError) as caught:
        settings(fqdn="192.0.2.1", domains=["a..b", "localhost"], smarthosts=[{"address": "relay", "port": 25}])

    assert [problem.option for problem in caught.value.problems] == [
        "server.fqdn",
        "server.domains[0]",
        "server.domains[1]",
        "server.smarthosts[0].address",
    ]
