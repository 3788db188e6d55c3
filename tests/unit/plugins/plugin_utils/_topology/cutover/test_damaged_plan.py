# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A former plan with any one value exchanged for another, as by an editor, raises nothing but what its reader tells."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from ansible_collections.inbound.mail.plugins.action.plan import STRANGE
from ansible_collections.inbound.mail.plugins.plugin_utils._topology.cutover.stages import (
    STAGES,
    Inventoried,
    Transition,
)
from ansible_collections.inbound.mail.tests.unit.plugins.plugin_utils._topology.cutover.test_stages import NAT, RELAY

INVENTORIED = Inventoried({"mail", "relay"}, {"gw"})
STRANGERS = (None, True, -1, 1e300, "", "\0", "example", [], ["example"], [[]], {}, {"example": 1})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in it, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@pytest.mark.parametrize("seed", range(150))
def test_no_value_of_a_former_plan_ends_in_a_traceback(seed: int, plan_of: Any) -> None:
    chance = random.Random(seed)
    former, new = copy.deepcopy(plan_of(RELAY)), plan_of(NAT)
    container, key = chance.choice(places(former))
    if chance.random() < 0.2:
        del container[key]
    else:
        container[key] = chance.choice(STRANGERS)
    try:
        transition = Transition(former, new)
        if not transition.problems(INVENTORIED):
            for stage in STAGES:
                transition.plan(stage)
    except STRANGE as error:
        assert str(error)
