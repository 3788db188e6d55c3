# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._postfix.config.master_cf import (
    Service,
    owned_by_others,
    services_of,
    with_services,
    without_options,
    without_services,
)
from hypothesis import given
from hypothesis import strategies as st

TEXT = """\
# service type  private unpriv  chroot  wakeup  maxproc command + args
smtp      inet  n       -       y       -       -       smtpd
  -o smtpd_sasl_auth_enable=no
#  -o syslog_name=postfix/old
  -o { smtpd_banner = hello there }
# relay
smtp      unix  -       -       y       -       -       smtp
submission inet n       -       y       -       -       smtpd
"""
SCREEN = Service("smtp", "inet", "n", "-", "y", "-", "1", "postscreen")


def test_service_has_all_of_its_options() -> None:
    smtp = services_of(TEXT)["smtp/inet"]
    assert smtp.command == "smtpd -o smtpd_sasl_auth_enable=no -o { smtpd_banner = hello there }"
    assert (smtp.chroot, smtp.process_limit, smtp.program, smtp.is_port_25) == ("y", "-", "smtpd", True)
    assert [key for key, service in services_of(TEXT).items() if service.is_port_25] == ["smtp/inet"]


def test_line_of_somebody_else_is_kept_where_it_stands() -> None:
    text = with_services(TEXT, "relay", [SCREEN])
    assert "#inbound.mail relay: smtp      inet  n       -       y" in text
    assert "#inbound.mail relay:   -o smtpd_sasl_auth_enable=no\n" in text
    assert "\nsmtp inet n - y - 1 postscreen\n" in text
    assert services_of(text)["smtp/unix"] == services_of(TEXT)["smtp/unix"]
    assert owned_by_others(text, "server") == {"smtp/inet": "relay"}
    assert with_services(text, "relay", [SCREEN]) == text


LINES = (
    "smtp inet n - y - - smtpd\n",
    "  -o a=b\n",
    "# note\n",
    "\n",
    "smtp unix - - n - - smtp\n",
    "broken\n",
    "bounce",
)


@given(st.lists(st.sampled_from(LINES)).map("".join), st.sampled_from(["smtp/inet", "smtpd/pass"]))
def test_file_comes_back_byte_for_byte(text: str, key: str) -> None:
    service = Service(*key.split("/"), command="postscreen")
    changed = with_services(text, "relay", [service])
    assert services_of(changed)[key] == service
    assert without_services(changed, "relay") == text


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("smtp inet n - y - - smtpd -o a=1 -o b=2", "smtp inet n - y - - smtpd -o b=2"),
        ("smtp inet n - y - - smtpd -o { a = x y } -o c=3", "smtp inet n - y - - smtpd -o c=3"),
        ("smtp inet n - y - - smtpd\n  -o ab=1\n  -oa=2", "smtp inet n - y - - smtpd -o ab=1"),
        ("smtp inet n - y - - smtpd -o b=a=1", "smtp inet n - y - - smtpd -o b=a=1"),
    ],
)
def test_options_are_left_out(line: str, left: str) -> None:
    (found,) = services_of(without_options(f"{line}\n", ("a",))).values()
    assert found.line() == left
