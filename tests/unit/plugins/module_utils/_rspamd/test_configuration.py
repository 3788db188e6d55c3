# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts the text has. That rspamd understands it is asked of rspamd, in tests/integration/test_scanning.py."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.option_reader import OptionReader
from ansible_collections.inbound.mail.plugins.module_utils._rspamd.configuration import (
    RspamdConfiguration,
    checked_socket,
)


@pytest.mark.parametrize(
    ("wanted", "sections"),
    [
        (RspamdConfiguration(), ["milter_headers"]),
        (RspamdConfiguration(antivirus="/run/clamd"), ["milter_headers", "antivirus", "force_actions"]),
        (RspamdConfiguration(antivirus="/run/clamd", wait_for_antivirus=False), ["milter_headers", "antivirus"]),
        (RspamdConfiguration(outgoing=(ip_network("192.0.2.10/32"),)), ["milter_headers", "settings"]),
    ],
)
def test_sections(wanted: RspamdConfiguration, sections: list[str]) -> None:
    assert re.findall(r"^(\w+) \{", wanted.text(), re.MULTILINE) == sections


def test_values_are_written_where_they_belong() -> None:
    text = RspamdConfiguration((ip_network("192.0.2.10/32"), ip_network("2001:db8::/64")), "/run/clamd").text()

    assert '    ip = ["192.0.2.10/32", "2001:db8::/64"];\n' in text
    assert '    servers = "/run/clamd";\n' in text


@pytest.mark.parametrize("path", ["run/clamd", '/run/"', "/run/$x", "/run/\n"])
def test_socket_that_would_need_quoting_is_refused(path: str) -> None:
    check = OptionReader()
    checked_socket(check, "clamd_socket", path)

    assert [problem.option for problem in check.found] == ["clamd_socket"]
