# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run on earlier observations: no network, every format that is read, and what makes the task fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.module_utils._path_check.argument_spec import ARGUMENT_SPEC
from ansible_collections.inbound.mail.plugins.module_utils._path_check.arguments import ArgumentsError
from ansible_collections.inbound.mail.plugins.module_utils._path_check.check import run
from ansible_collections.inbound.mail.plugins.module_utils._path_check.observation import READ_VERSIONS, fold

from .faults import behind, lost
from .sound import VANTAGE


def judged(observation: Any, expect: Any, **more: Any) -> tuple[str | None, Any]:
    """Of an observation that went through JSON."""
    params: Any = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    lab = {"public_networks": ["203.0.113.0/24"], "egress_targets": [VANTAGE]}
    read = [json.loads(json.dumps(observation))]
    return run({**params, **lab, "expectations": expect, "observations": read, **more}, check_mode=False)


@pytest.mark.parametrize("version", READ_VERSIONS)
def test_observation_of_every_version_is_judged(version: int, observation: Any, expect: Any) -> None:
    behind(observation)
    if version > 1:
        fold(observation["zones"][0])
    failure, result = judged({**observation, "format_version": version}, expect)
    assert failure is None
    assert [one["id"] for one in result["findings"]] == ["serial-mismatch"]


def test_observation_of_a_later_version_is_refused(observation: Any, expect: Any) -> None:
    with pytest.raises(ArgumentsError, match="Observe again"):
        judged({**observation, "format_version": max(READ_VERSIONS) + 1}, expect)


def test_failure_says_the_verdict_and_has_the_report(observation: Any, expect: Any) -> None:
    lost(observation)
    failure, result = judged(observation, expect)
    assert str(failure).startswith("Verdict: 1 error.")
    assert result["report"] in str(failure)
    assert judged(observation, expect, fail_on="never")[0] is None
    known = {"id": "delivery-missing", "subject": None, "reason": "known", "until": None}
    assert judged(observation, expect, accepted=[known])[0] is None


def test_the_path_of_a_message_that_an_earlier_release_recorded_has_its_times(observation: Any, expect: Any) -> None:
    observation["sent"][0]["at"] = 1.0
    for hop in observation["traces"][0]["hops"]:
        hop["date"] = "Thu, 1 Jan 1970 00:00:03 +0000"
        del hop["at"]
    _failure, result = judged(observation, expect)
    assert "mail.example.org (from 203.0.113.25, +2 s)" in " ".join(result["report"].split())
