# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port for a load balancer that tells the client's address in front of each connection (PROXY protocol).

Postfix believes whatever such a header says, and demands one of everybody. So it is a port of its own, on which nobody
is trusted for his address: who reaches it past the balancer can lie about where he comes from, and cannot relay by it.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import proxy_port_problem
from ansible_collections.inbound.mail.plugins.module_utils._validation import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import Checker
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service

_OPTIONS = {
    "smtpd_upstream_proxy_protocol": "haproxy",
    "mynetworks": "",
    "smtpd_relay_restrictions": "reject_unauth_destination",
}


def proxy_services(port: int, services: Mapping[str, Service], check: Checker) -> tuple[Service, ...]:
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


def port_problems(port: int) -> list[Problem]:
    """Whether another program of this host has the port: Postfix would not start."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            remedy = "Write another port, or end the program that has it ('ss -ltnp' names it)"
            return [Problem("edge.proxy_port", f"Postfix could not listen on port {port}: {error.strerror}", remedy)]
    return []
