# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a server's certificate, trusted or not. Python's own TLS shows only that of a trusted one."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.inbound.mail.plugins.module_utils._deps import x509 as library
from ansible_collections.inbound.mail.plugins.module_utils._sanitize import harmless

if TYPE_CHECKING:
    from ansible_collections.inbound.mail.plugins.module_utils._path_check import observation as seen


def read_certificate(der: bytes | None) -> seen.Certificate | None:
    """None where there is none, where it cannot be read, or where the library for it is not installed.

    All names are kept, of which hosts of many domains have hundreds: OpenSSL takes no chain of more than 100 KB.
    """
    x509 = library() if der else None
    if x509 is None:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        # cryptography before 42 knows naive times only, which are in UTC.
        end = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after
        return {
            "names": [harmless(name.lower(), 255) for name in _names(x509, certificate)],
            "not_after": end.replace(tzinfo=timezone.utc).timestamp(),
        }
    except (ValueError, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return None


def _names(x509: Any, certificate: Any) -> list[str]:
    """Alternative names; the subject's common name only where there are none (RFC 6125, section 6.4.4)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = alternatives.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return names or [str(one.value) for one in common]
