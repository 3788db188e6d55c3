# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport that mail to the servers goes by, and what Postfix's SMTP client does there and nowhere else.

Mail to the outside goes by ``smtp`` (postconf(5), default_transport), so the two can be told apart in master.cf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import Service
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader

TRANSPORT = "relay"
SERVICE = f"{TRANSPORT}/unix"


def internal_services(
    options: Mapping[str, str], services: Mapping[str, Service], check: OptionReader
) -> tuple[Service, ...]:
    """The service with these options more, none if it has them all.

    services: what master.cf has without ours, nothing where Postfix is not installed yet.
    """
    if not services:
        return ()
    if SERVICE not in services:
        remedy = f"Put the line '{TRANSPORT} unix' back"
        check.report(f"master.cf: {SERVICE}", "no such service, which mail to the servers goes by", remedy)
        return ()
    service = services[SERVICE]
    for name, value in options.items():
        service = service.with_option(name, value)
    return (service,) if service != services[SERVICE] else ()
