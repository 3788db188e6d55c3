# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS on port 25: offered to every client, and used with every server that offers it (RFC 3207, RFC 7435).

Opportunistic senders take any certificate, so a self-signed one is made where none is declared.
What the host's own main.cf says of TLS stays as it is unless a certificate is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.configuration import TABLE_DIRECTORY
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.inbound.mail.plugins.module_utils._postfix.options import RelayOption, ServerOption
CERTIFICATE_SUFFIX = ".pem"

_LEVELS = ("smtpd_tls_security_level", "smtpd_use_tls", "smtpd_enforce_tls")
# Ignored, with a warning in the log each time, where smtpd_tls_chain_files is set (postconf(5)).
_OLDER = tuple(f"smtpd_tls_{kind}{part}_file" for kind in ("", "d", "ec") for part in ("cert", "key"))
_CLIENT_LEVELS = ("smtp_tls_security_level", "smtp_use_tls", "smtp_enforce_tls")


def self_signed_name(fqdn: str) -> str:
    """The file's name says for whom the certificate is, so that another name gets another one."""
    return f"{fqdn}{CERTIFICATE_SUFFIX}"


def tls_settings(
    owner: str,
    fqdn: str,
    declared: RelayOption | ServerOption,
    former: Mapping[str, str],
    check: OptionReader,
    option: str,
) -> tuple[dict[str, str], str]:
    """The settings, and the file name of the self-signed certificate that they need, or nothing.

    declared: with ``tls_certificate`` and ``tls_key``, paths of PEM files; former: what main.cf has without ours;
    option: what the declaration is called in messages.
    """
    certificate, key = declared.get("tls_certificate") or "", declared.get("tls_key") or ""
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        check.path(f"{option}.{name}", path)
    if key and not certificate:
        check.report(
            f"{option}.tls_key", "there is a key but no certificate", "Name the certificate in tls_certificate"
        )
    settings = {}
    if not any(name in former for name in _CLIENT_LEVELS):
        settings["smtp_tls_security_level"] = "may"
    if certificate:
        # The key comes before the certificate that it belongs to (postconf(5), smtpd_tls_chain_files).
        settings["smtpd_tls_chain_files"] = ", ".join(filter(None, (key, certificate)))
        if former.get("smtpd_tls_security_level", "") not in ("may", "encrypt"):
            settings["smtpd_tls_security_level"] = "may"
        settings.update({name: "" for name in _OLDER if former.get(name)})
        return settings, ""
    if any(name in former for name in (*_LEVELS, *_OLDER, "smtpd_tls_chain_files")):
        return settings, ""
    name = self_signed_name(fqdn)
    settings["smtpd_tls_chain_files"] = f"${{config_directory}}/{TABLE_DIRECTORY}/{owner}/{name}"
    settings["smtpd_tls_security_level"] = "may"
    return settings, name
