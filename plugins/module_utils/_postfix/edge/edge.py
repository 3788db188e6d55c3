# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail host does to stand at the edge: how much it takes from one client, how large, and for how long.

Each part sets nothing that is not declared, but for the defence against smuggling, which every relay and server has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import (
    Configuration,
    Former,
    mynetworks_pattern,
)
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.shared_settings import preceded
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.edge_tls import edge_tls_settings
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.hide_received import received_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.lifetimes import host_lifetimes
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.postscreen import postscreen_configuration
from ansible_collections.inbound.mail.plugins.module_utils._postfix.edge.proxy_protocol import proxy_services
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import LIMITS, SMALLEST_MESSAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import ClientLimitsOption, EdgeOption
# Postfix's own (postconf(5)). A mailbox that may not grow as large as a message is one that local(8) and virtual(8)
# refuse to deliver to, all of the time.
_MAILBOX_LIMIT = 51200000
_MAILBOX_LIMITS = ("mailbox_size_limit", "virtual_mailbox_limit")
# Any of these keeps a message from being taken apart at a line end that is none (SMTP smuggling).
_DEFENDED = ("yes", "normalize", "reject")


def edge_configuration(owner: str, declared: EdgeOption, before: Former) -> Configuration:
    """Compile the module's option ``edge``.

    declared: its suboptions, those that are not given None or missing. Raises InvalidError.
    """
    check = OptionReader()
    former, known = before.settings, before.known
    settings = {
        **smuggling_settings(former, known),
        **_size_settings(declared.get("message_size"), former, check),
        **_limit_settings(declared.get("client_limits") or {}, check),
        **host_lifetimes(declared, check),
        **edge_tls_settings(declared, former, check),
    }
    configuration = Configuration(settings)
    postscreen, hide_received = declared.get("postscreen"), declared.get("hide_received")
    proxy_port = declared.get("proxy_port")
    if postscreen is not None:
        configuration += postscreen_configuration(owner, postscreen, before.services, check)
    if hide_received is not None:
        configuration += received_configuration(owner, hide_received, former, before.services, check)
    if proxy_port is not None:
        configuration += Configuration(services=proxy_services(proxy_port, before.services, check))
    check.finish()
    return configuration


def smuggling_settings(former: Mapping[str, str], known: Collection[str] | None) -> dict[str, str]:
    """Only <CR><LF>.<CR><LF> ends a message (RFC 5321, section 4.1.1.4), so that no second one can hide in it.

    A bare newline is repaired where this Postfix can do that, refused where it can only do that, and with older ones
    a client may not send on before it is answered (https://www.postfix.org/smtp-smuggling.html).
    """
    if known is not None and "smtpd_forbid_bare_newline" not in known:
        return {
            "smtpd_data_restrictions": preceded("reject_unauth_pipelining", former, "smtpd_data_restrictions"),
            "smtpd_discard_ehlo_keywords": preceded("chunking", former, "smtpd_discard_ehlo_keywords"),
        }
    settings = {}
    if former.get("smtpd_forbid_bare_newline") not in _DEFENDED:
        repairs = known is None or "smtpd_forbid_bare_newline_reject_code" in known
        settings["smtpd_forbid_bare_newline"] = "normalize" if repairs else "yes"
    if known is None or "smtpd_forbid_unauth_pipelining" in known:
        settings["smtpd_forbid_unauth_pipelining"] = "yes"
    return settings


def _size_settings(size: int | None, former: Mapping[str, str], check: OptionReader) -> dict[str, str]:
    if size is None:
        return {}
    if size < SMALLEST_MESSAGE_SIZE:
        what = f"{size} bytes are less than the {SMALLEST_MESSAGE_SIZE} that every server has to take"
        check.report("edge.message_size", what, "Write the size in bytes, as 52428800 for 50 MB")
    settings = {"message_size_limit": str(size)}
    for name in _MAILBOX_LIMITS:
        if name not in former:
            if size > _MAILBOX_LIMIT:
                settings[name] = str(size)
        elif former[name].isdigit() and 0 < int(former[name]) < size:
            check.report(
                f"main.cf: {name}",
                f"a mailbox of {former[name]} bytes cannot hold a message of {size}: Postfix would deliver to none",
                f"Set {name} to 0 (no limit) or to more than that there, or write a smaller edge.message_size",
            )
    return settings


def _limit_settings(limits: ClientLimitsOption, check: OptionReader) -> dict[str, str]:
    settings = {}
    for name, parameter in LIMITS.items():
        value = cast("dict[str, int | None]", limits).get(name)
        if value is None:
            continue
        if value < 0:
            check.report(f"edge.client_limits.{name}", f"{value} is not a limit", "Write 0 for no limit, or more")
        settings[parameter] = str(value)
    exempt = check.networks("edge.client_limits.exempt", limits.get("exempt") or ())
    if settings:
        patterns = ("$mynetworks", *(mynetworks_pattern(network) for network in exempt))
        settings["smtpd_client_event_limit_exceptions"] = ", ".join(patterns)
    return settings
