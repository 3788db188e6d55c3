# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module delivery_trace leaves in the host's log, and in its result, of a mailbox's password."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.inbound.mail.plugins.modules import delivery_trace


@pytest.mark.parametrize("password", [r"plain-secret", r"back\slash-secret", 'it\'s a "quoted"-secret'])
def test_password_of_an_account_is_in_no_log(
    password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda *words: logged.append(str(words[-1])))
    # Nobody listens there.
    account = {"server": "127.0.0.1", "port": 1, "user": "postmaster@example.org", "password": password}
    token = "path-check-0123456789abcdef01234567"
    arguments = {"tokens": [token], "timeout": 0.0, "imap": [account]}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        delivery_trace.main()
    printed = capsys.readouterr().out
    assert logged
    assert "secret" not in "".join(logged) + printed
    # All else is shown as it is.
    (unread,) = json.loads(printed)["unread"]
    assert unread.startswith("imap://postmaster@example.org@127.0.0.1:1: ")
