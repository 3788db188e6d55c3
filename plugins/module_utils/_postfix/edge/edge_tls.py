# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS beyond the opportunistic: DANE for mail to the outside (RFC 7672), and no cleartext mail from the relays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_values import DANE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import EdgeOption

# Each of them demands more of every next hop than DANE does of those without TLSA records.
_STRICTER = ("encrypt", "fingerprint", "verify", "secure", "dane-only")


def edge_tls_settings(declared: EdgeOption, former: Mapping[str, str], check: OptionReader) -> dict[str, str]:
    """declared: the option ``edge``, with ``tls_outgoing`` and ``tls_required``."""
    settings = {}
    if declared.get("tls_outgoing") == DANE:
        settings = {"smtp_dns_support_level": "dnssec", "smtp_tls_security_level": DANE}
        if former.get("smtp_tls_loglevel", "0") == "0":
            # One line for each connection, so that the log shows what DANE did.
            settings["smtp_tls_loglevel"] = "1"
        if "dns" not in former.get("smtp_host_lookup", "dns"):
            what = f"{former['smtp_host_lookup']} leaves DNS out, where the TLSA records are"
            check.report("main.cf: smtp_host_lookup", what, "Write dns there, or leave edge.tls_outgoing out")
        if former.get("smtp_tls_security_level") in _STRICTER:
            check.report(
                "main.cf: smtp_tls_security_level",
                f"{former['smtp_tls_security_level']} demands more than {DANE} of hosts without TLSA records",
                "Take it out there, or leave edge.tls_outgoing out",
            )
    if declared.get("tls_required"):
        settings["smtpd_tls_security_level"] = "encrypt"
    return settings
