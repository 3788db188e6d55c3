# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change is confirmed where no new connection comes about, by a clock of the test's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.inbound.mail.plugins.action import firewall


class Refused(firewall.ActionModule):
    """On a host that has taken the change and from then on refuses connections at once."""

    def __init__(self) -> None:
        self._task = SimpleNamespace(args={"name": "nat", "confirm_timeout": 60}, check_mode=False)
        self._connection = SimpleNamespace(reset=lambda: None)
        self.tries = 0

    def _execute_module(self, *_words: Any, **_options: Any) -> dict[str, Any]:
        self.tries += 1
        raise AnsibleConnectionFailure("Connection refused")


def test_host_that_refuses_at_once_is_not_tried_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of attempts look like an attack, and fail2ban would shut out whoever makes them."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(firewall, "time", clock)
    action = Refused()
    with pytest.raises(AnsibleActionFail, match="takes it back by itself"):
        action._confirm({}, 60.0, "7d1f0c52a4b8e963")
    assert now[0] >= 60, "it gave up early"
    assert action.tries <= 61
