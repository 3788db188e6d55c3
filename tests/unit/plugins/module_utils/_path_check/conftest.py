# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sound domain, for a test to change."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from .sound import EXPECT, OBSERVATION


@pytest.fixture
def expect() -> dict[str, list[dict[str, Any]]]:
    return copy.deepcopy(EXPECT)


@pytest.fixture
def observation() -> dict[str, Any]:
    return copy.deepcopy(OBSERVATION)
