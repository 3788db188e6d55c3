# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Former
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import services_of
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge import edge_configuration
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError

MASTER_CF = "smtp inet n - n - 200 smtpd -o syslog_name=postfix/edge\n192.0.2.1:10026 inet n - n - - smtpd\n"


def lines(port: int) -> list[str]:
    former = Former({}, services_of(MASTER_CF), None)
    return [service.line() for service in edge_configuration("relay", {"proxy_port": port}, former).services]


def test_nobody_is_trusted_for_an_address_that_a_header_tells() -> None:
    assert lines(10025) == [
        "10025 inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy -o mynetworks= "
        "-o smtpd_relay_restrictions=reject_unauth_destination"
    ]


@pytest.mark.parametrize(("port", "says"), [(25, "not a port for"), (10026, "listens there already")])
def test_port_that_others_use(port: int, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        lines(port)
