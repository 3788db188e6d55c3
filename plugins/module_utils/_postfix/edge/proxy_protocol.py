# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port for a load balancer that tells the client's address in front of each connection (PROXY protocol).

Postfix believes any such header, and demands one of every client there. So it is a port of its own, on which no client
is trusted for its address: one that reaches it past the balancer can forge its address, and cannot relay by it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import proxy_port_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader

_OPTIONS = {
    "smtpd_upstream_proxy_protocol": "haproxy",
    "mynetworks": "",
    "smtpd_relay_restrictions": "reject_unauth_destination",
}


def proxy_services(port: int, services: Mapping[str, Service], check: OptionReader) -> tuple[Service, ...]:
    """services: what master.cf has without ours."""
    if problem := proxy_port_problem(port):
        check.report("edge.proxy_port", *problem)
    taken = next((one for one in services.values() if one.is_port(str(port))), None)
    if taken:
        check.report("edge.proxy_port", f"{taken.key} in master.cf listens there already", "Write another port")
    listener = next((one for one in services.values() if one.is_port_25), None)
    if listener is None:
        return ()  # Said of every configuration: nothing listens on port 25.
    service = replace(listener, name=str(port), private="n", process_limit="-", command="smtpd")
    for name, value in _OPTIONS.items():
        service = service.with_option(name, value)
    return (service,)
