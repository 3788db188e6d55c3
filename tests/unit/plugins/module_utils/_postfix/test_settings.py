# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that somebody sets one by one, with the values that YAML makes of what was written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.inbound.mail.plugins.module_utils._postfix.desired import desired
from ansible_collections.inbound.mail.plugins.module_utils._validation import InvalidError


def settings(text: str) -> dict[str, str]:
    options: dict[str, Any] = {
        "name": "mine",
        "state": "present",
        "relay": None,
        "server": None,
        "edge": None,
        "credentials": {},
        "config_directory": "/etc/postfix",
    }
    configuration = desired({**options, "settings": yaml.safe_load(text)}, {"main.cf": "", "master.cf": ""}, known=None)
    return dict(configuration.settings)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("'yes'", "yes"),
        ("50", "50"),
        ("''", ""),
        ("$myhostname ESMTP", "$myhostname ESMTP"),
    ],
)
def test_value_as_postfix_reads_it(written: str, value: str) -> None:
    assert settings(f"smtpd_helo_required: {written}") == {"smtpd_helo_required": value}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "the value is not text"),
        ("[a, b]", "the value is not text"),
        ("{a: b}", "the value is not text"),
        ('"a\\nmynetworks = 0.0.0.0/0"', "the value has more than one line"),
        ('"a\\0b"', "the value has a NUL character"),
    ],
)
def test_value_that_main_cf_cannot_have(written: str, says: str) -> None:
    with pytest.raises(InvalidError) as caught:
        settings(f"smtpd_banner: {written}")
    assert [(problem.option, problem.message) for problem in caught.value.problems] == [("settings.smtpd_banner", says)]
