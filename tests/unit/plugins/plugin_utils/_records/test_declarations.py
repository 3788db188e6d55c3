# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single records as users declare them: the limits of what is taken."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.plugin_utils._records.declarations import declare


def problems(record: dict[str, Any]) -> list[str]:
    return declare({"records[0]": {"zone": "example.org", **record}}).problems


@pytest.mark.parametrize(("ttl", "valid"), [(-1, False), (0, True), (2147483647, True), (2147483648, False)])
def test_a_ttl_has_31_bits(ttl: int, valid: bool) -> None:
    """RFC 2181, section 8."""
    found = problems({"name": "example.org", "type": "MX", "values": ["10 a.example.org"], "ttl": ttl})
    assert (found == []) is valid


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "valid"),
    [
        ("*.example.org", "NS", "ns1.example.net", False),
        ("*.example.org", "MX", "10 mail.example.org", True),
        ("sub.example.org", "NS", "ns1.example.net", True),
    ],
)
def test_a_wildcard_is_not_delegated(name: str, rdtype: str, value: str, valid: bool) -> None:
    """RFC 4592, section 4.2."""
    found = problems({"name": name, "type": rdtype, "values": [value]})
    assert (found == []) is valid


def test_octets_in_hexadecimal_digits_are_not_taken_for_a_host() -> None:
    r"""RFC 3597, section 5: '\#', the length and the octets."""
    value = r"\# 8 000a046d61696c00"
    assert problems({"name": "example.org", "type": "MX", "values": [value]}) == []
