# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.inbound.mail.tests.integration.postfix.debian_host import DebianHost, debian_host
from debian_lab import RELEASES


@pytest.fixture(params=RELEASES)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DebianHost]:
    with debian_host(request.param, tmp_path) as found:
        yield found
