# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of scanners. Whether one listens is asked of real ones in tests/integration/test_scanning.py."""

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._scanner import MILTER, SMTP, AddressError, parse_address


@pytest.mark.parametrize(
    ("written", "kind", "shown"),
    [
        ("inet:192.0.2.5:8891", MILTER, "inet:192.0.2.5:8891"),
        ("192.0.2.5:8891", MILTER, "inet:192.0.2.5:8891"),
        ("inet:scanner.example.org:8891", MILTER, "inet:scanner.example.org:8891"),
        ("inet6:[2001:DB8::5]:8891", MILTER, "inet:[2001:db8::5]:8891"),
        ("unix:/opendkim/opendkim.sock", MILTER, "unix:/opendkim/opendkim.sock"),
        ("local:/opendkim/opendkim.sock", MILTER, "unix:/opendkim/opendkim.sock"),
        ("192.0.2.5:10025", SMTP, "inet:192.0.2.5:10025"),
    ],
)
def test_forms_that_are_understood(written: str, kind: str, shown: str) -> None:
    assert str(parse_address(written, kind)) == shown


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("", MILTER),
        ("192.0.2.5", MILTER),
        ("inet:192.0.2.5:0", MILTER),
        ("inet:192.0.2.5:65536", MILTER),
        ("inet:192.0.2.500:25", MILTER),
        ("inet:2001:db8::5:25", MILTER),
        ("inet:[mail]:25", MILTER),
        ("unix:relative", MILTER),
        ("unix:/a, reject", MILTER),
        ("inet:192.0.2.5:25 }", MILTER),
        ("unix:/socket", SMTP),
        ("filter.example.org:10025", SMTP),
    ],
)
def test_others_are_refused(written: str, kind: str) -> None:
    with pytest.raises(AddressError):
        parse_address(written, kind)
